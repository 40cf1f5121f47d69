"""`mlmon alerts`, `alerting` and `tune`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlmon.alerting.actions import commands as incidents
from mlmon.elastic.command_options import JsonOption, Namespace, Since, Until
from mlmon.elastic.exit_codes import ExitCode

app = typer.Typer()
alerts = typer.Typer(
    help="List the alerts behind incidents; send to Alertmanager.", invoke_without_command=True
)
alerting = typer.Typer(help="Test the routes to people.", no_args_is_help=True)
app.add_typer(incidents.app, name="incidents")
app.add_typer(alerting, name="alerting")
app.add_typer(alerts, name="alerts")


@alerts.callback()
def list_alerts(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(help="Also list alerts closed since then: ISO time, or such as 14d."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also list all closed alerts.")] = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """List open alerts, the newest first; `mlmon incidents` groups them."""
    if context.invoked_subcommand is not None:
        return
    from datetime import UTC, datetime

    from mlmon.alerting.alerts.store import AlertStore
    from mlmon.alerting.incidents.sentences import member_line
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.analyzers.base.window import EPOCH
    from mlmon.analyzers.run.judged import judged
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    begin = EPOCH if every else time_argument(since, now) if since else None
    with connect(settings) as cluster:
        store = AlertStore(cluster, settings.namespace)
        found = list(store.open() if begin is None else store.overlapping(begin))
        nothing = None if found else judged(cluster, settings.namespace)
    found.sort(key=lambda alert: alert.opened, reverse=True)
    if as_json:
        for alert in found:
            print(json.dumps(alert.to_document(), ensure_ascii=False))
        return
    _print([(member_line(alert), alert.reason) for alert in found])
    if nothing is None:
        return
    if nothing.any:
        print("No open alerts; `mlmon alerts --since 7d` lists closed ones too.")
    else:
        print(f"Namespace {settings.namespace!r}: {nothing.sentence(now)}")


@alerts.command()
def evaluate(
    since: Since = "30d", namespace: Namespace = None, as_json: JsonOption = False
) -> None:
    """Open and close alerts and incidents from the findings; `analyze` and `run` do so, too."""
    from datetime import UTC, datetime

    from mlmon.alerting.publish import update
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    begin = time_argument(since, now)
    with connect(settings) as cluster, show_progress("evaluating"):
        evaluation = update(cluster, settings.namespace, begin, now, load_alerting_settings())
    print(json.dumps(evaluation.to_json()) if as_json else evaluation.summary())


@alerts.command()
def send(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Send open and lately ended incidents to Alertmanager; `analyze` and `run` do so, too."""
    from datetime import UTC, datetime

    from mlmon.alerting.publish import Alerting, alertmanager_payloads, send_to_alertmanager
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.settings import load_settings

    settings, alerting = load_settings(namespace=namespace), load_alerting_settings()
    now, pages = datetime.now(UTC), (context.obj or Alerting()).pages
    with connect(settings) as cluster:
        if dry_run:
            found = alertmanager_payloads(cluster, settings.namespace, now, alerting, pages)
            for payload in found:
                print(json.dumps(payload))
            return
        if not alerting.alertmanagers:
            raise WrongValueError(
                "No Alertmanager: no URL is set", "Set MLMON_ALERTING_ALERTMANAGER_URL."
            )
        number = send_to_alertmanager(cluster, settings.namespace, now, alerting, pages)
    if as_json:
        print(json.dumps({"sent": number, "urls": alerting.alertmanagers}))
    else:
        print(f"sent {number} alerts to {', '.join(alerting.alertmanagers)}")


def _print(lines: list[tuple[str, str]]) -> None:
    from rich.text import Text

    from mlmon.analyzers.base.finding import Severity
    from mlmon.analyzers.base.severity_styles import SEVERITY_STYLES
    from mlmon.elastic.system.terminal import print_line, terminal_console

    console = terminal_console()
    for head, sentence in lines:
        word, _, rest = head.partition(" ")
        print_line(console, Text(word, SEVERITY_STYLES[Severity(word)]).append(f" {rest}", "none"))
        print_line(console, Text(sentence), first=2, rest=2)


@alerting.command("test")
def try_routes(as_json: JsonOption = False) -> None:
    """Send a test by every route and to Alertmanager, and report which took it."""
    from datetime import UTC, datetime

    from mlmon.alerting.publish import NOT_TRIED, tried_routes
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.elastic.errors import UserError

    settings = load_alerting_settings()
    if not (settings.notify or settings.alertmanagers):
        raise UserError(
            "No route to people is declared",
            "Declare [alerting.notify.<name>], or alertmanager_url in [alerting], in mlmon.toml.",
        )
    outcomes = tried_routes(settings, datetime.now(UTC))
    for name, outcome in outcomes.items():
        print(json.dumps({"route": name, "outcome": outcome}) if as_json else f"{name}: {outcome}")
    if any(outcome not in {"sent", NOT_TRIED} for outcome in outcomes.values()):
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def tune(
    limits: Annotated[
        Path,
        typer.Option(help="File that stands for mlmon.toml; its table [analyzers] is tried."),
    ],
    since: Since = "30d",
    until: Until = "now",
    more_messages: Annotated[
        float, typer.Option(min=0.0, help="Additional messages a week that are no regression.")
    ] = 0.0,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the past under other limits: incidents gained and lost, messages a week.

    Stored profiles are judged in memory, under the limits in force and under those of the file;
    nothing is stored. Exits with 1 on a regression: an incident called `fixed` is lost or no longer
    critical, more incidents called false alarms are raised, or there are more messages.
    """
    from datetime import UTC, datetime

    from mlmon.alerting.actions.tuning import tuning
    from mlmon.analyzers.base.time_argument import check_order, time_argument
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.run.limit_set import limits_in_force, limits_of_file
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    if not limits.is_file():
        raise WrongValueError(f"There is no file {limits}", "Name a file like mlmon.toml.")
    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    period = Window(time_argument(since, now), min(now, time_argument(until, now)))
    check_order(period.start, period.end)
    sets = limits_in_force(), limits_of_file(limits)
    with connect(settings) as cluster, show_progress("judging") as report:
        found = tuning(cluster, settings.namespace, period, now, *sets, progress=report)
    if as_json:
        value = {"limits": str(limits)} | found.to_json(more_messages)
        print(json.dumps(value, ensure_ascii=False))
    else:
        for line in found.lines(str(limits), more_messages):
            print(line)
    if found.regressions(more_messages):
        raise typer.Exit(ExitCode.FAILED)
