"""The aggregations that profile HTTP requests, and from their answer to profiles. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from analyzers.profile import latency
from analyzers.profile.access import DATASET, KIND, AccessProfile, PathAccess, from_body
from analyzers.profile.aggregations import DATE, known_since, period_query, read_knowledge
from analyzers.profile.kind import ProfileKind
from analyzers.profile.slot import Slot
from analyzers.window import MINUTE, Window, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.latency import Latencies
    from analyzers.profile.logs import Logs
    from analyzers.profile.slot import Knowledge

STEP = 5 * MINUTE
DURATION = "event.duration"
OTHER = "(other paths)"
MOST_PATHS = 50
_PATHS = {"terms": {"field": "url.path", "size": MOST_PATHS}}
_WINDOWS = {"date_histogram": {**DATE, "fixed_interval": "5m"}}


def body(period: Window) -> dict[str, Any]:
    """Return the search body for a period.

    Latencies stand apart from the rest, with the windows innermost: so only the buckets that hold
    a request come back, a tenth of what a range aggregation in each window returns.
    """
    path = {
        "statuses": {"terms": {"field": "http.response.status_code", "size": 100}},
        "durations": {"extended_stats": {"field": DURATION}},
        "service": {"terms": {"field": "service.name", "size": 1}},
    }
    windows = _WINDOWS | {"aggs": {**known_since(), "paths": _PATHS | {"aggs": path}}}
    aggs = {"windows": windows, **latency.aggregations(DURATION, _PATHS, _WINDOWS)}
    return period_query(period, {}) | {"aggs": aggs}


def profiles(answer: Mapping[str, Any]) -> Iterator[AccessProfile]:
    """Yield a profile for each window of the answer that holds requests."""
    aggregations = answer["aggregations"]
    latencies: dict[int, dict[str, Latencies]] = {}
    for path, window, bucket, count in latency.counts(aggregations):
        latencies.setdefault(window, {}).setdefault(path, Counter())[bucket] += count
    for window in aggregations["windows"]["buckets"]:
        if window["doc_count"]:
            yield _profile(window, latencies.get(window["key"], {}))


def _profile(bucket: dict[str, Any], latencies: dict[str, Latencies]) -> AccessProfile:
    start = from_milliseconds(bucket["key"])
    paths = {
        each["key"]: _path(each, latencies.get(each["key"], Counter()))
        for each in bucket["paths"]["buckets"]
    }
    other = bucket["paths"]["sum_other_doc_count"]
    if other:
        paths[OTHER] = PathAccess(other)
    return AccessProfile(Slot(KIND, Window(start, start + STEP)), read_knowledge(bucket), 1, paths)


def _path(bucket: dict[str, Any], latencies: Latencies) -> PathAccess:
    durations, services = bucket["durations"], bucket["service"]["buckets"]
    return PathAccess(
        bucket["doc_count"],
        Counter({each["key"]: each["doc_count"] for each in bucket["statuses"]["buckets"]}),
        durations["count"],
        durations["sum"] or 0.0,
        durations["sum_of_squares"] or 0.0,
        latencies,
        services[0]["key"] if services else None,
    )


class AccessKind(ProfileKind[AccessProfile]):
    """Requests by five minutes."""

    name = KIND
    dataset = DATASET
    step = STEP

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[AccessProfile]:
        """Yield a profile for each five minutes with requests."""
        del series
        return profiles(logs.search(DATASET, body(part)))

    def read(
        self,
        slot: Slot,
        knowledge: Knowledge,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> AccessProfile:
        """Return the profile of a stored body."""
        del baselines
        return from_body(slot, knowledge, revision, body)
