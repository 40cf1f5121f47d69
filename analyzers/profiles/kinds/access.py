"""What HTTP services answered in five minutes: requests, statuses, latencies, by service and path.

Latencies are counted without scripts, in buckets of bounded relative error: each octave
[2^k, 2^(k+1)) nanoseconds is cut into 32 buckets of equal width (the scheme of HdrHistogram,
https://github.com/HdrHistogram/HdrHistogram), so every latency from 1 µs to 18 minutes is known to
within 1.6 % at any size. In Elasticsearch this is one filter per octave with a histogram of
fixed interval inside; only buckets that hold something come back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmon.analyzers.base.window import MINUTE, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, period_query
from mlmon.analyzers.event_logs.logs import Bound
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import (
    ByTerm,
    DeclarationScope,
    DocumentCount,
    Group,
    MostFrequent,
    NumberTally,
    NumberTerms,
    Quantity,
    Stat,
    ask,
    merge,
    quantity,
    read,
)
from mlmon.analyzers.statistics.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.quantities import AnswerBucket

DATASET = "ml.access"
ACCESS_STEP = 5 * MINUTE
OTHER_PATHS = "(other paths)"
"""Requests to paths of a service that a window does not count separately."""

FIRST_OCTAVE = 10
LAST_OCTAVE = 39
PARTS = 32
_LEAST, _MOST = 1 << FIRST_OCTAVE, 1 << (LAST_OCTAVE + 1)
NANOSECONDS_PER_MILLISECOND = 1_000_000

MOST_PATHS, MOST_SERVICES = 50, 200
_DURATION = "event.duration"
# Each shard names more candidates than are kept, so that the most frequent ones are.
_PATHS = {"field": "url.path", "size": MOST_PATHS, "shard_size": 1_000}
_ALL = {"terms": {"field": "event.dataset", "size": 1, "missing": DATASET}}
"""The bucket of all requests."""
_SERVICES = {"field": "service.name", "size": MOST_SERVICES, "missing": ""}
_WINDOWS = {"date_histogram": {**DATE, "fixed_interval": "5m"}}

STATUS = "http.response.status_code"
CLIENT_ERRORS, SERVER_ERRORS = range(400, 500), range(500, 600)
"""HTTP statuses (RFC 9110, 15.5 and 15.6): analyzers and dashboards count the same ones."""
UNAVAILABLE = range(503, 504)
"""The status of a service without a model."""

Latencies = Counter[int]
"""Requests per bucket, by the bucket's lower end in nanoseconds; 0 for all below 1 µs."""


class Endpoint(NamedTuple):
    """A path of a service; the service is "" where its lines name none."""

    service: str
    path: str


PathLatencies = dict[int, dict[Endpoint, Latencies]]
"""Latencies by window (in milliseconds since the epoch), service and path."""


@dataclass(frozen=True, slots=True)
class PathAccess:
    """The requests of one path.

    Args:
        requests: How many.
        statuses: Requests per HTTP status.
        timed: Requests whose duration is known.
        duration: Sum of the durations in nanoseconds.
        duration_squares: Sum of their squares.
        latencies: Requests per latency bucket.
        service: The service that answered.
    """

    requests: int = quantity(DocumentCount())
    statuses: Counter[int] = quantity(NumberTerms(STATUS, 100))
    timed: int = quantity(Stat(_DURATION, "count"))
    duration: float = quantity(Stat(_DURATION, "sum"))
    duration_squares: float = quantity(Stat(_DURATION, "sum_of_squares"))
    latencies: Latencies = quantity(NumberTally())
    service: str | None = quantity(MostFrequent("service.name"))


_ACCESS = Group(PathAccess)
_BY_PATH = ByTerm("url.path", _ACCESS, size=MOST_PATHS, candidates=1_000)


