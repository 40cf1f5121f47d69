"""Incidents brought up to the alerts: read what overlaps, correlate, store what changed.

Correlation begins where no alert was open, so that a part of the history gives the same incidents
as all of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.correlation import REOPENING, correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.incident import ChangeKind, Incident, IncidentChange, IncidentStatus
from mlmon.alerting.incidents.maintenance import MUTED, held_until
from mlmon.alerting.incidents.people import handling
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.finding import Severity
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.maintenance import Maintenance
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster


_MOST_NAMED = 4
"""More changes than these are counted in the summary's line, not named."""


@dataclass(frozen=True, slots=True)
class IncidentEvaluation:
    """What an evaluation found.

    Args:
        incidents: The incidents that lasted after the moment it began at.
        changes: The changes that were not known before, each with its incident.
        open: How many are open now.
        critical: Of them, critical.
    """

    incidents: tuple[Incident, ...]
    changes: tuple[tuple[IncidentChange, IncidentRecord], ...]
    open: int
    critical: int

    def to_json(self) -> dict[str, int]:
        """Return its counts."""
        kinds = [change.kind for change, _ in self.changes]
        counts = {kind.value: kinds.count(kind) for kind in ChangeKind if kind in kinds}
        return {"open": self.open, "critical": self.critical, **counts}

    def summary(self) -> str:
        """Return it in one line."""
        counted = [
            (change.kind.value, about.title)
            for change, about in self.changes
            if change.kind.published
        ]
        parts = [f"{count(self.open, 'incident')} open, {self.critical} critical"]
        if len(counted) > _MOST_NAMED:
            kinds = Counter(kind for kind, _ in counted)
            parts += [f"{number} {kind}" for kind, number in kinds.items()]
        else:
            parts += [f"{kind}: {title}" for kind, title in counted]
        return "; ".join(parts)


def evaluate_incidents(
    cluster: Cluster,
    namespace: str,
    since: datetime,
    now: datetime,
    announce: Callable[[list[tuple[IncidentChange, IncidentRecord]]], None] = lambda _new: None,
    maintenance: Sequence[Maintenance] = (),
) -> IncidentEvaluation:
    """Bring the incidents up to the alerts that changed after `since`.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        since: Alerts that ended by then are the same as at the last evaluation.
        now: The time at which a snooze is or is not over.
        announce: Given the changes that are not stored yet, each with its incident,
            before they are: what it does is done again if the process is killed.
        maintenance: Times in which nobody is called.
    """
    alerts, begin = _overlapping(AlertStore(cluster, namespace), since)
    store = IncidentStore(cluster, namespace)
    found = [incident for incident in correlate(alerts) if _lasts(incident, since)]
    ids = [incident.id for incident in found]
    stored = store.changes(ids)
    found = [_corrected(incident, stored.get(incident.id, ())) for incident in found]

    def standing(incident: Incident, changes: Sequence[IncidentChange]) -> IncidentRecord:
        state = handling([*incident.changes, *_by_people(changes)])
        found = incident_record(incident, state, now)
        held = found.muted is None and held_until(maintenance, found, now)
        return replace(found, muted=MUTED) if held else found

    records = {incident.id: standing(incident, stored.get(incident.id, ())) for incident in found}
    gone = [
        replace(record, status=IncidentStatus.WITHDRAWN, open_alerts=0)
        for record in store.opened_since(min(begin, since))
        if record.id not in records and (record.ended or record.changed) > since
    ]
    store.write([*records.values(), *gone])
    # A person may have acted between reading and writing.
    acts = {name: {*_by_people(changes)} for name, changes in store.changes(ids).items()}
    store.write(
        standing(incident, [*acts.get(incident.id, ())])
        for incident in found
        if acts.get(incident.id, set()) != {*_by_people(stored.get(incident.id, ()))}
    )
    about = records | {record.id: record for record in gone}
    changes = [change for incident in found for change in incident.changes]
    changes += [_withdrawal(record) for record in gone]
    of_gone = store.changes([record.id for record in gone])
    known = {change.id for changes in (*stored.values(), *of_gone.values()) for change in changes}
    new = [
        (change, about[change.incident])
        for change in sorted(changes, key=_order)
        if change.id not in known
    ]
    announce(new)
    store.add(new, now)
    open_now = list(store.open())
    return IncidentEvaluation(
        tuple(found),
        tuple(new),
        len(open_now),
        sum(record.severity is Severity.CRITICAL for record in open_now),
    )


def _order(change: IncidentChange) -> tuple[datetime, str, str]:
    return change.at, change.incident, change.kind


def _overlapping(store: AlertStore, since: datetime) -> tuple[list[Alert], datetime]:
    """Return the alerts that may share an incident with one that lasted after a moment.

    Also the first moment of them: no other alert was open then, nor had just ended.
    """
    begin = since
    while True:
        alerts = list(store.overlapping(begin - REOPENING))
        first = min((alert.opened for alert in alerts), default=begin)
        if first >= begin:
            return alerts, begin
        begin = first


def _lasts(incident: Incident, since: datetime) -> bool:
    return incident.ended is None or incident.ended > since


def _by_people(changes: Sequence[IncidentChange]) -> Iterator[IncidentChange]:
    return (change for change in changes if change.by is not None)


def _corrected(incident: Incident, stored: Sequence[IncidentChange]) -> Incident:
    """Return an incident, open again where late data show that it had not ended."""
    known = {change.id for change in incident.changes}
    undone = [
        change for change in stored if change.kind is ChangeKind.RESOLVED and change.id not in known
    ]
    late = tuple(
        IncidentChange(
            incident.id,
            ChangeKind.REOPENED,
            change.at,
            incident.worst,
            "Late data: it had not ended.",
            about=change.id,
        )
        for change in undone
    )
    changes = sorted([*incident.changes, *late], key=lambda change: change.at)
    return replace(incident, changes=tuple(changes)) if late else incident


def _withdrawal(record: IncidentRecord) -> IncidentChange:
    """Return the change where late data show that there was no incident."""
    return IncidentChange(
        record.id,
        ChangeKind.WITHDRAWN,
        record.opened,
        record.severity,
        "Late data: its alerts were withdrawn.",
    )
