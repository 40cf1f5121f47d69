"""How the dates of events compare with their arrival, by the hour they arrived in.

Elasticsearch compares no two fields of a document without a script, so each hour is asked for by
itself: an event that arrived in it and is dated a while after its end is ahead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import (
    DAY,
    FIRST,
    HOUR,
    LAST,
    MINUTE,
    Window,
    from_milliseconds,
    iso,
    parse_time,
)
from mlmon.analyzers.event_logs.aggregations import INGESTED, known_since, read_watermark, within
from mlmon.analyzers.event_logs.logs import SURVEYED
from mlmon.analyzers.profiles.kind import ProfileKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "clock"
DATASET = "ml.*"
STEP = HOUR
AHEAD = 10 * MINUTE
"""Clocks of two machines may differ by so much before it is worth a word."""
BEHIND = 3650 * DAY
"""No log that is worth shipping is so old: a clock that was reset says 1970 or 2000."""
MOST_SERVICES, MOST_PROCESSES = 100, 3


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of one service's events.

    Args:
        events: How many arrived.
        ahead: Those dated more than `AHEAD` after the end of the hour they arrived in.
        latest: The latest date of these, None without any.
        behind: Those dated more than `BEHIND` before the begin of that hour.
        earliest: The earliest date of these, None without any.
        processes: Events with such dates by process, of the processes with the most.
    """

    events: int = 0
    ahead: int = 0
    latest: datetime | None = None
    behind: int = 0
    earliest: datetime | None = None
    processes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ClockProfile:
    """The dates of the events that arrived in one hour, by service ("" for none)."""

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    services: Mapping[str, Dates] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time of arrival summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {"services": [[name, _encode(each)] for name, each in sorted(self.services.items())]}


class ClockKind(ProfileKind[ClockProfile]):
    """Dates of events by the hour of their arrival."""

    name = KIND
    dataset = DATASET
    step = STEP
    news = ((DATASET, INGESTED),)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour in which events arrived."""
        found: dict[ProfileKey, SourceWatermark] = {}
        for part in period.split(SURVEYED):
            survey = _arrived(part) | {"aggs": {"windows": _hours({})}}
            for bucket in logs.search(DATASET, survey)["aggregations"]["windows"]["buckets"]:
                start = from_milliseconds(bucket["key"])
                found[ProfileKey(KIND, Window(start, start + STEP))] = read_watermark(bucket)
        return found

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[ClockProfile]:
        """Yield a profile for each hour in which events arrived."""
        del series
        for hour in part.split(STEP):
            for bucket in logs.search(DATASET, body(hour))["aggregations"]["windows"]["buckets"]:
                profile_key = ProfileKey(KIND, hour)
                yield ClockProfile(profile_key, read_watermark(bucket), services=_services(bucket))

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> ClockProfile:
        """Return the profile of a stored body."""
        del baselines
        services = {name: _decode(each) for name, each in body["services"]}
        return ClockProfile(profile_key, watermark, revision, services)


def body(hour: Window) -> dict[str, Any]:
    """Return the search body for an hour of arrivals."""
    wrong = {
        "ahead": within("@timestamp", gt=hour.end + AHEAD),
        "behind": within("@timestamp", lt=hour.start - BEHIND),
    }
    # Elasticsearch cannot write the last moment a date can hold (`aggregations.py`).
    writable = {"range": {"@timestamp": {"lt": 2**63 - 1, "format": "epoch_millis"}}}
    inside = {
        "writable": {
            "filter": writable,
            "aggs": {"extremes": {"stats": {"field": "@timestamp"}}},
        },
        "processes": {"terms": {"field": "process.entity_id", "size": MOST_PROCESSES}},
    }
    services = {
        "terms": {"field": "service.name", "missing": "", "size": MOST_SERVICES},
        "aggs": {name: {"filter": query, "aggs": inside} for name, query in wrong.items()},
    }
    windows = _hours({"services": services})
    return _arrived(hour) | {"aggs": {"windows": windows}}


def _hours(inside: Mapping[str, Any]) -> dict[str, Any]:
    hours = {"field": INGESTED, "fixed_interval": "1h", "min_doc_count": 1}
    return {"date_histogram": hours, "aggs": {**known_since(), **inside}}


def _arrived(period: Window) -> dict[str, Any]:
    query = within(INGESTED, gte=period.start, lt=period.end)
    return {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": [query]}}}


def _services(hour: Mapping[str, Any]) -> dict[str, Dates]:
    return {bucket["key"]: _dates(bucket) for bucket in hour["services"]["buckets"]}


def _dates(service: Mapping[str, Any]) -> Dates:
    ahead, behind = service["ahead"], service["behind"]
    processes: Counter[str] = Counter()
    for wrong in (ahead, behind):
        for bucket in wrong["processes"]["buckets"]:
            processes[bucket["key"]] += bucket["doc_count"]
    return Dates(
        service["doc_count"],
        ahead["doc_count"],
        _moment(ahead, "max", LAST),
        behind["doc_count"],
        _moment(behind, "min", FIRST),
        processes,
    )


def _moment(wrong: Mapping[str, Any], end: str, farthest: datetime) -> datetime | None:
    """Return the farthest date of some events; None without any."""
    milliseconds = wrong["writable"]["extremes"][end]
    if milliseconds is not None:
        return from_milliseconds(milliseconds)
    return farthest if wrong["doc_count"] else None


def _encode(dates: Dates) -> dict[str, Any]:
    return {
        "events": dates.events,
        "ahead": dates.ahead,
        "latest": iso(dates.latest) if dates.latest else None,
        "behind": dates.behind,
        "earliest": iso(dates.earliest) if dates.earliest else None,
        "processes": dates.processes,
    }


def _decode(body: Mapping[str, Any]) -> Dates:
    times = {
        name: parse_time(body[name]) if body[name] else None for name in ("latest", "earliest")
    }
    return Dates(**{**body, **times, "processes": Counter(body["processes"])})