@dataclass(frozen=True)
class ByEndpoint(Quantity["Mapping[Endpoint, PathAccess]"]):
    """The requests by service and path: two services may have the same path.

    They are stored as pairs of path and requests, which name their service.
    """

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the paths of each service, and for all of a service's requests."""
        inside = {**ask(PathAccess, scope), **_BY_PATH.ask("paths", scope)}
        return {name: {"terms": _SERVICES, "aggs": inside}}

    def read(
        self, bucket: AnswerBucket, name: str, scope: DeclarationScope
    ) -> Mapping[Endpoint, PathAccess]:
        """Return the requests by service and path."""
        return {
            Endpoint(service["key"], path): access
            for service in bucket[name]["buckets"]
            for path, access in _BY_PATH.read(service, "paths", scope).items()
        }

    def empty(self) -> Mapping[Endpoint, PathAccess]:
        """No requests."""
        return {}

    def encode(self, value: Mapping[Endpoint, PathAccess]) -> Any:
        """Return pairs of path and requests."""
        return [[endpoint.path, _ACCESS.encode(access)] for endpoint, access in value.items()]

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[Endpoint, PathAccess]:
        """Read what `encode` wrote."""
        entries = ((path, _ACCESS.decode(entry, scope)) for path, entry in body)
        return {Endpoint(access.service or "", path): access for path, access in entries}

    def merge(
        self, values: Sequence[Mapping[Endpoint, PathAccess]]
    ) -> Mapping[Endpoint, PathAccess]:
        """Merge the requests of each service and path."""
        found: dict[Endpoint, list[PathAccess]] = {}
        for value in values:
            for endpoint, access in value.items():
                found.setdefault(endpoint, []).append(access)
        return {endpoint: merge(parts) for endpoint, parts in found.items()}


@dataclass(frozen=True, slots=True)
class AccessProfile(WindowProfile):
    """The requests of one window, by service and path."""

    paths: Mapping[Endpoint, PathAccess] = quantity(ByEndpoint())


class AccessKind(ProfileKind[AccessProfile]):
    """Requests by five minutes."""

    name = "access"
    dataset = DATASET
    step = ACCESS_STEP
    profile = AccessProfile

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[AccessProfile]:
        """Yield a profile for each five minutes with requests.

        One request does for up to `MOST_PATHS` paths a day; with more, latencies are requested
        again by the paths that were kept, and once for all.
        """
        answer, scope = logs.search(DATASET, _body(part)), DeclarationScope()
        if _complete(answer):
            of_paths, of_all = _latencies(answer), PathLatencies()
        else:
            of_paths, of_all = (
                _latencies(logs.search(DATASET, _latencies_body(part, inside)))
                for inside in (_only(_kept(answer)), _ALL)
            )
        for bucket in answer["aggregations"]["windows"]["buckets"]:
            start = from_milliseconds(bucket["key"])
            profile = self.profile_of(Window(start, start + ACCESS_STEP), series, bucket, scope)
            timed = of_paths.get(bucket["key"], {})
            paths = {
                endpoint: replace(access, latencies=timed.get(endpoint, Counter()))
                for endpoint, access in profile.paths.items()
            }
            if left_out := bucket["paths"]["sum_other_doc_count"]:
                logs.left_out[Bound(DATASET, "service.name", MOST_SERVICES)] += left_out
            for service in bucket["paths"]["buckets"]:
                if service["paths"]["sum_other_doc_count"]:
                    name = service["key"]
                    everything = replace(
                        PathAccess(**read(PathAccess, service, scope)),
                        latencies=of_all.get(bucket["key"], {}).get(
                            Endpoint(name, DATASET), Counter()
                        ),
                    )
                    named = [of for endpoint, of in paths.items() if endpoint.service == name]
                    paths[Endpoint(name, OTHER_PATHS)] = _rest(everything, named)
            yield replace(profile, paths=paths)


def _body(period: Window) -> dict[str, Any]:
    """Return the search body for a period.

    Latencies stand outside of the windows, with the windows innermost: so only the buckets that
    hold a request come back, a tenth of what a range aggregation in each window returns.
    """
    windows = {"windows": _WINDOWS | {"aggs": ask(AccessProfile, DeclarationScope())}}
    return period_query(period, {}) | {"aggs": {**windows, **_octaves({"terms": _PATHS})}}


def _latencies_body(period: Window, inside: dict[str, Any]) -> dict[str, Any]:
    """Return the search body for the latencies of a period, for each key of an aggregation."""
    # Without an index the answer is one without windows.
    return period_query(period, {}) | {"aggs": {"windows": _WINDOWS, **_octaves(inside)}}


