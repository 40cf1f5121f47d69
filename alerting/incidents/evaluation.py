"""Incidents brought up to the alerts: read what overlaps, correlate, match, store what is news.

Correlation begins where no alert was open, so that a part of the history gives the same incidents
as all of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.causality import REOPENING
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.incident import ChangeKind, Incident, IncidentChange, IncidentStatus
from mlmon.alerting.incidents.maintenance import MUTED, held_until
from mlmon.alerting.incidents.matching import Matches, match
from mlmon.alerting.incidents.people import handling
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.tracking import news, withdrawal
from mlmon.analyzers.base.finding import Severity
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.maintenance import Maintenance
    from mlmon.elastic.client.cluster import Cluster


_MOST_NAMED = 4
"""More changes than these are counted in the summary's line, not named."""


@dataclass(frozen=True, slots=True)
class IncidentEvaluation:
    """What an evaluation found.

    Args:
        changes: The changes that were not known before, each with its incident.
        open: How many are open now.
        critical: Of them, critical.
    """

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
    recomputed = correlate(alerts)
    stored = store.matchable(min(begin, since) - REOPENING)
    by_id = _alerts_of(AlertStore(cluster, namespace), stored, alerts)
    matches = match(recomputed, stored, by_id)
    continued = {record.id: record for record in matches.continued.values()}
    tracker = _Tracker(continued, by_id, now, maintenance)
    found = [_named(one, matches) for one in recomputed if _concerned(one, matches, since)]
    undone = list(_undone(matches, since))
    ids = [*(incident.id for incident in found), *(record.id for record, _ in undone)]
    known = store.changes(ids)
    tracked = [tracker.tracked(incident, known.get(incident.id, ())) for incident in found]
    gone = [tracker.undone(record, change, known) for record, change in undone]
    store.write(record for record, _ in [*tracked, *gone])
    # A person may have acted between reading and writing.
    latest = store.changes(ids)
    if changed := {name for name in ids if len(latest.get(name, ())) != len(known.get(name, ()))}:
        tracked = [
            tracker.tracked(incident, latest.get(incident.id, ()))
            if incident.id in changed
            else before
            for incident, before in zip(found, tracked, strict=True)
        ]
        store.write(record for record, _ in tracked if record.id in changed)
    about = [(change, record) for record, changes in [*tracked, *gone] for change in changes]
    new = sorted(about, key=lambda pair: _order(pair[0]))
    announce(new)
    store.add(new, now)
    open_now = list(store.open())
    return IncidentEvaluation(
        tuple(new),
        len(open_now),
        sum(record.severity is Severity.CRITICAL for record in open_now),
    )


_Tracked = tuple[IncidentRecord, list[IncidentChange]]
"""An incident as it stands, and what is news about it."""


@dataclass(frozen=True, slots=True)
class _Tracker:
    """Brings stored incidents up to recomputed ones.

    Args:
        stored: The stored incidents that continue, by id.
        alerts: Alerts by id.
        now: When this is.
        maintenance: Times in which nobody is called.
    """

    stored: Mapping[str, IncidentRecord]
    alerts: Mapping[str, Alert]
    now: datetime
    maintenance: Sequence[Maintenance]

    def tracked(self, incident: Incident, known: Sequence[IncidentChange]) -> _Tracked:
        """Return an incident as it stands, with what is news about it."""
        new = news(incident, known, self.alerts, self.now)
        changes = [*known, *new]
        from_data = tuple(change for change in changes if change.by is None)
        standing = replace(incident, changes=from_data)
        stored = self.stored.get(incident.id)
        record = incident_record(standing, handling(changes), self.now, stored)
        held = record.muted is None and held_until(self.maintenance, record, self.now)
        return (replace(record, muted=MUTED) if held else record), new

    def undone(
        self,
        record: IncidentRecord,
        change: IncidentChange,
        known: Mapping[str, Sequence[IncidentChange]],
    ) -> _Tracked:
        """Return an incident that was withdrawn or merged, with the change that says so."""
        status = IncidentStatus(change.kind.value)
        gone = replace(record, status=status, open_alerts=0)
        return gone, withdrawal(change, known.get(record.id, ()), self.now)


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


def _alerts_of(
    store: AlertStore, stored: Sequence[IncidentRecord], known: Sequence[Alert]
) -> dict[str, Alert]:
    """Return the alerts of stored incidents by id, withdrawn ones among them, and known ones."""
    alerts = {alert.id: alert for alert in known}
    names = {name for record in stored for name in record.alert_ids}
    return alerts | {alert.id: alert for alert in store.get(sorted(names - alerts.keys()))}


def _concerned(incident: Incident, matches: Matches, since: datetime) -> bool:
    """Return whether a recomputed incident, or what is stored of it, lasted after a moment."""
    stored = matches.continued.get(incident.id)
    return _lasts(incident, since) or (stored is not None and _lasts(stored, since))


def _lasts(incident: Incident | IncidentRecord, since: datetime) -> bool:
    return incident.ended is None or incident.ended > since


def _named(incident: Incident, matches: Matches) -> Incident:
    """Return a recomputed incident under the id it keeps."""
    name = matches.id_of(incident)
    changes = tuple(replace(change, incident=name) for change in incident.changes)
    return replace(incident, id=name, changes=changes)


def _undone(matches: Matches, since: datetime) -> Iterator[tuple[IncidentRecord, IncidentChange]]:
    """Yield the stored incidents that are none any more, each with the change that says so."""
    titles = {record.id: record.title for record in matches.continued.values()}
    for record in matches.gone:
        if not _lasts(record, since):
            continue
        kind, text = ChangeKind.WITHDRAWN, "Late data: its alerts were withdrawn."
        about = None
        if (into := matches.merged.get(record.id)) is not None:
            kind, about = ChangeKind.MERGED, into
            text = f"Late data: it joined incident {into[:8]}, {titles[into]}."
        if record.status.stands or record.status == kind.value:
            yield (
                record,
                IncidentChange(record.id, kind, record.opened, record.severity, text, about=about),
            )
