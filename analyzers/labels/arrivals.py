"""Which outcomes are new: those of hours of arrival that hold other than was read of them.

An outcome is counted in the hour in which it was ingested; one that does not say so, in that in
which it was logged. What was counted is kept, so an outcome that becomes visible late is noticed as
long as its hour lies within `REACH` of the newest. One request looks at these hours, however much
is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, HOUR, floor, from_milliseconds, iso, milliseconds
from mlmon.analyzers.event_logs.aggregations import INGESTED
from mlmon.analyzers.labels.outcome_logs import NEEDED, OUTCOME_FIELDS, read_outcome
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices.names import STATE, data_stream, index_name

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from datetime import datetime

    from mlmon.analyzers.labels.label import Outcome
    from mlmon.elastic.client.cluster import Cluster

REACH = 7 * DAY
MILLISECOND = timedelta(milliseconds=1)

_CLOCKS = (INGESTED, "@timestamp")
_STATE_ID = "labels"
_PAGE = 1_000
_HOUR, _DAY = HOUR // MILLISECOND, DAY // MILLISECOND

Hour = tuple[str, int]
"""Which clock it is of, and its start in milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ArrivalHours:
    """Hours of one day that hold new outcomes.

    Args:
        clock: The field they are hours of.
        counts: Outcomes they held when they were surveyed, by hour.
    """

    clock: str
    counts: Mapping[Hour, int]


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

    def read(self) -> dict[Hour, int]:
        """Return the outcomes that were read, by hour."""
        state = self._cluster.get(self._state, _STATE_ID)
        known = state["labels.read"] if state else []
        return {(clock, start): count for clock, start, count in known}

    def write(self, counts: Mapping[Hour, int], now: datetime) -> None:
        """Keep how many were read: never more than were joined."""
        source = {
            "@timestamp": iso(now),
            "labels.read": [[*hour, count] for hour, count in sorted(counts.items())],
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

    def outcomes(self, part: ArrivalHours) -> Generator[Outcome, None, None]:
        """Yield the outcomes of a part, in no order."""
        hours = [{"range": {part.clock: _bounds(start, start + _HOUR)}} for _, start in part.counts]
        filters = [*_of(part.clock, None), {"bool": {"should": hours}}]
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


def _bounds(low: int, high: int | None) -> dict[str, Any]:
    upper = {} if high is None else {"lt": high}
    return {"gte": low, **upper, "format": "epoch_millis"}
