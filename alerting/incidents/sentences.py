"""The sentences about an incident, the same in every message, page and table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.alert import Ending
from mlmon.analyzers.base.window import Window, parse_time
from mlmon.formatting import count, duration, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import Incident
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.json_object import Json


MOST_NAMED = 5
"""So many alerts of an incident are named in a sentence."""


def summary(incident: Incident) -> str:
    """Return one sentence on how it stands: its likely cause, and what else is affected."""
    others = [member for member in incident.members if member.id != incident.cause.id]
    if not others:
        return incident.cause.reason
    open_now = sum(member.ended is None for member in others)
    still = "" if incident.ended else f", {open_now} of them open"
    return f"{incident.cause.reason} Also affected: {count(len(others), 'alert')}{still}."


def ending_sentence(members: Sequence[Alert]) -> str:
    """Return how an incident ended: judged ok, replaced, or only closed since nothing was seen."""
    alerts = count(len(members), "alert")
    unseen = [member for member in members if member.ending is Ending.ABSENCE]
    if unseen:
        last = max(member.last_finding for member in unseen)
        which = alerts if len(unseen) == len(members) else f"{len(unseen)} of {alerts}"
        return f"Closed without an all clear: {which} had no finding since {moment(last)}."
    replaced = sum(member.ending is Ending.REPLACED for member in members)
    if not replaced:
        return f"All clear: {alerts} ended."
    return f"All clear: {alerts} ended, {replaced} of them when the model version was replaced."


def row(incident: IncidentRecord, now: datetime, silenced: str | None = None) -> Iterator[str]:
    """Yield the lines of an incident in a list: id, severity, title; then when, why, who."""
    severity = incident.severity if incident.is_open else incident.status
    yield f"{incident.short_id} {severity} {incident.title}"
    also = also_affected(incident)
    yield f"{period(incident)}; {also}" if also else period(incident)
    yield incident.cause_reason
    if sentence := latest(incident):
        yield f"latest, {sentence}"
    yield from people(incident, now)
    if silenced:
        yield silence(silenced)


def silence(by: str) -> str:
    """Return who silences an incident in Alertmanager, and until when."""
    return f"silenced in Alertmanager by {by}"


def period(incident: IncidentRecord) -> str:
    """Return when an incident began, and ended if it did: `since … to …`."""
    until = f" to {moment(incident.ended)}" if incident.ended else ""
    return f"since {moment(incident.start)}{until}"


def latest(incident: IncidentRecord) -> str:
    """Return the present state of an open incident, where the worst sentence is not of now.

    The cause's last sentence with its time, where it was once worse; that of a worse alert; where
    the cause is over, since when, and what is open still.
    """
    if incident.is_open and incident.open_reason and incident.open_at:
        now = f"{moment(incident.open_at)}: {incident.open_reason}"
        if incident.cause_ended is None:
            return now
        names = "; ".join(incident.affected[: min(incident.open_alerts, MOST_NAMED)])
        over = moment(incident.cause_ended)
        return f"{now} The likely cause is over since {over}; still open: {names}."
    sentence, at = incident.cause_latest_reason, incident.cause_latest_at
    if not incident.is_open or sentence == incident.cause_reason or at is None:
        return ""
    return f"{moment(at)}: {sentence}"


def also_affected(incident: IncidentRecord) -> str:
    """Return the number of alerts other than the likely cause, an empty text if there are none."""
    others = incident.alerts - 1
    return count(others, "other alert") if others else ""


def affected(incident: IncidentRecord, most: int = MOST_NAMED) -> str:
    """Return what else is affected, named up to a number; an empty text if nothing is.

    >>> from types import SimpleNamespace
    >>> affected(SimpleNamespace(alerts=4, affected=("a", "b", "c")), most=2)
    '3 other alerts: a; b; and 1 more'
    """
    if not (also := also_affected(incident)):
        return ""
    named = [*incident.affected[:most]]
    if rest := incident.alerts - 1 - len(named):
        named.append(f"and {rest} more")
    return f"{also}: {'; '.join(named)}" if incident.affected else also


def people(incident: IncidentRecord, now: datetime) -> Iterator[str]:
    """Yield who acknowledged an incident, until when it is snoozed, and whom it is assigned to."""
    if by := incident.acknowledged_by:
        yield f"acknowledged by {by}"
    if (until := incident.snoozed_until) and until > now:
        yield f"snoozed until {moment(until)}"
    if assignee := incident.assignee:
        yield f"assigned to {assignee}"
    if feedback := incident.feedback:
        yield f"feedback: {feedback.replace('_', ' ')}"


def story(
    incident: IncidentRecord,
    alerts: Sequence[Alert],
    changes: Sequence[Json],
    now: datetime,
    silenced: str | None = None,
) -> Iterator[str]:
    """Yield the lines with all details of one incident."""
    yield from row(incident, now, silenced)
    cause = incident.cause_id
    if incident.is_open:
        yield f"open for {duration(now - incident.start)}"
    precision = timedelta(seconds=incident.onset_seconds)
    yield f"start known to {duration(precision)}" if precision else "start known to the line"
    if incident.first_window_start and incident.first_window_end:
        first = Window(incident.first_window_start, incident.first_window_end)
        yield f"first window in alarm: {span(first)}"
    if runbook := incident.runbook:
        yield f"what to do: {runbook} ({page_command(runbook)})"
    if confirm := incident.confirm:
        yield f"confirm: {confirm}"
    yield ""
    yield "Alerts"
    for alert in sorted(alerts, key=lambda alert: (alert.id != cause, urgency(alert))):
        mark = "likely cause" if alert.id == cause else "also affected"
        yield f"  {mark}: {member_line(alert)}"
        yield f"    worst ({moment(alert.reason_end)}): {alert.reason}"
        if alert.ended is None and alert.latest_reason != alert.reason:
            yield f"    latest ({moment(alert.last_alarm)}): {alert.latest_reason}"
    yield ""
    yield "Changes"
    for change in changes:
        by = f" by {change['change.by']}" if change.get("change.by") else ""
        kind = change["change.kind"].replace("_", " ")
        yield f"  {moment(parse_time(change['@timestamp']))} {kind}{by}: {change['change.text']}"


def page_command(runbook: str) -> str:
    """Return the command that prints the page of a runbook, which is part of every installation.

    >>> page_command("docs/analyzers/job_health.md#failed.runs")
    'mlmon analyzers job_health'
    """
    page = runbook.partition("#")[0].rpartition("/")[2].removesuffix(".md")
    return f"mlmon analyzers {page}"


def urgency(member: Alert) -> tuple[bool, int, datetime]:
    """Return what alerts of an incident are sorted by: open ones first, of them the worst."""
    return member.ended is not None, -member.severity.rank, member.onset_start


def member_line(member: Alert) -> str:
    """Return one alert of an incident in a line."""
    ended = f" to {moment(member.ended)}" if member.ended else ", open"
    return f"{member.severity} {member.title}, from {moment(member.onset_start)}{ended}"
