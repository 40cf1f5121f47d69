"""The aggregations that count numbered lines, and what their answers say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, INGESTED, known_since, period_query
from mlmon.analyzers.profiles.kinds.sequences import LATE, PART, Missing, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.window import Window

PROCESS, NUMBER, SERVICE = "process.entity_id", "event.sequence", "service.name"
ENVIRONMENT = "service.environment"
PAGE = 10_000
"""So many counts an answer; a longer one is asked for in parts."""

RANGE_BUCKETS = 1_000
GREATEST = 2**63 - 1
_FIVE_MINUTES = "5m"
_NUMBERED = {"exists": {"field": NUMBER}}, {"exists": {"field": PROCESS}}


@dataclass(frozen=True, slots=True)
class Count:
    """The lines of a process in five minutes that arrived within the same five minutes.

    Args:
        process: The process.
        service: Its service, "" for none.
        stretch: The lines; none counted as stored twice.
        first: When the first of them reached Elasticsearch, None where they do not say.
        last: When the last of them did.
        environment: Where it runs, "" where the lines do not say.
    """

    process: str
    service: str
    stretch: Stretch
    first: datetime | None
    last: datetime | None
    environment: str = ""


def numbered_since() -> dict[str, Any]:
    """Return the aggregation that says what is known of the numbered lines of a bucket."""
    return {"numbered": {"filter": {"bool": {"filter": [*_NUMBERED]}}, "aggs": known_since()}}


def counts_body(part: Window, after: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the search for a part's counts, those after a key of an earlier answer."""
    sources = [
        {"process": {"terms": {"field": PROCESS}}},
        {"service": {"terms": {"field": SERVICE, "missing_bucket": True}}},
        {"environment": {"terms": {"field": ENVIRONMENT, "missing_bucket": True}}},
        {"start": {"date_histogram": {"field": "@timestamp", "fixed_interval": _FIVE_MINUTES}}},
        {
            "arrived": {
                "date_histogram": {
                    "field": INGESTED,
                    "fixed_interval": _FIVE_MINUTES,
                    "missing_bucket": True,
                }
            }
        },
    ]
    composite: dict[str, Any] = {"size": PAGE, "sources": sources}
    if after is not None:
        composite["after"] = dict(after)
    measured = {
        "numbers": {"stats": {"field": NUMBER}},
        "dropped": {"sum": {"field": "ml.log.dropped"}},
        "written": {"avg": {"field": "@timestamp"}},
        "arrivals": {"stats": {"field": INGESTED}},
    }
    return _numbered(part) | {"aggs": {"windows": {"composite": composite, "aggs": measured}}}


def counts(answer: Mapping[str, Any]) -> Iterator[Count]:
    """Yield the counts of an answer to `counts_body`."""
    for bucket in _buckets(answer):
        key, arrivals = bucket["key"], bucket["arrivals"]
        first, last = (
            from_milliseconds(arrivals[name]) if arrivals["count"] else None
            for name in ("min", "max")
        )
        service, environment = key["service"] or "", key["environment"] or ""
        yield Count(key["process"], service, _stretch(bucket), first, last, environment)


def is_full(answer: Mapping[str, Any]) -> bool:
    """Whether there are more counts than an answer holds."""
    return len(_buckets(answer)) == PAGE


