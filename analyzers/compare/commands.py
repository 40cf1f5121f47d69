"""`mlmon compare`: what moved between two times, or since training."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace, Since, Until

if TYPE_CHECKING:
    from mlmon.analyzers.compare.comparison import ComparisonRow
    from mlmon.analyzers.compare.traffic import TrafficComparison

app = typer.Typer()


def _drift_test(name: str | None) -> str | None:
    from mlmon.analyzers.settings import known_drift_test
    from mlmon.elastic.errors import WrongValueError

    try:
        return name and known_drift_test(name)
    except ValueError as error:
        raise WrongValueError(str(error), "The drift tests: docs/drift-tests.md.") from None


def _drift_tests() -> list[str]:
    from mlmon.analyzers.settings import drift_test_names

    return drift_test_names()


_BAR = 20


@app.command()
def compare(
    since: Since = "7d",
    until: Until = "now",
    with_since: Annotated[
        str | None,
        typer.Option(help="Compare with another period instead of training: its start."),
    ] = None,
    with_until: Annotated[
        str | None, typer.Option(help="End of the other period. (default: --since)")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model to compare. (default: the one that served last)")
    ] = None,
    model_version: Annotated[
        str | None, typer.Option(help="Version whose baseline to use.")
    ] = None,
    namespace: Namespace = None,
    *,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine", help="Count again in the logs where buckets are too coarse to decide."
        ),
    ] = False,
    test: Annotated[
        str | None,
        typer.Option(
            help="Drift test for all features. (default: those of feature_drift)",
            callback=_drift_test,
            autocompletion=_drift_tests,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rank features and scores by their drift from training, or from another period.

    Reads stored profiles: a period of months takes about a second, and its logs may be deleted.
    Periods are cut to full hours.
    """
    from datetime import UTC, datetime

    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.analyzers.base.window import HOUR, Window, floor
    from mlmon.analyzers.compare.traffic import compared
    from mlmon.analyzers.drift.chosen_tests import ChosenTests
    from mlmon.analyzers.settings import AnalyzersSettings, FeatureDriftSettings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    def period(first: str, last: str) -> Window:
        window = Window(*(floor(time_argument(moment, now), HOUR) for moment in (first, last)))
        if window.start >= window.end:
            raise WrongValueError(
                f"There is no whole hour between {first} and {last}", "Give the earlier time first."
            )
        return window

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    known = AnalyzersSettings.load().feature_drift
    tests = ChosenTests.of(FeatureDriftSettings.model_validate({"test": test}) if test else known)
    window = period(since, until)
    if with_until and not with_since:
        raise WrongValueError(
            "--with-until has no start", "Give the start of the other period with --with-since."
        )
    before = period(with_since, with_until or since) if with_since else None
    with connect(settings) as cluster, show_progress("adding up profiles"):
        result = compared(
            cluster,
            settings.namespace,
            window,
            before,
            (model, model_version),
            tests,
            refine=refine,
        )
    if as_json:
        print(json.dumps(result.to_json()))
    else:
        _print(result)


def _print(result: "TrafficComparison") -> None:
    from rich.markup import escape

    from mlmon.analyzers.base.severity_styles import SEVERITY_STYLES
    from mlmon.analyzers.drift.refinement import still_open
    from mlmon.elastic.system.terminal import terminal_console

    console = terminal_console(soft_wrap=True)
    console.print(escape(result.title))
    widest = max(len(row.feature) for row in result.rows)
    for row in result.rows:
        style = SEVERITY_STYLES[row.severity]
        console.print(
            f"{escape(row.feature.ljust(widest))}  [{style}]{_bar(row)}[/]  "
            f"{_distance(row)}  {escape(row.moved)}{still_open(row.drift) if row.drift else ''}"
        )


def _bar(row: "ComparisonRow") -> str:
    """Draw the distance: full for what neither chance nor buckets explain, light for the rest."""
    if row.drift is None:
        return " " * _BAR
    certain, possible = (
        round(_BAR * min(1.0, value)) for value in (row.drift.low, row.drift.value)
    )
    return ("█" * certain + "░" * max(0, possible - certain)).ljust(_BAR, "·")


def _distance(row: "ComparisonRow") -> str:
    if row.drift is None:
        return "not comparable"
    return f"{row.drift.value:.3f} ({row.drift.low:.3f}…{row.drift.high:.3f})".ljust(20)
