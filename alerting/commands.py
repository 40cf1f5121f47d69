"""`mlmon alerts`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import Json, Namespace, PeriodCommand, Since

if TYPE_CHECKING:
    from mlmon.alerting.alerts.alert import Alert

app = typer.Typer()
alerts = typer.Typer(help="List alerts; send them to Alertmanager.", invoke_without_command=True)
app.add_typer(alerts, name="alerts")

_STYLES = {"critical": "bold red", "warning": "yellow"}


@alerts.callback()
def list_alerts(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(help="Also list alerts closed since then: ISO time, or such as 14d."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also list all closed alerts.")] = False,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """List open alerts: since when, why, and their possible cause."""
    if context.invoked_subcommand is not None:
        return
    from datetime import UTC, datetime

    from mlmon.alerting.alerts.store import AlertStore
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.analyzers.base.window import EPOCH
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    begin = EPOCH if every else time_argument(since, now) if since else None
    with connect(settings) as cluster:
        store = AlertStore(cluster, settings.namespace)
        found = list(store.open() if begin is None else store.overlapping(begin))
        first = min((alert.opened for alert in found), default=now)
        others = {} if as_json else {alert.id: alert for alert in store.overlapping(first)}
    if as_json:
        for alert in found:
            print(json.dumps(alert.to_document(), ensure_ascii=False))
    else:
        _print(found, others | {alert.id: alert for alert in found})


@alerts.command(cls=PeriodCommand)
def evaluate(since: Since = "30d", namespace: Namespace = None, as_json: Json = False) -> None:
    """Open and close alerts from the findings; `analyze` and `run` do so by themselves."""
    from datetime import UTC, datetime

    from mlmon.alerting.alerts.evaluation import evaluate as evaluated
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import shown_progress

    settings = load_settings(namespace=namespace)
    start = time_argument(since, datetime.now(UTC))
    with connect(settings) as cluster, shown_progress("going through the findings"):
        evaluation = evaluated(cluster, settings.namespace, start)
    print(json.dumps(evaluation.to_json()) if as_json else evaluation.summary())


@alerts.command()
def send(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Send open and recently closed alerts to Alertmanager; `analyze` and `run` do so, too."""
    from datetime import UTC, datetime

    from mlmon.alerting.publish import recent_alerts, tell
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.settings import load_settings

    settings, alerting = load_settings(namespace=namespace), load_alerting_settings()
    now = datetime.now(UTC)
    with connect(settings) as cluster:
        if dry_run:
            for alert in recent_alerts(cluster, settings.namespace, now, alerting):
                print(json.dumps(alert))
            return
        if alerting.alertmanager_url is None:
            raise WrongValueError(
                "No Alertmanager: no URL is set", "Set MLMON_ALERTING_ALERTMANAGER_URL."
            )
        count = tell(cluster, settings.namespace, now, alerting.alertmanager_url, alerting)
    if as_json:
        print(json.dumps({"sent": count, "url": alerting.alertmanager_url}))
    else:
        print(f"sent {count} alerts to {alerting.alertmanager_url}")


@alerts.command("alertmanager-config")
def alertmanager_config() -> None:
    """Print an Alertmanager configuration in which an alert mutes the alerts that it explains."""
    from mlmon.alerting.notify.alertmanager_config import config

    print(config(), end="")


def _print(found: "list[Alert]", others: "dict[str, Alert]") -> None:
    from rich.console import Console
    from rich.markup import escape

    from mlmon.alerting.wording import story

    console = Console(highlight=False, soft_wrap=True)
    for depth, line in story(found, others):
        word, _, rest = line.partition(" ")
        style = _STYLES.get(word) if depth == 0 else None
        text = f"[{style}]{word}[/] {escape(rest)}" if style else escape(line)
        console.print(f"{'  ' * depth}{text}")
    if not found:
        console.print("no open alerts; list closed ones with `mlmon alerts --since 7d`")
