"""Incidents and their changes as documents, and back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.incident import ChangeKind, Incident, IncidentChange, IncidentStatus
from mlmon.alerting.incidents.sentences import summary
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.pages.runbooks import anchor, commands

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.people import Handling
    from mlmon.elastic.json_object import Json

BEFORE_ONSET = timedelta(minutes=5)
"""The lines to look at begin so long before an incident did."""


def incident_document(incident: Incident, state: Handling, now: datetime) -> Json:
    """Return the document of an incident as it stands: flat keys, without those of no value.

    Args:
        incident: The incident.
        state: What people did to it.
        now: The time at which a snooze is or is not over.
    """
    cause = incident.cause
    found: Json = {
        "@timestamp": iso(max(change.at for change in incident.changes)),
        "event.start": iso(incident.start),
        "event.created": iso(incident.opened),
        "event.end": incident.ended and iso(incident.ended),
        "service.name": incident.service,
        "service.environment": incident.environment,
        "ml.model.name": incident.model_name,
        "ml.model.version": incident.model_version,
        "incident.id": incident.id,
        "incident.status": incident.status.value,
        "incident.title": incident.title,
        "incident.summary": summary(incident),
        "incident.severity": incident.severity.value,
        "incident.worst": incident.worst.value,
        "incident.onset_seconds": round(incident.onset_length.total_seconds()),
        "incident.first_window.start": iso(incident.first_window.start),
        "incident.first_window.end": iso(incident.first_window.end),
        "incident.cause.alert_id": cause.id,
        "incident.cause.reason": cause.reason,
        "incident.cause.worst_at": iso(cause.reason_end),
        "incident.cause.latest_reason": cause.latest_reason,
        "incident.cause.latest_at": iso(cause.last_alarm),
        "incident.layer": cause.layer,
        "incident.alerts": len(incident.members),
        "incident.open_alerts": len(incident.open_members),
        "incident.alert_ids": [member.id for member in incident.members],
        "incident.analyzers": sorted({member.analyzer for member in incident.members}),
        "incident.runbook": cause.runbook and f"{cause.runbook}#{anchor(cause.metric)}",
        "incident.confirm": _confirm(cause),
        "incident.detected_after_seconds": round(
            (incident.opened - incident.start).total_seconds()
        ),
    }
    return handled(found, state, now)


def _confirm(cause: Alert) -> str | None:
    """Return the command that shows the lines behind the likely cause, from its begin on."""
    since = cause.onset_start - BEFORE_ONSET
    try:
        _, lines = commands(cause.analyzer, cause.metric, cause.subject, since)
    except KeyError:  # the alert of an analyzer that is no more
        return None
    return lines


def handled(incident: Json, state: Handling, now: datetime) -> Json:
    """Return an incident's document with what people did to it."""
    acknowledged = state.first_acknowledged
    known: Json = {
        "incident.muted": state.muted(now),
        "incident.acknowledged_by": state.acknowledged_by,
        "incident.acknowledged_at": state.acknowledged_at and iso(state.acknowledged_at),
        "incident.assignee": state.assignee,
        "incident.snoozed_until": state.snoozed_until and iso(state.snoozed_until),
        "incident.feedback": state.feedback and state.feedback.value,
    }
    if acknowledged is not None:
        waited = acknowledged - parse_time(incident["event.created"])
        known["incident.acknowledged_after_seconds"] = max(0, round(waited.total_seconds()))
    if state.closed_at is not None and incident["incident.status"] == IncidentStatus.OPEN:
        known |= {
            "incident.status": IncidentStatus.RESOLVED.value,
            "event.end": iso(state.closed_at),
        }
    merged = incident | known
    return {field: value for field, value in merged.items() if value is not None}


def change_document(change: IncidentChange, about: Json) -> Json:
    """Return the document of a change.

    Args:
        change: The change.
        about: The document of its incident, of which title, service and model are taken.
    """
    found: Json = {
        "@timestamp": iso(change.at),
        "change.id": change.id,
        "change.kind": change.kind.value,
        "change.text": change.text,
        "change.by": change.by,
        "change.about": change.about,
        "change.until": change.until and iso(change.until),
        "change.published": change.kind.published,
        "incident.id": change.incident,
        "incident.title": about.get("incident.title"),
        "incident.severity": change.severity.value,
        "service.name": about.get("service.name"),
        "ml.model.name": about.get("ml.model.name"),
    }
    return {name: value for name, value in found.items() if value is not None}


def read_change(document: Json) -> IncidentChange:
    """Return the change that `change_document` wrote."""
    until = document.get("change.until")
    return IncidentChange(
        incident=document["incident.id"],
        kind=ChangeKind(document["change.kind"]),
        at=parse_time(document["@timestamp"]),
        severity=Severity(document["incident.severity"]),
        text=document["change.text"],
        by=document.get("change.by"),
        until=parse_time(until) if until else None,
        about=document.get("change.about"),
    )