def _octaves(inside: dict[str, Any]) -> dict[str, Any]:
    """Return the aggregations that count durations per window, service and key of one `inside`."""

    def counted(width: float) -> dict[str, Any]:
        buckets = {"field": _DURATION, "interval": width, "min_doc_count": 1}
        durations = {"bucket": {"histogram": buckets, "aggs": {"windows": _WINDOWS}}}
        paths = {"paths": inside | {"aggs": durations}}
        return {"services": {"terms": _SERVICES, "aggs": paths}}

    return {
        name: {"filter": {"range": {_DURATION: bounds}}, "aggs": counted(width)}
        for name, bounds, width in _tiers()
    }


def _latencies(answer: Mapping[str, Any]) -> PathLatencies:
    """Return the latencies of an answer."""
    found: PathLatencies = {}
    aggregations = answer["aggregations"]
    if not aggregations["windows"]["buckets"]:
        return found
    for name, bounds, _ in _tiers():
        for endpoint, bucket in _durations(aggregations[name]):
            lower = max(int(bucket["key"]), bounds.get("gte", 0))
            for window in bucket["windows"]["buckets"]:
                counts = found.setdefault(window["key"], {}).setdefault(endpoint, Counter())
                counts[lower] += window["doc_count"]
    return found


def _durations(tier: Mapping[str, Any]) -> Iterator[tuple[Endpoint, Mapping[str, Any]]]:
    """Yield the buckets of durations of each service and path."""
    for service in tier["services"]["buckets"]:
        for path in service["paths"]["buckets"]:
            for bucket in path["bucket"]["buckets"]:
                yield Endpoint(service["key"], path["key"]), bucket


def _complete(answer: Mapping[str, Any]) -> bool:
    """Whether an answer to `_body` holds every path."""
    aggregations = answer["aggregations"]
    windows = aggregations["windows"]["buckets"]
    services = [service for window in windows for service in window["paths"]["buckets"]]
    if any(service["paths"]["sum_other_doc_count"] for service in services):
        return False
    return not windows or not any(
        service["paths"]["sum_other_doc_count"]
        for name, _, _ in _tiers()
        for service in aggregations[name]["services"]["buckets"]
    )


def _kept(answer: Mapping[str, Any]) -> list[str]:
    """Return the paths that any window of an answer counts separately, of any service."""
    windows = answer["aggregations"]["windows"]["buckets"]
    services = [service for window in windows for service in window["paths"]["buckets"]]
    return sorted({path["key"] for service in services for path in service["paths"]["buckets"]})


def _only(paths: Sequence[str]) -> dict[str, Any]:
    """Return the aggregation that counts just the given paths separately."""
    return {"terms": {"field": "url.path", "include": list(paths), "size": max(1, len(paths))}}


def _rest(everything: PathAccess, parts: Iterable[PathAccess]) -> PathAccess:
    """Return what is left of all requests without some."""
    known = merge([PathAccess(), *parts])
    return PathAccess(
        everything.requests - known.requests,
        everything.statuses - known.statuses,
        everything.timed - known.timed,
        # What rounding leaves of equal sums is no duration.
        max(0.0, everything.duration - known.duration),
        max(0.0, everything.duration_squares - known.duration_squares),
        everything.latencies - known.latencies,
        everything.service,
    )


def in_milliseconds(latencies: Mapping[int, int]) -> Buckets:
    """Return the latencies as buckets in milliseconds, ready for percentiles."""
    filled = {lower: count for lower, count in latencies.items() if count}
    bounded = [lower for lower in filled if 0 < lower < _MOST]
    ends = {*bounded, *(lower + _width(lower) for lower in bounded)}
    if 0 in filled:
        ends.add(_LEAST)
    if _MOST in filled:
        ends.add(_MOST)
    edges = sorted(ends) or [_LEAST]
    return Buckets(
        tuple(edge / NANOSECONDS_PER_MILLISECOND for edge in edges),
        (filled.get(0, 0), *(filled.get(edge, 0) for edge in edges)),
        minimum=0.0,
    )


def _width(nanoseconds: int) -> int:
    return (1 << (nanoseconds.bit_length() - 1)) // PARTS


def _tiers() -> Iterator[tuple[str, dict[str, int], float]]:
    yield "below", {"lt": _LEAST}, float(_LEAST)
    for octave in range(FIRST_OCTAVE, LAST_OCTAVE + 1):
        start = 1 << octave
        yield f"octave{octave}", {"gte": start, "lt": 2 * start}, start / PARTS
    yield "above", {"gte": _MOST}, float(2**62)
