"""The aggregations that profile HTTP requests, and from their answer to profiles. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import MINUTE, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, known_since, period_query, read_watermark
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds import latency
from mlmon.analyzers.profiles.kinds.access import (
    DATASET,
    KIND,
    OTHER,
    AccessProfile,
    PathAccess,
    from_body,
    rest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kinds.latency import Latencies

STEP = 5 * MINUTE
DURATION = "event.duration"
MOST_PATHS = 50
# Each shard names more candidates than are kept, so that the most frequent ones are.
_PATHS = {"terms": {"field": "url.path", "size": MOST_PATHS, "shard_size": 1_000}}
_ALL = {"terms": {"field": "event.dataset", "size": 1, "missing": DATASET}}
"""The bucket of all requests."""
_WINDOWS = {"date_histogram": {**DATE, "fixed_interval": "5m"}}
_COUNTED = {
    "statuses": {"terms": {"field": "http.response.status_code", "size": 100}},
    "durations": {"extended_stats": {"field": DURATION}},
    "service": {"terms": {"field": "service.name", "size": 1}},
}

PathLatencies = dict[int, dict[str, "Latencies"]]
"""Latencies by window (in milliseconds since the epoch) and path."""


def body(period: Window) -> dict[str, Any]:
    """Return the search body for a period.

    Latencies stand apart from the rest, with the windows innermost: so only the buckets that hold
    a request come back, a tenth of what a range aggregation in each window returns.
    """
    paths = _PATHS | {"aggs": _COUNTED}
    windows = _WINDOWS | {"aggs": {**known_since(), "paths": paths, **_COUNTED}}
    aggs = {"windows": windows, **latency.aggregations(DURATION, _PATHS, _WINDOWS)}
    return period_query(period, {}) | {"aggs": aggs}


def latencies_body(period: Window, inside: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search body for the latencies of a period, for each key of an aggregation."""
    aggs = latency.aggregations(DURATION, dict(inside), _WINDOWS)
    # Without an index the answer is one without windows.
    return period_query(period, {}) | {"aggs": {"windows": _WINDOWS, **aggs}}


def complete(answer: Mapping[str, Any]) -> bool:
    """Whether an answer to `body` holds every path."""
    aggregations = answer["aggregations"]
    windows = aggregations["windows"]["buckets"]
    kept = all(not window["paths"]["sum_other_doc_count"] for window in windows)
    return not windows or (kept and latency.complete(aggregations))


def kept(answer: Mapping[str, Any]) -> list[str]:
    """Return the paths that any window of an answer keeps apart."""
    windows = answer["aggregations"]["windows"]["buckets"]
    return sorted({path["key"] for window in windows for path in window["paths"]["buckets"]})


def only(paths: Sequence[str]) -> dict[str, Any]:
    """Return the aggregation that keeps just the given paths apart."""
    return {"terms": {"field": "url.path", "include": list(paths), "size": max(1, len(paths))}}


def latencies(answer: Mapping[str, Any]) -> PathLatencies:
    """Return the latencies of an answer."""
    found: PathLatencies = {}
    if answer["aggregations"]["windows"]["buckets"]:
        for path, window, bucket, count in latency.counts(answer["aggregations"]):
            found.setdefault(window, {}).setdefault(path, Counter())[bucket] += count
    return found


def profiles(
    answer: Mapping[str, Any], of_paths: PathLatencies, of_all: PathLatencies
) -> Iterator[AccessProfile]:
    """Yield a profile for each window that holds requests.

    Args:
        answer: To `body`.
        of_paths: Latencies of the paths that are kept.
        of_all: Latencies of all requests, where some paths are not kept.
    """
    for bucket in answer["aggregations"]["windows"]["buckets"]:
        if bucket["doc_count"]:
            everything = sum(of_all.get(bucket["key"], {}).values(), Counter())
            yield _profile(bucket, of_paths.get(bucket["key"], {}), everything)


def _profile(
    bucket: dict[str, Any], of_paths: Mapping[str, Latencies], of_all: Latencies
) -> AccessProfile:
    start = from_milliseconds(bucket["key"])
    paths = {
        each["key"]: _path(each, of_paths.get(each["key"], Counter()))
        for each in bucket["paths"]["buckets"]
    }
    if bucket["paths"]["sum_other_doc_count"]:
        paths[OTHER] = rest(_path(bucket, of_all), list(paths.values()))
    return AccessProfile(
        ProfileKey(KIND, Window(start, start + STEP)), read_watermark(bucket), 1, paths
    )


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
        """Yield a profile for each five minutes with requests.

        One request does for up to `MOST_PATHS` paths a day; with more, latencies are asked for
        again by the paths that were kept, and once for all.
        """
        del series
        answer = logs.search(DATASET, body(part))
        if complete(answer):
            return profiles(answer, latencies(answer), {})
        of_paths = logs.search(DATASET, latencies_body(part, only(kept(answer))))
        of_all = logs.search(DATASET, latencies_body(part, _ALL))
        return profiles(answer, latencies(of_paths), latencies(of_all))

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> AccessProfile:
        """Return the profile of a stored body."""
        del baselines
        return from_body(profile_key, watermark, revision, body)
