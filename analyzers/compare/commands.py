"""`mlmon compare`: what moved between two times, or since training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mlmon.analyzers.compare.comparison import Row
    from mlmon.analyzers.compare.traffic import Compared

app = typer.Typer()

_BAR = 20


@app.command()
def compare(
    start: Annotated[
        str, typer.Option("--from", help="Predictions from then on: ISO time, or 7d ago.")
    ] = "7d",
    end: Annotated[str, typer.Option("--to", help="Until when: ISO time, 6h ago, or now.")] = "now",
    with_start: Annotated[
        str | None,
        typer.Option("--with-from", help="Compare with the traffic from then on, not training."),
    ] = None,
    with_end: Annotated[
        str | None, typer.Option("--with-to", help="Its end; without it, where --from begins.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Which model; by default what served last.")
    ] = None,
    model_version: Annotated[str | None, typer.Option(help="Which version's baseline.")] = None,
    *,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine", help="Count again in the logs where buckets leave open how far it moved."
        ),
    ] = False,
    measures: Annotated[
        bool, typer.Option("--measures", help="Add PSI, Jensen-Shannon and Wasserstein distance.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank features and scores by how far they moved from training, or from another time.

    It reads stored profiles, so a window of months costs no more than a second, and its logs may be
    gone. Hours are compared whole.
    """
    from datetime import UTC, datetime

    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.analyzers.base.window import HOUR, Window, floor
    from mlmon.analyzers.compare.traffic import compared
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import shown_progress

    def period(first: str, last: str) -> Window:
        window = Window(*(floor(time_argument(each, now), HOUR) for each in (first, last)))
        if window.start >= window.end:
            raise UserError(
                f"There is no whole hour between {first} and {last}", "Give the earlier time first."
            )
        return window

    settings, now = load_settings(), datetime.now(UTC)
    window = period(start, end)
    before = period(with_start, with_end or start) if with_start else None
    with connect(settings) as cluster, shown_progress("adding up profiles"):
        result = compared(
            cluster, settings.namespace, window, before, (model, model_version), refine=refine
        )
    if as_json:
        print(json.dumps(result.to_json()))
    else:
        _print(result, measures=measures)


def _print(result: Compared, *, measures: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    from mlmon.analyzers.base.severity_styles import STYLES
    from mlmon.analyzers.drift.refinement import still_open

    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(result.title))
    widest = max(len(row.feature) for row in result.rows)
    for row in result.rows:
        style = STYLES[row.severity]
        console.print(
            f"{escape(row.feature.ljust(widest))}  [{style}]{_bar(row)}[/]  "
            f"{_distance(row)}  {escape(row.moved)}{still_open(row.drift) if row.drift else ''}"
        )
        if measures and row.drift:
            console.print(f"{' ' * widest}  {row.measures.sentence()}")


def _bar(row: Row) -> str:
    """Draw the distance: full for what neither chance nor buckets explain, light for the rest."""
    if row.drift is None:
        return " " * _BAR
    certain, possible = (round(_BAR * each) for each in (row.drift.low, row.drift.value))
    return ("█" * certain + "░" * max(0, possible - certain)).ljust(_BAR, "·")


def _distance(row: Row) -> str:
    if row.drift is None:
        return "not comparable"
    return f"{row.drift.value:.3f} ({row.drift.low:.3f}…{row.drift.high:.3f})".ljust(20)
