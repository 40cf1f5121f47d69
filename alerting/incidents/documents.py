"""Incidents and their changes as documents, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.incident import (
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentStatus,
    causal_order,
)
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.alerting.incidents.sentences import summary
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.pages.runbooks import anchor, commands, runbook

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.people import Handling
    from mlmon.elastic.json_object import Json

BEFORE_ONSET = timedelta(minutes=5)
"""The lines to look at begin so long before an incident did."""
MOST_AFFECTED = 20
"""So many of the other alerts are named in an incident's document; the store of alerts has all."""


def incident_record(
    incident: Incident, state: Handling, now: datetime, stored: IncidentRecord | None = None
) -> IncidentRecord:
    """Return an incident as it stands.

    Args:
        incident: The incident.
        state: What people did to it.
        now: The time at which a snooze is or is not over.
        stored: It as it is stored: what Alertmanager knows it by never changes.
    """
    cause, opened_by = incident.cause, incident.members[0]
    still_open = _worst_open(incident)
    if still_open and cause.ended is None and still_open.severity.rank <= cause.severity.rank:
        still_open = None
    found = IncidentRecord(
        changed=max(change.at for change in incident.changes),
        start=incident.start,
        opened=incident.opened,
        ended=incident.ended,
        service=incident.service,
        environment=incident.environment,
        model_name=incident.model_name,
        model_version=incident.model_version,
        id=incident.id,
        status=incident.status,
        opened_by_service=stored.opened_by_service if stored else opened_by.service,
        opened_by_environment=stored.opened_by_environment if stored else opened_by.environment,
        opened_by_model=stored.opened_by_model if stored else opened_by.model_name,
        title=incident.title,
        summary=summary(incident),
        severity=incident.severity,
        worst=incident.worst,
        onset_seconds=round(incident.onset_length.total_seconds()),
        first_window_start=incident.first_window.start,
        first_window_end=incident.first_window.end,
        cause_id=cause.id,
        cause_reason=cause.reason,
        cause_worst_at=cause.reason_end,
        cause_latest_reason=cause.latest_reason,
        cause_latest_at=cause.last_alarm,
        layer=cause.layer,
        alerts=len(incident.members),
        open_alerts=len(incident.open_members),
        alert_ids=tuple(member.id for member in incident.members),
        affected=_affected(incident),
        cause_ended=cause.ended,
        open_reason=still_open.latest_reason if still_open else None,
        open_at=still_open.last_alarm if still_open else None,
        analyzers=tuple(sorted({member.analyzer for member in incident.members})),
        runbook=cause.runbook and f"{cause.runbook}#{anchor(cause.metric)}",
        confirm=_confirm(cause),
        detected_after_seconds=round((incident.opened - incident.start).total_seconds()),
    )
    return handled(found, state, now)


def _worst_open(incident: Incident) -> Alert | None:
    """Return the alert that is open and worst; None where none is open."""
    return max(
        incident.open_members,
        key=lambda member: (member.severity.rank, member.excess, member.id),
        default=None,
    )


def _affected(incident: Incident) -> tuple[str, ...]:
    """Return what the alerts other than the likely cause are about, open and earlier ones first."""
    others = [member for member in incident.members if member.id != incident.cause.id]
    others.sort(key=lambda member: (member.ended is not None, causal_order(member)))
    return tuple(dict.fromkeys(member.title for member in others))[:MOST_AFFECTED]


def _confirm(cause: Alert) -> str | None:
    """Return the command that shows the lines behind the likely cause, or else its findings.

    It looks from the begin, or from the last lines before it where the fault is that none came, to
    the worst moment: later lines may be those of another incident.
    """
    known = runbook(cause.analyzer, cause.metric)
    if known is None:  # the alert of an analyzer that is no more
        return None
    begin = min(cause.onset_start, cause.lines_since or cause.onset_start)
    since, worst = begin - BEFORE_ONSET, cause.reason_end
    findings, lines = commands(cause.analyzer, cause.metric, cause.subject, since, worst)
    return lines if known.shows_fault else findings


def handled(incident: IncidentRecord, state: Handling, now: datetime) -> IncidentRecord:
    """Return an incident with what people did to it."""
    acknowledged = state.first_acknowledged
    after = incident.acknowledged_after_seconds
    if acknowledged is not None:
        after = max(0, round((acknowledged - incident.opened).total_seconds()))
    found = replace(
        incident,
        muted=state.muted(now),
        acknowledged_by=state.acknowledged_by,
        acknowledged_at=state.acknowledged_at,
        assignee=state.assignee,
        snoozed_until=state.snoozed_until,
        feedback=state.feedback and state.feedback.value,
        acknowledged_after_seconds=after,
    )
    if state.closed_at is None or not incident.is_open:
        return found
    return replace(found, status=IncidentStatus.RESOLVED, ended=state.closed_at)


def change_document(change: IncidentChange, about: IncidentRecord | None) -> Json:
    """Return the document of a change.

    Args:
        change: The change.
        about: Its incident, of which title, service and model are taken; None leaves them out.
    """
    found: Json = {
        "@timestamp": iso(change.at),
        "change.id": change.id,
        "change.kind": change.kind.value,
        "change.text": change.text,
        "change.by": change.by,
        "change.about": change.about,
        "change.until": change.until and iso(change.until),
        "change.generation": change.generation or None,
        "change.published": change.kind.published,
        "incident.id": change.incident,
        "incident.title": about and about.title,
        "incident.severity": change.severity.value,
        "service.name": about and about.service,
        "ml.model.name": about and about.model_name,
    }
    return {name: value for name, value in found.items() if value is not None}


def read_change(document: Json) -> IncidentChange:
    """Return the change that `change_document` wrote."""
    until, known = document.get("change.until"), document.get("event.ingested")
    return IncidentChange(
        incident=document["incident.id"],
        kind=ChangeKind(document["change.kind"]),
        at=parse_time(document["@timestamp"]),
        severity=Severity(document["incident.severity"]),
        text=document["change.text"],
        by=document.get("change.by"),
        until=parse_time(until) if until else None,
        about=document.get("change.about"),
        generation=document.get("change.generation", 0),
        known=parse_time(known) if known else None,
    )
