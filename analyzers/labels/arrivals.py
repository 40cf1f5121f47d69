"""Which outcomes are new: those of hours of arrival that hold other than was read of them.

An outcome is counted in the hour in which it was ingested; one without that time, in that in
which it was logged. What was counted is kept, so an outcome that becomes visible late is noticed as
long as its hour lies within `REACH` of the newest. One request looks at these hours, however much
is stored.

Of the newest hours the count of each ten seconds is kept as well, so that a stream costs what has
come since the last run, not what its hour holds: only the ten seconds that hold other than was read
of them are read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import (
    DAY,
    HOUR,
    MINUTE,
    floor,
    from_milliseconds,
    iso,
    milliseconds,
)
from mlmon.analyzers.event_logs.aggregations import INGESTED
from mlmon.analyzers.labels.outcome_logs import NEEDED, OUTCOME_FIELDS, read_outcome
from mlmon.elastic.client.damaged_state import DAMAGE, set_aside
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices.names import STATE, data_stream, index_name

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping
    from datetime import datetime

    from mlmon.analyzers.labels.label import Outcome
    from mlmon.elastic.client.cluster import Cluster

REACH = 7 * DAY
SECOND, MILLISECOND = MINUTE / 60, timedelta(milliseconds=1)

SLOT = 10 * SECOND
"""The newest hours are counted by so much at a time."""

NEWEST = 2
"""Number of hours of each clock whose slots are kept."""

_CLOCKS = (INGESTED, "@timestamp")
_STATE_ID = "labels"
_HOURS_READ, _SLOTS_READ = "labels.read", "labels.slots"
_PAGE = 1_000
_HOUR, _DAY, _SLOT = HOUR // MILLISECOND, DAY // MILLISECOND, SLOT // MILLISECOND

Hour = tuple[str, int]
"""Clock and start in milliseconds since the epoch, of an hour or a slot."""


@dataclass(frozen=True, slots=True)
class Known:
    """How many outcomes were read.

    Args:
        hours: By hour.
        slots: By slot, of the newest hours.
    """

    hours: Mapping[Hour, int] = field(default_factory=dict)
    slots: Mapping[Hour, int] = field(default_factory=dict)

    def with_part(self, part: ArrivalHours, since: datetime | None) -> Known:
        """Return what is known when a part was read, of the hours since a moment."""
        begin = None if since is None else milliseconds(since)
        hours = {
            hour: count
            for hour, count in {**self.hours, **part.counts}.items()
            if begin is None or hour[1] >= begin
        }
        newest = newest_hours(hours)
        # An hour's slots are those of one survey: what an earlier one had may be gone.
        slots = {slot: count for slot, count in self.slots.items() if _hour(slot) not in part.slots}
        for of in part.slots.values():
            slots |= of
        return Known(hours, {slot: n for slot, n in slots.items() if _hour(slot) in newest})


@dataclass(frozen=True, slots=True)
class ArrivalHours:
    """Hours of one day that hold new outcomes.

    Args:
        clock: The field they are hours of.
        counts: Outcomes they held when they were surveyed, by hour.
        slots: Outcomes that the slots of the newest of these hours held then, by hour.
    """

    clock: str
    counts: Mapping[Hour, int]
    slots: Mapping[Hour, Mapping[Hour, int]] = field(default_factory=dict)

    def spans(self, known: Known) -> list[tuple[int, int]]:
        """Return the times to read, in milliseconds: hours, or the slots that hold other counts."""
        starts = [(start, start + _HOUR) for hour in self.counts for start in self._whole(hour)]
        slots = [
            (slot[1], slot[1] + _SLOT)
            for of in self.slots.values()
            for slot, count in of.items()
            if known.slots.get(slot) != count
        ]
        found: list[tuple[int, int]] = []
        for start, end in sorted([*starts, *slots]):
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return found

    def _whole(self, hour: Hour) -> list[int]:
        return [] if hour in self.slots else [hour[1]]


def _hour(slot: Hour) -> Hour:
    return slot[0], slot[1] // _HOUR * _HOUR


def newest_hours(hours: Iterable[Hour]) -> set[Hour]:
    """Return the newest hours of each clock: those whose slots are kept."""
    ordered = sorted(hours, reverse=True)
    return {hour for _, of in groupby(ordered, key=lambda hour: hour[0]) for hour in [*of][:NEWEST]}


def horizon(read: Mapping[Hour, int], now: datetime) -> datetime | None:
    """Return from when on to look for new outcomes, None for all there are.

    The newest hour counts, not the present one, so that a pause of any length loses nothing; an
    hour in the future (of a clock that was wrong) does not hide what comes before it.
    """
    if not read:
        return None
    newest = from_milliseconds(max(start for _, start in read))
    return floor(min(newest, now), HOUR) - REACH


def parts(present: Mapping[Hour, int], read: Mapping[Hour, int]) -> list[ArrivalHours]:
    """Return the hours to read, by day: those whose count is not what was read."""
    changed = sorted(hour for hour, count in present.items() if read.get(hour) != count)
    return [
        ArrivalHours(clock, {hour: present[hour] for hour in hours})
        for (clock, _), hours in groupby(changed, key=lambda hour: (hour[0], hour[1] // _DAY))
    ]


class Arrivals:
    """The outcomes of one namespace, and how many of them were read."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._outcomes = data_stream("ml.outcome", namespace)
        self._state = index_name(STATE, namespace)
        self.note = ""
        """What was damaged and set aside, in a sentence."""

    def read(self, now: datetime) -> Known:
        """Return what was read. What is damaged is set aside: all outcomes are read again."""
        state = self._cluster.get(self._state, _STATE_ID) or {}
        try:
            hours, slots = (
                {
                    (str(clock), int(start)): int(count)
                    for clock, start, count in state.get(name, ())
                }
                for name in (_HOURS_READ, _SLOTS_READ)
            )
        except DAMAGE as error:
            self.note = set_aside(self._cluster, self._state, _STATE_ID, state, error, now)
            self.write(Known(), now)
            return Known()
        return Known(hours, slots)

    def write(self, known: Known, now: datetime) -> None:
        """Keep how many were read: never more than were joined."""
        source = {
            "@timestamp": iso(now),
            _HOURS_READ: [[*hour, count] for hour, count in sorted(known.hours.items())],
            _SLOTS_READ: [[*slot, count] for slot, count in sorted(known.slots.items())],
        }
        self._cluster.put([Document(self._state, _STATE_ID, source)])

    def survey(self, since: datetime | None) -> dict[Hour, int]:
        """Return the outcomes there are, by hour from a moment on."""
        aggregations = {
            str(number): {
                "filter": {"bool": {"filter": _of(clock, since)}},
                "aggs": {
                    "hours": {
                        "date_histogram": {
                            "field": clock,
                            "fixed_interval": "1h",
                            "min_doc_count": 1,
                        }
                    }
                },
            }
            for number, clock in enumerate(_CLOCKS)
        }
        answer = self._cluster.search(
            self._outcomes, {"size": 0, "track_total_hits": False, "aggs": aggregations}
        )
        return {
            (clock, bucket["key"]): bucket["doc_count"]
            for number, clock in enumerate(_CLOCKS)
            for bucket in answer.get("aggregations", {}).get(
                str(number), {"hours": {"buckets": []}}
            )["hours"]["buckets"]
        }

    def with_slots(self, part: ArrivalHours, newest: Collection[Hour]) -> ArrivalHours:
        """Return a part with the outcomes that the slots of its newest hours hold now."""
        hours = [hour for hour in part.counts if hour in newest]
        if not hours:
            return part
        within = [{"range": {part.clock: _bounds(start, start + _HOUR)}} for _, start in hours]
        seconds = SLOT // SECOND
        histogram = {"field": part.clock, "fixed_interval": f"{seconds}s", "min_doc_count": 1}
        answer = self._cluster.search(
            self._outcomes,
            {
                "size": 0,
                "track_total_hits": False,
                "query": {"bool": {"filter": [*_of(part.clock, None), _any(within)]}},
                "aggs": {"slots": {"date_histogram": histogram}},
            },
        )
        slots: dict[Hour, dict[Hour, int]] = {hour: {} for hour in hours}
        for bucket in answer.get("aggregations", {"slots": {"buckets": []}})["slots"]["buckets"]:
            slot = (part.clock, int(bucket["key"]))
            slots[_hour(slot)][slot] = bucket["doc_count"]
        return replace(part, slots=slots)

    def outcomes(self, part: ArrivalHours, known: Known) -> Generator[Outcome, None, None]:
        """Yield the outcomes of a part that were not read, and some that were, in no order."""
        spans = [{"range": {part.clock: _bounds(*span)}} for span in part.spans(known)]
        if not spans:
            return
        filters = [*_of(part.clock, None), _any(spans)]
        body = {
            "size": _PAGE,
            "_source": False,
            "docvalue_fields": OUTCOME_FIELDS,
            "query": {"bool": {"filter": filters}},
        }
        for hit in self._cluster.scan(self._outcomes, body):
            yield read_outcome(hit)


def _of(clock: str, since: datetime | None) -> list[dict[str, Any]]:
    """Return the filters for the outcomes that are counted by a clock, from a moment on."""
    filters: list[dict[str, Any]] = [{"exists": {"field": name}} for name in (*NEEDED, clock)]
    if clock != INGESTED:
        filters.append({"bool": {"must_not": [{"exists": {"field": INGESTED}}]}})
    if since is not None:
        filters.append({"range": {clock: _bounds(milliseconds(since), None)}})
    return filters


def _any(queries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": queries}}


def _bounds(low: int, high: int | None) -> dict[str, Any]:
    upper = {} if high is None else {"lt": high}
    return {"gte": low, **upper, "format": "epoch_millis"}
