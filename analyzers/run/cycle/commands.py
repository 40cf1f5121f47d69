"""`mlmon run`."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlmon.analyzers.base.window import HOUR
from mlmon.elastic.command_options import JsonOption, MetricsOption, Namespace
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from mlmon.analyzers.run.cycle.side_command import SideCommand

app = typer.Typer()


@app.command()
def run(
    context: typer.Context,
    every: Annotated[str, typer.Option(help="Time between cycles, such as 5m or 1h.")] = "5m",
    once: Annotated[bool, typer.Option("--once", help="Run one cycle and exit.")] = False,
    since: Annotated[
        str, typer.Option(help="How far back the first cycle ever begins, such as 7d.")
    ] = "1d",
    namespace: Namespace = None,
    metrics: MetricsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the analyzers continuously (default: every 5 minutes).

    Each cycle analyzes what is new, late logs and labels included. Between cycles, every 20
    seconds, it checks for total failures, silence and failed jobs. A second process waits for the
    first. Each cycle is logged as a run of the job `mlmon_cycle`.
    """
    from mlmon.analyzers.base.time_argument import length_argument
    from mlmon.analyzers.run.cycle.holder import this_process
    from mlmon.analyzers.run.cycle.metrics import CycleMetrics
    from mlmon.analyzers.run.cycle.runner import Runner, report_failure
    from mlmon.analyzers.run.subscriber import subscriber_of
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.metrics_endpoint import metrics_endpoint
    from mlmon.elastic.system.progress import show_progress
    from mlmon.elastic.system.shutdown import shutdown_event

    settings = load_settings(namespace=namespace)
    interval, begin = length_argument(every), length_argument(since)
    subscriber = subscriber_of(context)

    def report(line: str, known: dict[str, Any]) -> None:
        print(json.dumps(known) if as_json else line)

    try:
        connected = connect(settings)
    except UserError as error:
        report_failure(settings.namespace, error.message, datetime.now(UTC), report, subscriber)
        raise
    measured = CycleMetrics()
    with (
        connected as cluster,
        shutdown_event() as stopping,
        metrics_endpoint(metrics, measured) as url,
        show_progress() as progress,
    ):
        if url is not None:
            typer.echo(f"metrics: {url}", err=True)
        runner = Runner(
            cluster,
            settings.namespace,
            this_process(),
            lambda: datetime.now(UTC),
            progress=progress,
            since=begin,
            as_json=as_json,
            metrics=measured,
            subscriber=subscriber,
            side_command=_reports(settings.namespace),
        )
        if once:
            cycle = runner.once()
            failed = cycle is None or cycle.failed
            raise typer.Exit(ExitCode.FAILED if failed else ExitCode.DONE)
        runner.until(stopping, interval)


def _reports(namespace: str) -> "SideCommand | None":
    """Return what writes other libraries' reports, where any are set."""
    from mlmon.analyzers.report_settings import ReportsSettings
    from mlmon.analyzers.run.cycle.side_command import SideCommand

    reports = ReportsSettings.load()
    if not reports.wanted:
        return None
    words = ("reports", "write", "--namespace", namespace)
    return SideCommand(words, min(reports.interval, HOUR), lambda: datetime.now(UTC))
