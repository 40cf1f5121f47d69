"""What a person can do with incidents; each act is a change that is kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.documents import change_document, handled
from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange, IncidentStatus
from mlmon.alerting.incidents.people import LONGEST_SNOOZE, Verdict, handling
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.run.judged import JudgedSeries, judged
from mlmon.elastic.errors import UserError
from mlmon.formatting import duration, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

_SHORTEST_ID = 4


class Desk:
    """The incidents of one namespace, as people act on them.

    Each method that acts returns a sentence, and raises `UserError` where the incident is unknown,
    or not open although it has to be.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._store = IncidentStore(cluster, namespace)
        self._alerts = AlertStore(cluster, namespace)

    def listed(self, since: datetime | None = None) -> list[Json]:
        """Return the open incidents, or those that lasted after a moment, the newest first."""
        return list(self._store.open() if since is None else self._store.overlapping(since))

    def judged(self) -> JudgedSeries:
        """Return what was judged lately, and what could not be."""
        return judged(self._cluster, self._namespace)

    def silenced(self) -> dict[str, str]:
        """Return who silenced which incident in Alertmanager, by the incident's id."""
        from mlmon.alerting.notify.alertmanager_client import silences
        from mlmon.alerting.settings import load_alerting_settings

        settings = load_alerting_settings()
        return {
            matcher["value"]: f"{silence['createdBy']} until {silence['endsAt'][:16]}"
            for silence in (silences(settings) if settings.alertmanagers else ())
            for matcher in silence["matchers"]
            if matcher["name"] == "incident_id"
        }

    def show(self, prefix: str) -> tuple[Json, Sequence[Alert], list[Json]]:
        """Return an incident, its alerts, and all of its changes in order."""
        incident = self._find(prefix)
        alerts = self._alerts.get(incident["incident.alert_ids"])
        changes = self._store.changes([incident["incident.id"]])
        ordered = sorted(changes.get(incident["incident.id"], ()), key=lambda change: change.at)
        return incident, alerts, [change_document(change, incident) for change in ordered]

    def acknowledge(self, prefix: str, by: str, why: str, now: datetime) -> str:
        """Take an incident."""
        incident = self._open(prefix)
        self._act(incident, ChangeKind.ACKNOWLEDGED, by, why or f"{by} acknowledged it.", now)
        return f"{incident['incident.title']}: acknowledged by {by}"

    def assign(self, prefix: str, to: str, by: str, why: str, now: datetime) -> str:
        """Assign an incident."""
        incident = self._find(prefix)
        text = why or f"{by} assigned it to {to}."
        self._act(incident, ChangeKind.ASSIGNED, by, text, now, about=to)
        return f"{incident['incident.title']}: assigned to {to}"

    def comment(self, prefix: str, text: str, by: str, now: datetime) -> str:
        """Add a comment."""
        incident = self._find(prefix)
        self._act(incident, ChangeKind.COMMENTED, by, text, now)
        return f"{incident['incident.title']}: comment added"

    def snooze(self, prefix: str, length: timedelta, by: str, why: str, now: datetime) -> str:
        """Hold back messages for a while."""
        if length > LONGEST_SNOOZE:
            raise UserError(
                f"{duration(length)} is too long to snooze",
                f"Choose {duration(LONGEST_SNOOZE)} at most, or use `mlmon incidents feedback`.",
            )
        incident = self._open(prefix)
        until = now + length
        text = why or f"{by} snoozed it until {moment(until)}."
        self._act(incident, ChangeKind.SNOOZED, by, text, now, until=until)
        return f"{incident['incident.title']}: no messages until {moment(until)}"

    def close(self, prefix: str, by: str, why: str, now: datetime) -> str:
        """Close an incident whose alerts do not end by themselves."""
        incident = self._open(prefix)
        self._act(incident, ChangeKind.CLOSED, by, why or f"{by} closed it.", now)
        return f"{incident['incident.title']}: closed by {by}"

    def feedback(self, prefix: str, verdict: Verdict, by: str, why: str, now: datetime) -> str:
        """Record what an incident was."""
        incident = self._find(prefix)
        text = why or f"{by}: {verdict.value.replace('_', ' ')}."
        self._act(incident, ChangeKind.FEEDBACK, by, text, now, about=verdict.value)
        return f"{incident['incident.title']}: {verdict.value.replace('_', ' ')}"

    def _find(self, prefix: str) -> Json:
        found = self._store.find(prefix) if len(prefix) >= _SHORTEST_ID else []
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"{prefix} begins several ids", "Give more of the incident's id.")
        raise UserError(
            f"There is no incident {prefix!r}", "`mlmon incidents --since 30d` lists their ids."
        )

    def _open(self, prefix: str) -> Json:
        incident = self._find(prefix)
        if incident["incident.status"] != IncidentStatus.OPEN:
            raise UserError(
                f"Incident {prefix} is {incident['incident.status']}",
                "Only open incidents can be acknowledged, snoozed or closed.",
            )
        return incident

    def _act(
        self,
        incident: Json,
        kind: ChangeKind,
        by: str,
        text: str,
        now: datetime,
        *,
        about: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Store a change and the incident as it stands after it."""
        name = incident["incident.id"]
        severity = Severity(incident["incident.severity"])
        change = IncidentChange(name, kind, now, severity, text, by, until, about)
        self._store.add([(change, incident)], now)
        changes = self._store.changes([name]).get(name, [])
        self._store.write([handled(incident, handling(changes), now)])
