"""Which stored incident a recomputed one is: late data move openings, and the id stays. Pure.

An incident's id is made of the alert that opened it. Late lines may move that alert's opening, and
a cause that becomes known later may have opened before it. Both would give the same incident
another id, and what people did and received would be lost. Therefore recomputed incidents are
compared with the stored ones:

- A stored incident continues in the recomputed one that would have its id, else in the one that has
  the alert which opened it, else in the one that shares most alerts, then most series at one time.
- Where several continue in one, the one that opened first keeps its id, the others merge into it.
- A stored incident that shares nothing with any is withdrawn; it has its id again if it comes back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlmon.alerting.incidents.causality import REOPENING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import Incident
    from mlmon.alerting.incidents.record import IncidentRecord


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of stored incidents.

    Args:
        continued: The stored incident that each recomputed one is, by the recomputed one's id.
        merged: Into which incident's id a stored one merged, by its own.
        gone: Stored incidents that share nothing with any recomputed one, or were gone before.
    """

    continued: dict[str, IncidentRecord]
    merged: dict[str, str]
    gone: list[IncidentRecord]

    def id_of(self, incident: Incident) -> str:
        """Return the id that a recomputed incident keeps."""
        stored = self.continued.get(incident.id)
        return stored.id if stored else incident.id


class _Shared(NamedTuple):
    """How much a stored incident shares with a recomputed one; the order is that of preference."""

    id: bool = False
    founder: bool = False
    alerts: int = 0
    series: int = 0


def match(
    found: Sequence[Incident],
    stored: Iterable[IncidentRecord],
    alerts: Mapping[str, Alert],
) -> Matches:
    """Return which stored incidents the recomputed ones are.

    Args:
        found: All recomputed incidents of a time.
        stored: The stored incidents of that time, withdrawn and merged ones among them.
        alerts: The alerts of the stored incidents as they are stored, by id, withdrawn ones too.
    """
    continued: dict[str, IncidentRecord] = {}
    merged: dict[str, str] = {}
    gone: list[IncidentRecord] = []
    by_series: dict[str, list[tuple[int, Alert]]] = defaultdict(list)
    for number, incident in enumerate(found):
        for member in incident.members:
            by_series[member.series].append((number, member))
    numbers = {incident.id: number for number, incident in enumerate(found)}
    heirs: dict[int, list[IncidentRecord]] = defaultdict(list)
    for record in sorted(stored, key=lambda record: (record.opened, record.id)):
        shared = _shared(record, alerts, by_series)
        if record.id in numbers:
            own = numbers[record.id]
            shared[own] = shared.get(own, _Shared())._replace(id=True)
        if shared:
            # Of equal ones the first, which opened first.
            number = max(shared, key=lambda number: (shared[number], -number))
            heirs[number].append(record)
        else:
            gone.append(record)
    for number, records in heirs.items():
        standing = [record for record in records if record.status.stands]
        keeper, *others = standing or records
        continued[found[number].id] = keeper
        merged |= {record.id: keeper.id for record in others}
        gone += [record for record in records if record is not keeper]
    return Matches(continued, merged, gone)


def _shared(
    record: IncidentRecord,
    alerts: Mapping[str, Alert],
    by_series: Mapping[str, Sequence[tuple[int, Alert]]],
) -> dict[int, _Shared]:
    """Return what a stored incident shares with recomputed ones, by their numbers."""
    found: dict[int, _Shared] = defaultdict(_Shared)
    for name in record.alert_ids:
        alert = alerts.get(name)
        fitting = by_series.get(alert.series, ()) if alert else ()
        same = {number for number, member in fitting if member.id == name}
        near = {number for number, member in fitting if alert and _near(alert, member)}
        for number in same | near:
            known = found[number]
            found[number] = _Shared(
                founder=known.founder or (number in same and name == record.alert_ids[0]),
                alerts=known.alerts + (number in same),
                series=known.series + 1,
            )
    return found


def _near(one: Alert, other: Alert) -> bool:
    """Return whether two alerts of one series overlap, or lie as close as those that flap."""
    first, second = sorted((one, other), key=lambda alert: alert.opened)
    # One that was withdrawn while it was open never ended.
    end = first.last_alarm if first.withdrawn and first.ended is None else first.ended
    return end is None or second.opened - end <= REOPENING