def last_key(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key after which the next answer begins."""
    key: dict[str, Any] = answer["aggregations"]["windows"]["after_key"]
    return key


def _stretch(bucket: Mapping[str, Any]) -> Stretch:
    start, lines = from_milliseconds(bucket["key"]["start"]), bucket["doc_count"]
    numbers, arrivals, arrived = bucket["numbers"], bucket["arrivals"], bucket["key"]["arrived"]
    timed = arrivals["count"]
    late = arrived is not None and from_milliseconds(arrived) >= start + PART + LATE
    waited = (arrivals["avg"] - bucket["written"]["value"]) / 1_000 if timed else 0.0
    return Stretch(
        start,
        int(numbers["min"]),
        int(numbers["max"]),
        lines,
        distinct=lines,
        dropped=int(bucket["dropped"]["value"]),
        timed=timed,
        late=timed if late else 0,
        # A clock that is ahead does not make lines arrive before they were written.
        delay=round(max(0.0, waited) * timed, 2),
    )


def indices_body(part: Window) -> dict[str, Any]:
    """Return the search that says which indices hold the lines of each hour."""
    indices = {"indices": {"terms": {"field": "_index", "size": 1_000}}}
    hours = {"date_histogram": {**DATE, "fixed_interval": "1h"}, "aggs": indices}
    return _numbered(part) | {"aggs": {"windows": hours}}


def divided_hours(answer: Mapping[str, Any]) -> set[datetime]:
    """Return the hours in which some data stream has lines in more than one of its indices.

    A line's id is its document's, and one index holds an id once: only there may lines be stored
    twice.
    """
    divided = set()
    for bucket in _buckets(answer):
        streams = [_stream(each["key"]) for each in bucket["indices"]["buckets"]]
        if len(set(streams)) < len(streams):
            divided.add(from_milliseconds(bucket["key"]))
    return divided


def repeated_body(hour: Window, ranges: Iterable[tuple[str, int, int]]) -> dict[str, Any]:
    """Return the search for numbers that several lines of an hour carry, exactly.

    Args:
        hour: The hour.
        ranges: (process, first number, last number) to be looked at.
    """
    found = list(ranges)
    processes = {
        "terms": {"field": PROCESS, "size": len(found)},
        "aggs": {
            "numbers": {"histogram": {"field": NUMBER, "interval": 1, "min_doc_count": 2}},
        },
    }
    windows = {
        "date_histogram": {**DATE, "fixed_interval": _FIVE_MINUTES},
        "aggs": {"processes": processes},
    }
    body = _numbered(hour) | {"aggs": {"windows": windows}}
    body["query"]["bool"]["filter"].append(
        {"bool": {"should": [_numbers(process, first, last) for process, first, last in found]}}
    )
    return body


def repeated(answer: Mapping[str, Any]) -> Iterator[tuple[str, datetime, int]]:
    """Yield (process, five minutes, lines that only repeat a number)."""
    for window in _buckets(answer):
        for process in window["processes"]["buckets"]:
            extra = sum(bucket["doc_count"] - 1 for bucket in process["numbers"]["buckets"])
            if extra:
                yield process["key"], from_milliseconds(window["key"]), extra


def before_body(lowest: Mapping[str, int], time: Window | None) -> dict[str, Any]:
    """Return the search for the highest number of each process below the one given.

    Args:
        lowest: The number, by process.
        time: When to look, None for ever.
    """
    named = {process: _numbers(process, 0, number - 1) for process, number in lowest.items()}
    highest = {"highest": {"max": {"field": NUMBER}}}
    body = {"size": 0, "track_total_hits": False} if time is None else period_query(time, {})
    return body | {"aggs": {"windows": {"filters": {"filters": named}, "aggs": highest}}}


def before(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers an answer to `before_body` knows, by process."""
    buckets = answer["aggregations"]["windows"]["buckets"]
    # Without an index there is a list, of nothing.
    found = buckets.items() if isinstance(buckets, dict) else ()
    return {process: int(each["highest"]["value"]) for process, each in found if each["doc_count"]}


def missing_body(process: str, first: int, last: int) -> dict[str, Any]:
    """Return the search that counts a process's lines per range of numbers, whenever written."""
    width = _width(first, last)
    ranges = {"field": NUMBER, "interval": width, "offset": first % width, "min_doc_count": 1}
    return {
        "size": 0,
        "track_total_hits": False,
        "query": _numbers(process, first, last),
        "aggs": {"windows": {"histogram": ranges}},
    }


def missing(answer: Mapping[str, Any], first: int, last: int) -> list[Missing]:
    """Return the ranges of numbers from `first` to `last` that lack lines."""
    width = _width(first, last)
    there = {int(bucket["key"]): bucket["doc_count"] for bucket in _buckets(answer)}
    ranges = (
        Missing(start, end, end - start + 1 - there.get(start, 0))
        for start in range(first, last + 1, width)
        for end in (min(start + width - 1, last),)
    )
    return joined(range_ for range_ in ranges if range_.count > 0)


def joined(ranges: Iterable[Missing]) -> list[Missing]:
    """Return ranges in order, of which those that are empty and touch became one."""
    found: list[Missing] = []
    for range_ in ranges:
        before = found[-1] if found else None
        if before and before.last + 1 == range_.first and before.empty and range_.empty:
            found[-1] = Missing(before.first, range_.last, before.count + range_.count)
        else:
            found.append(range_)
    return found


def _buckets(answer: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    buckets: list[dict[str, Any]] = answer["aggregations"]["windows"]["buckets"]
    return buckets


def _width(first: int, last: int) -> int:
    return -(-(last - first + 1) // RANGE_BUCKETS)


def _numbers(process: str, first: int, last: int) -> dict[str, Any]:
    # A double may round the greatest number a field can hold to one that it cannot.
    bounds = {"gte": first, "lte": min(last, GREATEST)}
    return {"bool": {"filter": [{"term": {PROCESS: process}}, {"range": {NUMBER: bounds}}]}}


def _numbered(part: Window) -> dict[str, Any]:
    body = period_query(part, {})
    body["query"]["bool"]["filter"] += _NUMBERED
    return body


def _stream(index: str) -> str:
    """Return the data stream of a backing index, `.ds-<stream>-<day>-<generation>`."""
    return index.removeprefix(".ds-").rsplit("-", 2)[0] if index.startswith(".ds-") else index
