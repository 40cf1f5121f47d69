"""`mlmon alerts`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mlmon.alerting.alerts.alert import Alert

app = typer.Typer()
alerts = typer.Typer(help="What is wrong now, since when and why.", invoke_without_command=True)
app.add_typer(alerts, name="alerts")

Json = Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")]
_STYLES = {"critical": "bold red", "warning": "yellow"}


@alerts.callback()
def list_alerts(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="Also those that ended after it: ISO time, or 14d ago.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also all that ever ended.")] = False,
    as_json: Json = False,
) -> None:
    """List what is open now: since when, the sentence, and what explains it."""
    if context.invoked_subcommand is not None:
        return
    from datetime import UTC, datetime

    from mlmon.alerting.alerts.store import AlertStore
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.analyzers.base.window import EPOCH
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings, now = load_settings(), datetime.now(UTC)
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


@alerts.command()
def evaluate(
    start: Annotated[
        str, typer.Option("--from", help="Evaluate from then on: ISO time, or 14d ago.")
    ] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring the alerts up to the findings; `analyze` and `run` do it by themselves."""
    from datetime import UTC, datetime

    from mlmon.alerting.alerts.evaluation import evaluate as evaluated
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import shown_progress

    settings = load_settings()
    since = time_argument(start, datetime.now(UTC))
    with connect(settings) as cluster, shown_progress("going through the findings"):
        evaluation = evaluated(cluster, settings.namespace, since)
    print(json.dumps(evaluation.to_json()) if as_json else evaluation.summary())


@alerts.command()
def send(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Tell Alertmanager what is open and what ended of late; `analyze` and `run` do it, too."""
    from datetime import UTC, datetime

    from mlmon.alerting.publish import recent_alerts, tell
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError
    from mlmon.elastic.settings import load_settings

    settings, alerting, now = load_settings(), load_alerting_settings(), datetime.now(UTC)
    with connect(settings) as cluster:
        if as_json:
            print(json.dumps(recent_alerts(cluster, settings.namespace, now, alerting)))
            return
        if alerting.alertmanager_url is None:
            raise UserError(
                "No Alertmanager: no URL is set", "Set MLMON_ALERTING_ALERTMANAGER_URL."
            )
        count = tell(cluster, settings.namespace, now, alerting.alertmanager_url, alerting)
    print(f"{count} alerts told to {alerting.alertmanager_url}")


@alerts.command("alertmanager-config")
def alertmanager_config() -> None:
    """Print an Alertmanager configuration in which causes mute what they explain."""
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
        console.print("nothing is open; `mlmon alerts --since 7d` lists what was")
