"""The profiled model versions, with baseline and last window; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.window import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CountedVersion: TypeAlias = tuple[str, str, str]
"""Name and version of a model, and the baseline its profiles are over, "" for none."""

_MOST = 1_000
_START, _COUNT = "event.start", "profile.count"


@dataclass(frozen=True, order=True, slots=True)
class Last:
    """The last window of a series: when it starts, and the events in it."""

    start: datetime
    count: int


def last_windows(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search body for the last window of each version over each baseline."""
    newest = {
        "top_hits": {
            "size": 1,
            "sort": [{_START: "desc"}, {"profile.revision": "desc"}],
            "_source": False,
            "docvalue_fields": [{"field": _START, "format": "strict_date_time"}, _COUNT],
        }
    }
    inside: dict[str, Any] = {"newest": newest}
    for name in ("profile.baseline_id", "ml.model.version", "ml.model.name"):
        inside = {"each": {"terms": {"field": name, "size": _MOST}, "aggs": inside}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": inside}


def read_last_windows(answer: Mapping[str, Any]) -> dict[CountedVersion, Last]:
    """Read the answer to `last_windows`; without an index there is none."""
    found = {}
    for name in answer.get("aggregations", {"each": {"buckets": []}})["each"]["buckets"]:
        for version in name["each"]["buckets"]:
            for baseline in version["each"]["buckets"]:
                (hit,) = baseline["newest"]["hits"]["hits"]
                start, count = hit["fields"][_START][0], hit["fields"][_COUNT][0]
                series = (name["key"], version["key"], baseline["key"])
                found[series] = Last(parse_time(start), int(count))
    return found
