"""`mlmon baseline create | list | show | references | revoke`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace
from mlmon.elastic.system.terminal import print_text

if TYPE_CHECKING:
    from mlmon.analyzers.baselines.accepted_store import AcceptedStore
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.baselines.store import BaselineStore
    from mlmon.elastic.errors import UserError

app = typer.Typer(
    help="Manage baselines: what each model version was trained on.", no_args_is_help=True
)

ModelOption = Annotated[str | None, typer.Option(help="Name of the model.")]
VersionOption = Annotated[str | None, typer.Option("--model-version", help="Version of the model.")]


@app.command()
def create(
    path: Annotated[
        Path, typer.Argument(exists=True, help="A table, a model's folder, or a folder of these.")
    ],
    model: ModelOption = None,
    version: VersionOption = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            help="Categorical feature whose values are analyzed separately; repeat for several. "
            "(default: segments under [analyzers] of mlmon.toml)"
        ),
    ] = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Create the baseline of each model version from its training set.

    Running it again changes nothing.
    """
    from datetime import UTC, datetime

    from mlmon.analyzers.baselines.training_set import read_baselines
    from mlmon.analyzers.settings import AnalyzersSettings

    segmented = segment or list(AnalyzersSettings.load().segments)
    store = _store(namespace)
    logged = store.logged_types()
    made = list(read_baselines(path, datetime.now(UTC), model, version, segmented, logged))
    store.write(made)
    if as_json:
        for baseline in made:
            print(json.dumps(_summary(baseline)))
        return
    for baseline in made:
        print(f"baseline {baseline.id}: {_sentence(baseline)}")
        if baseline.passed_over:
            names = ", ".join(baseline.passed_over)
            print(
                "  passed over, neither numbers, categories nor embeddings, or named like a "
                f"secret: {names}",
                file=sys.stderr,
            )


@app.command("list")
def list_baselines(namespace: Namespace = None, as_json: JsonOption = False) -> None:
    """List the baselines; `*` marks the current one of each version."""
    store = _store(namespace)
    unread: list[UserError] = []
    current = {baseline.id for baseline in store.current(unread).values()}
    known = sorted(store.all(unread=[]), key=lambda baseline: (baseline.model, baseline.created))
    for error in unread:
        print(f"{error.message}. {error.hint}", file=sys.stderr)
    if as_json:
        for baseline in known:
            print(json.dumps(_summary(baseline) | {"current": baseline.id in current}))
        return
    for baseline in known:
        print(f"{'*' if baseline.id in current else ' '} {baseline.id}  {_sentence(baseline)}")
    if not known:
        print("no baselines; create one with `mlmon baseline create models/`")


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Version of the model.")],
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Show the current baseline of a model version: its metrics and features.

    Published metrics stand with those of the training set's own out-of-fold scores and labels
    (precision, recall and F1 at 0.5).
    """
    from mlmon.elastic.errors import WrongValueError

    baseline = _store(namespace).current().get((model, version))
    if baseline is None:
        raise WrongValueError(
            f"There is no baseline for {model} {version}",
            "See `mlmon baseline list`; make one with `mlmon baseline create`.",
        )
    if as_json:
        print(json.dumps(baseline.to_document()))
        return
    print(f"baseline {baseline.id}: {_sentence(baseline)}")
    for line in [*_metrics(baseline), *_features(baseline), *_moved(baseline, namespace)]:
        print(f"  {line}")


@app.command()
def references(namespace: Namespace = None, as_json: JsonOption = False) -> None:
    """List the parts of baselines that people moved to later traffic, the revoked ones too."""
    from mlmon.formatting import count, moment

    found = _accepted(namespace).all()
    if as_json:
        for reference in found:
            print(json.dumps(reference.to_document(), ensure_ascii=False))
        return
    for reference in found:
        print(
            f"{reference.id[:8]} {reference.part.title} of {' '.join(reference.model)}: "
            f"{count(reference.rows, 'row')} since {moment(reference.counted.start)}, "
            f"accepted by {reference.by} {moment(reference.accepted)}"
        )
        if reference.why:
            print_text(f"  {reference.why}")
        if reference.revoked:
            print(f"  revoked by {reference.revoked_by} {moment(reference.revoked)}")
    if not found:
        print("no accepted references; `mlmon incidents feedback ID new_normal` makes them")


@app.command()
def revoke(
    reference: Annotated[
        str, typer.Argument(metavar="ID", help="The reference's id, or its first 4 or more digits.")
    ],
    by: Annotated[str | None, typer.Option("--by", help="Your name. (default: your login)")] = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Take an accepted reference back: later windows are compared with the training set again."""
    import getpass
    from datetime import UTC, datetime

    revoked = _accepted(namespace).revoke(reference, by or getpass.getuser(), datetime.now(UTC))
    if as_json:
        print(json.dumps(revoked.to_document(), ensure_ascii=False))
    else:
        print(f"{revoked.part.title} of {' '.join(revoked.model)}: compared with training again")


