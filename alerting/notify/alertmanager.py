"""Incidents as Alertmanager takes them (`POST /api/v2/alerts`): one alert per incident.

Labels identify an incident, so they never change: one that grows worse stays the same alert. What
changes stands in annotations. An open incident ends only when mlmon resolves it: were
its end a few cycles away, Alertmanager would announce that all is well when mlmon stops.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.alerting.incidents.sentences import affected
from mlmon.alerting.notify.message import acknowledge_command
from mlmon.analyzers.base.window import iso
from mlmon.formatting import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.notify.pages import PageLink, PageLinks

Payload = dict[str, Any]

FAR: timedelta = timedelta(days=365)
"""Distance of the end that is sent for an open incident."""
KEPT: timedelta = timedelta(days=30)
"""For so long the end of an incident is sent again: it may not have been received."""

TEST = "This is a test of the route; nothing is wrong."
_LABELS = {
    "incident_id": "id",
    "service": "opened_by_service",
    "environment": "opened_by_environment",
    "model": "opened_by_model",
}
"""What an incident is about may change with its likely cause; the alert that opened it does not.
With other labels it would be another alert, and the first one would never end."""


def payloads(
    incidents: Iterable[IncidentRecord],
    namespace: str,
    now: datetime,
    *,
    runbooks: str = "",
    links: PageLinks = lambda _incident: (),
) -> list[Payload]:
    """Return the alerts that incidents amount to; muted ones are left out while they are open.

    Args:
        incidents: Open ones, and those that ended or were withdrawn lately.
        namespace: Environment.
        now: When this is.
        runbooks: URL that the runbooks' paths follow; empty leaves them as they are.
        links: The pages that show an incident: annotations, and the first its `generatorURL`.
    """
    return [
        _payload(incident, namespace, now, runbooks, links(incident))
        for incident in incidents
        if not (incident.is_open and incident.muted)
    ]


def _payload(
    incident: IncidentRecord,
    namespace: str,
    now: datetime,
    runbooks: str,
    links: Sequence[PageLink],
) -> Payload:
    pages = {f"{label.lower()}_url": url for label, url in links}
    return {
        "labels": labels(incident, namespace),
        "annotations": _annotations(incident, namespace, runbooks) | pages,
        "startsAt": iso(incident.start),
        "endsAt": _end(incident, now),
        **({"generatorURL": links[0][1]} if links else {}),
    }


def trial(now: datetime) -> Payload:
    """Return an alert that is a test, over after a minute."""
    return {
        "labels": {"alertname": "mlmon_test"},
        "annotations": {"title": "mlmon test", "summary": TEST, "severity": "ok"},
        "startsAt": iso(now),
        "endsAt": iso(now + timedelta(minutes=1)),
    }


def labels(incident: IncidentRecord, namespace: str) -> dict[str, str]:
    """Return the labels of an incident: the same from its opening to its end."""
    named = {label: getattr(incident, name) for label, name in _LABELS.items()}
    # To Alertmanager a label without a value is none.
    present = {label: value for label, value in named.items() if value}
    return {"alertname": "mlmon_incident", "namespace": namespace, **present}


def _annotations(incident: IncidentRecord, namespace: str, runbooks: str) -> dict[str, str]:
    found = {
        "title": incident.title,
        "summary": incident.summary,
        "severity": incident.worst,
        "since": iso(incident.start),
        "likely_cause": incident.cause_reason,
        "alerts": str(incident.alerts),
        "acknowledge": acknowledge_command(incident.id, namespace),
    }
    if incident.affected:
        found["also_affected"] = affected(incident, most=len(incident.affected))
    if runbook := incident.runbook:
        found["runbook_url"] = f"{runbooks}{runbook}"
    # Templates of Alertmanager put them into messages as they are.
    return {name: visible(text) for name, text in found.items()}


def _end(incident: IncidentRecord, now: datetime) -> str:
    if incident.is_open:
        return iso(now + FAR)
    return iso(incident.ended or now)
