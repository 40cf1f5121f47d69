"""`mlmon incidents`: what is wrong, and who has it."""

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.alerting.incidents.verdict import Verdict
from mlmon.elastic.command_options import JsonOption, Namespace
from mlmon.elastic.errors import UserError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.elastic.system.terminal import print_text
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.alerting.actions.incident_actions import IncidentActions
    from mlmon.alerting.incidents.record import IncidentRecord

app = typer.Typer(
    help="Show what is wrong, and act on it: acknowledge, assign, comment, snooze, close.",
    invoke_without_command=True,
)

IncidentId = Annotated[
    str, typer.Argument(metavar="ID", help="The incident's id, or its first 4 or more digits.")
]
By = Annotated[str | None, typer.Option("--by", help="Who you are. (default: your login)")]
Why = Annotated[str, typer.Option("--message", "-m", help="Why, for the audit trail.")]
EndedSince = Annotated[
    str | None,
    typer.Option(help="Also list incidents that ended since then: ISO time, or such as 14d."),
]
Fails = Annotated[
    bool,
    typer.Option(
        "--exit-code",
        help="Exit with 5 while a critical incident is open and neither acknowledged nor snoozed, "
        "with 1 where nothing was ever judged.",
    ),
]


@app.callback()
def overview(
    context: typer.Context,
    since: EndedSince = None,
    exit_code: Fails = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """List open incidents: critical ones that nobody took first, the newest first in each group."""
    if context.invoked_subcommand is None:
        list_incidents(since, exit_code, namespace, as_json)


@app.command("list")
def list_incidents(
    since: EndedSince = None,
    exit_code: Fails = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """List open incidents: critical ones that nobody took first, the newest first in each group."""
    from datetime import UTC, datetime

    from mlmon.analyzers.base.time_argument import time_argument

    begin = time_argument(since, datetime.now(UTC)) if since else None
    with _actions(namespace) as (actions, now):
        found = actions.listed(begin)
        silenced = actions.silenced(found)
        judged = actions.judged()
    if as_json:
        for incident in found:
            by = {"silenced": silenced[incident.id]} if incident.id in silenced else {}
            print(json.dumps(incident.to_document() | by, ensure_ascii=False))
        if not judged.any:
            print(_unjudged(actions.namespace, judged.sentence(now)), file=sys.stderr)
    else:
        _print(found, silenced, now)
        if not found and judged.any:
            print("No open incidents; `mlmon incidents --since 7d` lists ended ones too.")
        sentence = judged.sentence(now)
        print_text(sentence if judged.any else _unjudged(actions.namespace, sentence))
    urgent = [
        incident
        for incident in found
        if incident.is_open and incident.severity == "critical" and not incident.muted
    ]
    if exit_code and urgent:
        raise typer.Exit(ExitCode.CONDITION_HOLDS)
    if exit_code and judged.last is None:
        # No incidents is no all-clear here: the namespace may be misspelled.
        raise UserError(
            f"Nothing was ever judged in namespace {actions.namespace!r}",
            "Correct --namespace, or run `mlmon analyze` or `mlmon run`.",
        )


@app.command()
def show(incident: IncidentId, namespace: Namespace = None, as_json: JsonOption = False) -> None:
    """Show one incident: its alerts, what happened when, who did what."""
    with _actions(namespace) as (actions, now):
        document, alerts, changes = actions.show(incident)
        silenced = actions.silenced([document]).get(document.id)
    if as_json:
        known = {
            "incident": document.to_document(),
            "silenced": silenced,
            "alerts": [alert.to_document() for alert in alerts],
            "changes": changes,
        }
        print(json.dumps(known, ensure_ascii=False))
        return
    from mlmon.alerting.incidents.sentences import story

    for line in story(document, alerts, changes, now, silenced):
        print_text(line)


@app.command()
def stats(
    since: Annotated[
        str, typer.Option(help="Incidents that opened since then: ISO time, or such as 14d.")
    ] = "90d",
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Show how good alerts were: precision by feedback, time to detect and to acknowledge.

    Limits that would have avoided false alarms are suggested with their effect on the past; none
    is changed.
    """
    from datetime import UTC, datetime

    from mlmon.alerting.actions.quality import quality_since, suggested_limits
    from mlmon.analyzers.base.time_argument import time_argument
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    begin = time_argument(since, now)
    with connect(settings) as cluster:
        found = quality_since(cluster, settings.namespace, begin)
        suggested = suggested_limits(cluster, settings.namespace, begin, now)
    if as_json:
        for quality in found:
            print(json.dumps(quality.to_json()))
        for limit in suggested:
            print(json.dumps(limit.to_json()))
        return
    for quality in found:
        print_text(quality.sentence())
    for limit in suggested:
        print_text(f"suggested: {limit.sentence()}")
    if not found:
        print("No incident opened since then; `mlmon incidents stats --since 365d` looks further.")


@app.command()
def ack(
    incident: IncidentId,
    why: Why = "",
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge an incident: no message until it grows worse or ends."""
    with _actions(namespace) as (actions, now):
        _print_done(actions.acknowledge(incident, _person(by), why, now), as_json=as_json)


@app.command()
def assign(
    incident: IncidentId,
    to: Annotated[str, typer.Argument(help="Who it is assigned to.")],
    why: Why = "",
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Assign an incident to someone."""
    with _actions(namespace) as (actions, now):
        _print_done(actions.assign(incident, to, _person(by), why, now), as_json=as_json)


@app.command()
def comment(
    incident: IncidentId,
    text: Annotated[str, typer.Argument(help="What is to be remembered.")],
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Add a comment to an incident."""
    with _actions(namespace) as (actions, now):
        _print_done(actions.comment(incident, text, _person(by), now), as_json=as_json)


@app.command()
def snooze(
    incident: IncidentId,
    length: Annotated[str, typer.Argument(help="For how long, such as 2h; 7d at most.")] = "4h",
    why: Why = "",
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Hold back messages about an incident for a while."""
    from mlmon.analyzers.base.time_argument import length_argument

    lasting = length_argument(length)
    with _actions(namespace) as (actions, now):
        _print_done(
            actions.snooze(incident, lasting, _person(by), why, now),
            as_json=as_json,
        )


@app.command()
def resolve(
    incident: IncidentId,
    why: Why = "",
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Close an open incident by hand; an alert that comes later opens it again."""
    with _actions(namespace) as (actions, now):
        _print_done(actions.close(incident, _person(by), why, now), as_json=as_json)


@app.command()
def feedback(
    incident: IncidentId,
    verdict: Annotated[Verdict, typer.Argument(help="What the incident was.")],
    why: Why = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept the new normal without asking.")
    ] = False,
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Record what an incident was: a false alarm, fixed, or the new normal (see `accept`)."""
    if verdict is Verdict.NEW_NORMAL:
        accept(incident, why, yes=yes, by=by, namespace=namespace, as_json=as_json)
        return
    with _actions(namespace) as (actions, now):
        _print_done(
            actions.feedback(incident, verdict, _person(by), why, now),
            as_json=as_json,
        )


@app.command()
def accept(
    incident: IncidentId,
    why: Why = "",
    *,
    since: Annotated[
        str | None,
        typer.Option(
            help="The change point: ISO time, or such as 3d. (default: when the alerts began)"
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Accept alerts of this metric only; may be repeated."),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment", help="Accept alerts of this segment only, such as country=DE; repeatable."
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            "--series", help="Accept this alert only, by its title or feature; may be repeated."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what it would do, and do nothing.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Accept without asking; with --json it is needed to accept."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Accept it although alerts confirmed true would have vanished."
        ),
    ] = False,
    by: By = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Accept an incident as the new normal: compare later windows with the time since the change.

    It prints what would be accepted and which alerts of the past 30 days would not have been
    raised, and asks. It is refused where one of these was confirmed true. --metric, --segment and
    --series accept a part of the incident. `mlmon baseline revoke` takes it back.
    """
    from datetime import UTC, datetime

    from mlmon.alerting.actions.new_normal import Chosen
    from mlmon.analyzers.base.time_argument import time_argument

    if since:
        time_argument(since, datetime.now(UTC))  # before a cluster is contacted
    chosen = Chosen(metric or (), segment or (), series or ())
    with _actions(namespace) as (actions, now):
        who, begin = _person(by), time_argument(since, now) if since else None
        proposed = actions.new_normal(incident, who, why, now, begin, chosen)
        effect = list(proposed.lines())
        done = ""
        if not as_json:
            for line in effect:
                print_text(line)
        if not (dry_run or yes or as_json):
            typer.confirm(f"Accept {count(len(proposed.parts), 'part')}?", abort=True)
        if not dry_run and (yes or not as_json):
            done = actions.accept(incident, proposed, who, why, now, force=force)
    if as_json:
        print(json.dumps({"effect": effect, "done": done}, ensure_ascii=False))
    elif done:
        print_text(done)


def _print_done(done: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"done": done}, ensure_ascii=False))
    else:
        print_text(done)


@contextmanager
def _actions(namespace: str | None) -> "Iterator[tuple[IncidentActions, datetime]]":
    from datetime import UTC, datetime

    from mlmon.alerting.actions.incident_actions import IncidentActions
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings = load_settings(namespace=namespace)
    with connect(settings) as cluster:
        yield IncidentActions(cluster, settings.namespace), datetime.now(UTC)


def _unjudged(namespace: str, sentence: str) -> str:
    """Return what is said where no incident is no all-clear: the namespace may be misspelled."""
    return f"Namespace {namespace!r}: {sentence}"


def _person(by: str | None) -> str:
    """Return who acts: as they say, else their login."""
    if by is not None:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _print(found: "list[IncidentRecord]", silenced: dict[str, str], now: "datetime") -> None:
    from rich.text import Text

    from mlmon.alerting.incidents.sentences import row
    from mlmon.analyzers.base.severity_styles import SEVERITY_STYLES
    from mlmon.elastic.system.terminal import print_line, terminal_console

    console = terminal_console()
    for incident in found:
        head, *lines = row(incident, now, silenced.get(incident.id))
        style = SEVERITY_STYLES[incident.severity] if incident.is_open else "dim"
        print_line(console, Text(head, style))
        for line in lines:
            print_line(console, Text(line), first=2, rest=2)
