"""`mlmon sample`, and what Evidently and NannyML say of a sample."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Sample = Annotated[Path, typer.Argument(help="File that `mlmon sample` wrote.")]
Reference = Annotated[Path, typer.Option(help="The model's training_set.parquet, or its folder.")]


@app.command()
def sample(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "sample.parquet"
    ),
    window: Annotated[
        str | None,
        typer.Option(help="Predictions of the last 7d, or of 2026-11-01/2026-11-08, or 14d/7d."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Instead, from then on: ISO time, or 7d ago.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Until when: ISO time, 6h ago, or now.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Predictions at most.")] = 10_000,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    model_version: Annotated[str | None, typer.Option(help="Only of this version.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a sample of predictions with features, scores and outcomes as a Parquet file.

    The same predictions give the same rows, whenever it is drawn.
    """
    from datetime import UTC, datetime

    import pyarrow.parquet as pq

    from mlmon.analyzers.base.time_argument import window_argument
    from mlmon.analyzers.sample.draw import sample as draw
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.atomic_write import whole_file
    from mlmon.elastic.system.progress import shown_progress

    settings, now = load_settings(), datetime.now(UTC)
    if window and (start or end):
        raise UserError("The time is given twice", "Give --window, or --from and --to.")
    period = window_argument(window or f"{start or '7d'}/{end or 'now'}", now)
    wanted = {"ml.model.name": model, "ml.model.version": model_version}
    narrowed = {name: value for name, value in wanted.items() if value is not None}
    with connect(settings) as cluster, shown_progress() as progress:
        table = draw(cluster, settings.namespace, period, rows, model=narrowed, progress=progress)
    if table.num_rows == 0:
        raise UserError(
            f"Namespace {settings.namespace} holds no such predictions",
            "Choose another time with --window, or another model.",
        )
    with whole_file(out) as part:
        pq.write_table(table, part, compression="zstd")
    labelled = table.num_rows - table.column("ml.outcome.label").null_count
    if as_json:
        told = {"path": str(out.absolute()), "rows": table.num_rows, "labelled": labelled}
        print(json.dumps(told))
        return
    print(f"{out.absolute()}: {table.num_rows:,} predictions, {labelled:,} with their outcome")


@app.command()
def evidently(
    sample_file: Sample,
    reference: Reference,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "evidently.html"
    ),
) -> None:
    """Write Evidently's report of a sample against the training set (extra `evidently`).

    Where outcomes are known, one of the performance on them is written beside it.
    """
    from mlmon.analyzers.sample import comparison, evidently_report

    compared = comparison.read(sample_file, reference)
    _tell(compared.left_out, *evidently_report.write_report(compared, out))


@app.command()
def nannyml(
    sample_file: Sample,
    reference: Reference,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("nannyml.html"),
) -> None:
    """Write NannyML's figures of a sample against the training set (extra `nannyml`)."""
    from mlmon.analyzers.sample import comparison, nannyml_report

    compared = comparison.read(sample_file, reference)
    nannyml_report.write_report(compared, out)
    _tell(compared.left_out, out)


def _tell(left_out: tuple[str, ...], *written: Path) -> None:
    if left_out:
        why = "without values in one of them, or of two types"
        print(f"left out, {why}: {', '.join(left_out)}", file=sys.stderr)
    for path in written:
        print(path.absolute())
