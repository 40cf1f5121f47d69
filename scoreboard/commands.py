"""`mlmon scoreboard`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import JsonOption
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from mlmon.scoreboard.scoring.records import Record
    from mlmon.scoreboard.scoring.totals import Goal

app = typer.Typer()


@app.command()
def scoreboard(
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 1,
    first_seed: Annotated[
        int, typer.Option(min=1, help="First seed; 1 to 9 are for choosing limits.")
    ] = 101,
    size: Annotated[
        list[str] | None,
        typer.Option(help="Predictions a day: 150, 2000 or 50000; repeat for several."),
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option(help="Kind of fault or trap; repeat for several.")
    ] = None,
    timeline: Annotated[
        list[str] | None,
        typer.Option(help="Group of kinds (operations, data, model, calm, backfill, tiny)."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="File of scores: those in it are not run again.")
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Page to write the tables into.")] = None,
    *,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Report the scores in --keep, and run nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Replay seeded faults and traps, and report what is found how soon and what is false.

    Takes a node of its own and an hour or more for each size and seed; --keep continues a run, also
    of other kinds, and --no-run reports what it holds.
    Exit codes: 0 the goals are met; 1 one is missed.
    """
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.system.progress import show_progress
    from mlmon.scoreboard.faults.catalogue import chosen
    from mlmon.scoreboard.faults.fault import Size
    from mlmon.scoreboard.replay.own_node import own_cluster
    from mlmon.scoreboard.run import KeptScores, run_timeline, timelines
    from mlmon.scoreboard.scoring.page import into_page
    from mlmon.scoreboard.scoring.totals import not_run, peer_goals, totals

    wanted = size or [one.value for one in Size]
    unknown = [one for one in wanted if one not in {known.value for known in Size}]
    if unknown:
        raise WrongValueError(
            f"There is no size {', '.join(unknown)}", f"There are: {', '.join(Size)}."
        )
    faults = chosen(kinds or [])
    reported = range(first_seed, first_seed + seeds)
    scores = KeptScores(keep)
    planned = list(timelines([Size(one) for one in wanted], reported, faults, timeline or []))
    due = [one for one in planned if one.key not in scores.records]
    if due and not no_run:
        with own_cluster() as cluster, show_progress() as report:
            for one in due:
                scores.add(run_timeline(cluster, one, report))
    records = scores.chosen(planned) if no_run else [scores.records[one.key] for one in planned]
    goals = [
        *(goal for total in totals([record.score for record in records]) for goal in total.goals()),
        *peer_goals(records),
        *not_run(planned, records),
    ]
    missed = [goal.text for goal in goals if not goal.is_met]
    if into is not None:
        page = into_page(into.read_text(encoding="utf-8"), records, goals)
        into.write_text(page, encoding="utf-8")
    if as_json:
        value = {
            "scores": [record.to_json() for record in records],
            "met_goals": [goal.text for goal in goals if goal.is_met],
            "missed_goals": missed,
        }
        print(json.dumps(value))
    else:
        _print(records, goals)
    if missed:
        raise typer.Exit(ExitCode.FAILED)


def _print(records: "list[Record]", goals: "list[Goal]") -> None:
    from rich.markup import escape
    from rich.table import Table

    from mlmon.elastic.system.terminal import terminal_console
    from mlmon.scoreboard.run import CHOOSING_SEEDS, FIRST_REPORTED
    from mlmon.scoreboard.scoring.page import tables

    console = terminal_console(width=None if sys.stdout.isatty() else 160)
    for table in tables(records):
        if table.rows:
            shown = Table(*map(escape, table.head), title=escape(table.title), title_justify="left")
            for row in table.rows:
                shown.add_row(*map(escape, row))
            console.print(shown)
    console.print(
        f"Seeds {CHOOSING_SEEDS[0]} to {CHOOSING_SEEDS[-1]} are for choosing limits; "
        f"those that are reported begin at {FIRST_REPORTED}."
    )
    for goal in sorted(goals, key=lambda goal: not goal.is_met):
        console.print(f"{'met' if goal.is_met else 'missed'}: {escape(goal.text)}")