def _moved(baseline: "Baseline", namespace: str | None) -> list[str]:
    """Return a line for each part that later windows are compared with in place of training."""
    return [
        f"{reference.part.title}: {reference.note}"
        for reference in _accepted(namespace).all()
        if reference.baseline_id == baseline.id and reference.revoked is None
    ]


def _metrics(baseline: "Baseline") -> list[str]:
    from mlmon.analyzers.baselines.out_of_fold import explained, out_of_fold

    own = out_of_fold(baseline.labeled) if baseline.labeled else {}
    chance = explained(baseline.labeled) if baseline.labeled else {}
    lines = []
    for name in {**baseline.metrics, **own}:
        value = f"{baseline.metrics[name]:.4g}" if name in baseline.metrics else "not published"
        known = f"; out of fold {own[name].low:.4g} to {own[name].high:.4g}" if name in own else ""
        lines.append(f"{name} {value}{known}{f' ({chance[name]})' if name in chance else ''}")
    return lines


def _features(baseline: "Baseline") -> list[str]:
    from mlmon.analyzers.statistics.percentiles import percentile
    from mlmon.formatting import number, percent

    lines = []
    for name, sample in sorted(baseline.numeric.items()):
        median = percentile(sample, 0.5).middle
        low, high = sample.minimum or 0.0, sample.maximum or 0.0
        lines.append(
            f"{name}: {number(low)} to {number(high)}, median {number(median)}, "
            f"{percent(sample.missing / baseline.rows)} missing"
        )
    for name, known in sorted(baseline.categorical.items()):
        shares = (
            f"{category} {percent(n / known.n)}" for category, n in known.counts.most_common(5)
        )
        lines.append(f"{name}: {len(known.counts)} categories, {', '.join(shares)}")
    for name, vectors in sorted(baseline.embeddings.items()):
        lines.append(f"{name}: {vectors.logged:,} embeddings of {vectors.dimension} numbers")
    return lines


def _sentence(baseline: "Baseline") -> str:
    return (
        f"{baseline.model_name} {baseline.model_version}, {baseline.rows:,} rows, "
        f"{len(baseline.numeric)} numeric and {len(baseline.categorical)} categorical features, "
        f"{'scores' if baseline.score else 'no scores'}, made {baseline.created:%Y-%m-%d %H:%M} UTC"
        f" from {baseline.source}"
    )


def _summary(baseline: "Baseline") -> dict[str, object]:
    return {
        "id": baseline.id,
        "model": baseline.model_name,
        "version": baseline.model_version,
        "rows": baseline.rows,
        "numeric": sorted(baseline.numeric),
        "categorical": sorted(baseline.categorical),
        "embeddings": sorted(baseline.embeddings),
        "scores": baseline.score is not None,
        "segments": {name: sorted(values) for name, values in baseline.segments.items()},
        "labeled": baseline.labeled.n if baseline.labeled else 0,
        "metrics": dict(baseline.metrics),
        "created": baseline.created.isoformat(),
        "source": baseline.source,
        "passed_over": list(baseline.passed_over),
    }


def _store(namespace: str | None) -> "BaselineStore":
    from mlmon.analyzers.baselines.store import BaselineStore
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings = load_settings(namespace=namespace)
    return BaselineStore(connect(settings), settings.namespace)


def _accepted(namespace: str | None) -> "AcceptedStore":
    from mlmon.analyzers.baselines.accepted_store import AcceptedStore
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings = load_settings(namespace=namespace)
    return AcceptedStore(connect(settings), settings.namespace)
