"""When each service answered in five minutes, in bins of ten seconds: requests and failures.

The access profile says how many requests failed in five minutes; this one says when, so that an
outage is known within a minute and its begin to the line. Of old windows the sums are read only.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR, MINUTE, Window, from_milliseconds, milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, DATED, known_since, period_query
from mlmon.analyzers.event_logs.aggregations import read_watermark as watermark_of
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds.access import SERVER_ERRORS, STATUS, UNAVAILABLE
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import Quantity, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.quantities import DeclarationScope

KIND = "pulse"
DATASET = "ml.access"
PULSE_STEP = 5 * MINUTE
BIN_S = 10
BIN_MS = BIN_S * 1_000
MOST_PATHS = 20
MOST_SERVICES = 50
ALL_PATHS = ""
"""Stands for all requests of a service."""
SHIPPED_LATER_S = 3_600.0
"""Lines that came later than this were shipped afterwards: they do not say how long lines take."""

_BINS = {"date_histogram": {**DATE, "fixed_interval": f"{BIN_S}s"}}
_FAILED = {
    "filter": {"range": {STATUS: {"gte": SERVER_ERRORS.start, "lt": SERVER_ERRORS.stop}}},
    "aggs": {
        "bins": _BINS
        | {
            "aggs": {
                "first": {"min": {"field": DATED}},
                "unavailable": {"filter": {"term": {STATUS: UNAVAILABLE.start}}},
            }
        }
    },
}


@dataclass(frozen=True, slots=True)
class Bin:
    """Ten seconds with requests of one path, or of all.

    Args:
        start: Begin, in milliseconds since the epoch.
        requests: How many.
        failed: Of them, answered with 5xx.
        unavailable: Of them, answered with 503.
        first_failed: When the first that failed was logged, in milliseconds; None where none did.
        last: When the last request was, in milliseconds; known of the bins of `ALL_PATHS`.
    """

    start: int
    requests: int
    failed: int = 0
    unavailable: int = 0
    first_failed: int | None = None
    last: int | None = None

    @property
    def end(self) -> int:
        """Its end, in milliseconds since the epoch."""
        return self.start + BIN_MS


@dataclass(frozen=True, slots=True)
class ServicePulse:
    """The requests of one service in one window.

    Args:
        requests: How many.
        first: When the first was logged, in milliseconds since the epoch.
        last: When the last was.
        gap: Longest time between two bins with requests, in milliseconds.
        delay: Seconds that a line took to arrive at most; None where all were shipped afterwards.
        paths: Requests and failures (5xx) of each path; of `ALL_PATHS`, those of all.
    """

    requests: int
    first: int
    last: int
    gap: int = 0
    delay: float | None = None
    paths: Mapping[str, tuple[int, int]] | None = None


@dataclass(frozen=True)
class Services(Quantity["Mapping[str, ServicePulse]"]):
    """The sums by service."""

    def empty(self) -> Mapping[str, ServicePulse]:
        """No service."""
        return {}

    def encode(self, value: Mapping[str, ServicePulse]) -> Any:
        """Return each service's numbers in order."""
        return {
            name: [of.requests, of.first, of.last, of.gap, of.delay, dict(of.paths or {})]
            for name, of in value.items()
        }

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[str, ServicePulse]:
        """Read what `encode` wrote."""
        del scope
        return {
            name: ServicePulse(
                requests, first, last, gap, delay, {path: (n, bad) for path, (n, bad) in of.items()}
            )
            for name, (requests, first, last, gap, delay, of) in body.items()
        }

    def merge(self, values: Sequence[Mapping[str, ServicePulse]]) -> Mapping[str, ServicePulse]:
        """Add them; between two of a service lies a gap."""
        names = sorted({name for value in values for name in value})
        return {name: _merge([value[name] for value in values if name in value]) for name in names}


