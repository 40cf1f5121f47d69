"""A message about one change of an incident: plain text, HTML and JSON from the same facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from html import escape
from socket import gethostname
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.alert import Ending
from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange
from mlmon.alerting.incidents.sentences import affected, latest, page_command
from mlmon.elastic.settings import DEFAULT_NAMESPACE
from mlmon.formatting import count, indented, moment, one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.json_object import Json


_HEADS = {
    ChangeKind.OPENED: "",
    ChangeKind.GREW: "Worse: ",
    ChangeKind.REOPENED: "Again: ",
    ChangeKind.RESOLVED: "Resolved: ",
    ChangeKind.WITHDRAWN: "Withdrawn: ",
    ChangeKind.MERGED: "Merged: ",
    ChangeKind.SNOOZE_ENDED: "Still open: ",
    ChangeKind.CLOSED: "Closed: ",
}
_VERBS = {
    ChangeKind.OPENED: "Opened",
    ChangeKind.JOINED: "Joined",
    ChangeKind.CAUSE_CHANGED: "Other likely cause",
    ChangeKind.GREW: "Grew worse",
    ChangeKind.REOPENED: "Reopened",
    ChangeKind.RESOLVED: "Resolved",
    ChangeKind.WITHDRAWN: "Withdrawn",
    ChangeKind.CLOSED: "Closed",
    ChangeKind.MERGED: "Merged",
    ChangeKind.SNOOZE_ENDED: "Snooze ended",
}
_UNSEEN_HEAD = "Closed without an all clear: "
_SHORT_ID = 8
_JUDGED_LATE = timedelta(minutes=10)
"""What became known so much later was judged late, after a pause for example."""
_SEVERITIES = ("ok", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Args:
        id: The change it is about, so that a receiver can recognize a repetition.
        incident: The incident's id; empty where the message is about mlmon itself.
        kind: What happened.
        severity: `warning`, `critical`, or `ok` for an end.
        title: One line; it is escaped as the facts are.
        facts: Label and sentence, in the order in which a person wants them.
        links: Label and absolute URL.
        document: The same for a program.
        thread: What its start, its changes and its end have in common, for receivers that join
            them; empty where it is about several things.
    """

    id: str
    incident: str
    kind: str
    severity: str
    title: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...] = ()
    document: Json | None = None
    thread: str = ""

    def __post_init__(self) -> None:
        """Escape what could steer a reader's terminal, or pass for a line of mlmon's.

        Titles, sentences and names quote what was logged and what people wrote. `document` is for
        programs, and keeps all as it is.
        """
        shown = {
            "title": one_line(self.title),
            "facts": tuple((one_line(label), _indented(text)) for label, text in self.facts),
            "links": tuple((one_line(label), one_line(url)) for label, url in self.links),
        }
        for name, value in shown.items():
            object.__setattr__(self, name, value)

    @property
    def text(self) -> str:
        """The message as plain text, that reads well on a phone."""
        lines = [f"{label}: {sentence}" for label, sentence in self.facts]
        lines += [f"{label}: {url}" for label, url in self.links]
        return "\n".join([self.title, "", *lines]) + "\n"

    @property
    def html(self) -> str:
        """The message as HTML: no styles but its own, one column."""
        facts = "".join(
            f"<dt style='font-weight:600;margin-top:.6em'>{escape(label)}</dt>"
            f"<dd style='margin:0'>{escape(sentence)}</dd>"
            for label, sentence in self.facts
        )
        links = " · ".join(
            f"<a href='{escape(url, quote=True)}'>{escape(label)}</a>" for label, url in self.links
        )
        return (
            "<div style='font:16px/1.4 sans-serif;max-width:40em'>"
            f"<h2 style='font-size:18px'>{escape(self.title)}</h2><dl>{facts}</dl>"
            f"<p>{links}</p></div>"
        )


def _indented(text: str) -> str:
    """Return a sentence of several lines, the further ones indented."""
    return indented(visible(text), 2)


