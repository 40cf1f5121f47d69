"""`mlmon run`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def run(
    every: Annotated[str, typer.Option(help="Time between cycles, such as 5m or 1h.")] = "5m",
    once: Annotated[bool, typer.Option("--once", help="Run one cycle and end.")] = False,
    since: Annotated[
        str, typer.Option(help="Where no cycle has run yet: how long ago to begin, such as 7d.")
    ] = "1d",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a cycle.")] = False,
) -> None:
    """Judge what is new, again and again: late logs and labels included, after a pause too.

    Started twice, one waits for the other. Each cycle is logged as a run of the job `mlmon_cycle`.
    """
    from mlmon.analyzers.base.time_argument import length_argument
    from mlmon.analyzers.run.cycle.holder import this_process
    from mlmon.analyzers.run.cycle.runner import Runner
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import shown_progress
    from mlmon.elastic.system.shutdown import stopped_by_signals

    settings = load_settings()
    interval, begin = length_argument(every), length_argument(since)
    with (
        stopped_by_signals() as stopping,
        connect(settings) as cluster,
        shown_progress() as progress,
    ):
        runner = Runner(
            cluster,
            settings.namespace,
            this_process(),
            lambda: datetime.now(UTC),
            progress=progress,
            since=begin,
            as_json=as_json,
        )
        if once:
            cycle = runner.once()
            raise typer.Exit(1 if cycle is None or cycle.failed else 0)
        runner.until(stopping, interval)