def _merge(pulses: Sequence[ServicePulse]) -> ServicePulse:
    ordered = sorted(pulses, key=lambda pulse: pulse.first)
    paths: dict[str, tuple[int, int]] = {}
    for pulse in ordered:
        for path, (requests, failed) in (pulse.paths or {}).items():
            before = paths.get(path, (0, 0))
            paths[path] = before[0] + requests, before[1] + failed
    between = [after.first - before.last for before, after in itertools.pairwise(ordered)]
    delays = [pulse.delay for pulse in ordered if pulse.delay is not None]
    return ServicePulse(
        sum(pulse.requests for pulse in ordered),
        ordered[0].first,
        max(pulse.last for pulse in ordered),
        max([*(pulse.gap for pulse in ordered), *between]),
        max(delays, default=None),
        paths,
    )


Bins = dict[str, dict[str, "tuple[Bin, ...]"]]
"""Bins in order of time, by service and path."""


@dataclass(frozen=True)
class BinsOf(Quantity[Bins]):
    """The bins by service and path."""

    def empty(self) -> Bins:
        """No bins."""
        return {}

    def encode(self, value: Bins) -> Any:
        """Return each bin's numbers in order, without zeros at the end."""
        return {
            service: {path: [_numbers(bin_) for bin_ in bins] for path, bins in of.items()}
            for service, of in value.items()
        }

    def decode(self, body: Any, scope: DeclarationScope) -> Bins:
        """Read what `encode` wrote."""
        del scope
        return {
            service: {path: tuple(_bin(*bin_) for bin_ in bins) for path, bins in of.items()}
            for service, of in body.items()
        }

    def merge(self, values: Sequence[Bins]) -> Bins:
        """Join them in order of time."""
        found: dict[str, dict[str, list[Bin]]] = {}
        for value in values:
            for service, of in value.items():
                for path, bins in of.items():
                    found.setdefault(service, {}).setdefault(path, []).extend(bins)
        return {
            service: {
                path: tuple(sorted(bins, key=lambda bin_: bin_.start)) for path, bins in of.items()
            }
            for service, of in found.items()
        }