def message(
    change: IncidentChange,
    incident: IncidentRecord,
    *,
    namespace: str = DEFAULT_NAMESPACE,
    runbooks: str = "",
    links: Iterable[tuple[str, str]] = (),
    before: Sequence[IncidentChange] = (),
    first: bool = False,
) -> Message:
    """Return the message about a change.

    Args:
        change: What happened.
        incident: The incident as it stands.
        namespace: Environment: the same incident may be in two of them.
        runbooks: URL that the runbooks' paths follow.
        links: Label and absolute URL of pages that show the incident.
        before: Earlier changes that the receiver has not been sent.
        first: Whether it is the receiver's first message about the incident.
    """
    over = change.kind.ends
    kind = change.kind if over or not first else ChangeKind.OPENED
    severity = "ok" if over else change.severity.value
    head = _UNSEEN_HEAD if change.about == Ending.ABSENCE else _HEADS.get(kind, "")
    mark = "" if over else f"[{change.severity.value}] "
    runbook = incident.runbook
    pages = [*links]
    if runbook and runbooks:
        pages.append(("Runbook", f"{runbooks}{runbook}"))
    return Message(
        id=f"{namespace}-{change.id}",
        incident=change.incident,
        kind=kind.value,
        severity=severity,
        title=f"{mark}{head}{incident.title}",
        facts=tuple(_facts(change, incident, namespace, before, over=over)),
        links=tuple(pages),
        document={"change": kind.value, "at": moment(change.at), **incident.to_document()},
        thread=f"{namespace}-{change.incident}",
    )


def _facts(
    change: IncidentChange,
    incident: IncidentRecord,
    namespace: str,
    before: Sequence[IncidentChange],
    *,
    over: bool,
) -> Iterable[tuple[str, str]]:
    yield "What", change.text
    if before:
        happened = (f"{_VERBS[one.kind]} {moment(one.at)}: {one.text}" for one in before)
        yield "Not delivered before", " ".join(happened)
    if over and incident.ended:
        yield "When", f"from {moment(incident.start)} to {moment(incident.ended)}"
    else:
        yield "Since", f"{moment(incident.start)}, {_noticed(change, incident)}"
    cause = incident.cause_reason
    if cause != change.text:
        yield "Likely cause", cause
    if now := latest(incident):
        yield "Latest", now
    if also := affected(incident):
        yield "Also affected", also
    environment = incident.environment and f"environment {incident.environment}"
    where = [incident.service, incident.model_name, environment, f"namespace {namespace}"]
    yield "Where", ", ".join(name for name in where if name)
    if incident.acknowledged_by:
        yield "Taken by", incident.acknowledged_by
    elif not over:
        yield "Acknowledge", acknowledge_command(change.incident, namespace)
    if (confirm := incident.confirm) and not over:
        yield "Confirm", f"{confirm}{_namespace_option(namespace)}"
    if runbook := incident.runbook:
        yield "What to do", f"{runbook} ({page_command(runbook)})"


def _noticed(change: IncidentChange, incident: IncidentRecord) -> str:
    """Return when an incident was noticed: after a pause that is long after it could have been."""
    if change.known is None or change.known - change.at <= _JUDGED_LATE:
        return f"noticed {moment(incident.opened)}"
    return f"in alarm since {moment(incident.opened)}, noticed {moment(change.known)}"


def acknowledge_command(incident_id: str, namespace: str) -> str:
    """Return the command that acknowledges an incident, to be typed in any shell."""
    return f"mlmon incidents ack {incident_id[:_SHORT_ID]}{_namespace_option(namespace)}"


def _namespace_option(namespace: str) -> str:
    return "" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}"


def digest_message(messages: list[Message]) -> Message:
    """Return one message for many: what a storm amounts to, as severe as its worst change."""
    first = messages[0]
    severity = max((one.severity for one in messages), key=_SEVERITIES.index)
    mark = "" if severity == _SEVERITIES[0] else f"[{severity}] "
    title = f"{mark}{count(len(messages), 'change')} of incidents at once"
    facts = tuple((one.severity, one.title) for one in messages)
    links = tuple((one.title, one.links[0][1]) for one in messages if one.links)
    return Message(f"storm-{first.id}", "", "storm", severity, title, facts, links)


def own_message(
    title: str, sentence: str, at: datetime, *, severity: str, thread: str = "", kind: str = "mlmon"
) -> Message:
    """Return a message about mlmon itself, such as that it cannot judge."""
    name = f"mlmon-{title}-{at:%Y%m%dT%H%M}".replace(" ", "-").lower()
    facts = [("What", sentence), ("At", moment(at)), ("Where", f"mlmon on {gethostname()}")]
    if severity != "ok":
        facts.append(("What to do", "on that machine: mlmon doctor"))
    return Message(name, "", kind, severity, title, tuple(facts), thread=thread or name)