def _numbers(of: Bin) -> list[int | None]:
    """Return a bin in seconds, its moments in milliseconds after its begin."""
    last = None if of.last is None else of.last - of.start
    if of.first_failed is None:
        return [of.start // 1_000, of.requests, last]
    after = of.first_failed - of.start
    return [of.start // 1_000, of.requests, last, of.failed, of.unavailable, after]


def _bin(
    seconds: int,
    requests: int,
    last: int | None,
    failed: int = 0,
    unavailable: int = 0,
    first_failed: int | None = None,
) -> Bin:
    """Return the bin that `_numbers` wrote."""
    start = seconds * 1_000
    return Bin(
        start,
        requests,
        failed,
        unavailable,
        None if first_failed is None else start + first_failed,
        None if last is None else start + last,
    )


@dataclass(frozen=True, slots=True)
class PulseProfile(WindowProfile):
    """The requests of one window by service."""

    services: Mapping[str, ServicePulse] = quantity(Services())
    bins: Bins = quantity(BinsOf(), detail=True)


class PulseKind(ProfileKind[PulseProfile]):
    """Requests and failures in bins of ten seconds, kept by five minutes."""

    name = KIND
    dataset = DATASET
    step = PULSE_STEP
    profile = PulseProfile
    complete_for = 4 * HOUR

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[PulseProfile]:
        """Yield a profile for each five minutes with requests."""
        del series
        answer = logs.search(DATASET, _body(part))["aggregations"]
        found = _bins(answer)
        arrivals = _arrivals(answer)
        for bucket in answer["windows"]["buckets"]:
            start = from_milliseconds(bucket["key"])
            window = Window(start, start + PULSE_STEP)
            bins = {
                service: within
                for service, of in found.items()
                if (within := _within(of, window))[ALL_PATHS]
            }
            services = {service: _summary(of, arrivals[service]) for service, of in bins.items()}
            yield PulseProfile(
                ProfileKey(self.name, window), watermark_of(bucket), 1, services, bins
            )


def _body(period: Window) -> dict[str, Any]:
    """Return the search body for a period."""
    arrival = {"ingested": {"max": {"field": "event.ingested"}}}
    ends = {name: {name: {"field": DATED}} for name in ("min", "max")}
    paths = {"field": "url.path", "size": MOST_PATHS, "shard_size": 1_000}
    inside = {
        "bins": _BINS | {"aggs": arrival | ends},
        "failed": _FAILED,
        "paths": {"terms": paths, "aggs": {"bins": _BINS, "failed": _FAILED}},
    }
    services = {"field": "service.name", "size": MOST_SERVICES, "missing": ""}
    windows = {"date_histogram": {**DATE, "fixed_interval": "5m"}, "aggs": known_since()}
    aggregations = {"windows": windows, "services": {"terms": services, "aggs": inside}}
    return period_query(period, {}) | {"aggs": aggregations}


def _bins(answer: Mapping[str, Any]) -> Bins:
    return {
        service["key"]: {
            ALL_PATHS: _bins_of(service),
            **{path["key"]: _bins_of(path) for path in service["paths"]["buckets"]},
        }
        for service in answer.get("services", {}).get("buckets", ())
    }


def _bins_of(bucket: Mapping[str, Any]) -> tuple[Bin, ...]:
    failed = {bin_["key"]: bin_ for bin_ in bucket["failed"]["bins"]["buckets"]}
    found = []
    for bin_ in bucket["bins"]["buckets"]:
        last = int(bin_["max"]["value"]) if "max" in bin_ else None
        bad = failed.get(bin_["key"])
        known: tuple[int, int, int | None] = (0, 0, None)
        if bad is not None:
            known = bad["doc_count"], bad["unavailable"]["doc_count"], int(bad["first"]["value"])
        found.append(Bin(bin_["key"], bin_["doc_count"], *known, last))
    return tuple(found)


def _arrivals(answer: Mapping[str, Any]) -> dict[str, dict[int, tuple[int, int, float | None]]]:
    """Return the first and last line of each bin, and the delay of its last, by service."""
    found: dict[str, dict[int, tuple[int, int, float | None]]] = {}
    for service in answer.get("services", {}).get("buckets", ()):
        of = found.setdefault(service["key"], {})
        for bin_ in service["bins"]["buckets"]:
            first, last = int(bin_["min"]["value"]), int(bin_["max"]["value"])
            came = bin_["ingested"]["value"]
            delay = None if came is None else max(0.0, came - first) / 1_000
            of[bin_["key"]] = first, last, delay
    return found


def _within(of: Mapping[str, tuple[Bin, ...]], window: Window) -> dict[str, tuple[Bin, ...]]:
    """Return the bins of a window by path; `ALL_PATHS` is always there."""
    start, end = milliseconds(window.start), milliseconds(window.end)
    found = {
        path: kept
        for path, bins in of.items()
        if (kept := tuple(bin_ for bin_ in bins if start <= bin_.start < end))
    }
    return {ALL_PATHS: (), **found}


def _summary(
    of: Mapping[str, tuple[Bin, ...]],
    arrivals: Mapping[int, tuple[int, int, float | None]],
) -> ServicePulse:
    bins = of[ALL_PATHS]
    known = [arrivals[bin_.start] for bin_ in bins]
    delays = [delay for _, _, delay in known if delay is not None and delay <= SHIPPED_LATER_S]
    gaps = [after.start - before.end for before, after in itertools.pairwise(bins)]
    return ServicePulse(
        sum(bin_.requests for bin_ in bins),
        known[0][0],
        known[-1][1],
        max(gaps, default=0),
        max(delays, default=None),
        {
            path: (sum(bin_.requests for bin_ in kept), sum(bin_.failed for bin_ in kept))
            for path, kept in of.items()
        },
    )
