"""Service health: is the service quick, does it answer without errors, and is it asked at all?

Judged per path. Error rates carry Wilson's interval, percentiles the interval of their order
statistics, the mean that of the central limit theorem; a verdict is taken from the lower end.
Latencies are compared with the path's own past week: with the median of its hourly values, widened
by how much these vary. Traffic is compared with the same time of day in the past week.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import special

from analyzers import cadence
from analyzers.alert import Alert
from analyzers.analyzer import Analyzer
from analyzers.history import History, ShareHistory
from analyzers.limits import Limits
from analyzers.panel import Panel
from analyzers.profile.access import AccessProfile, PathAccess, total
from analyzers.profile.access_query import OTHER
from analyzers.profile.latency import NANOSECONDS_PER_MILLISECOND, in_milliseconds
from analyzers.statistics.interval import Interval
from analyzers.statistics.percentiles import (
    percentile,
    percentile_confidence,
    relative_middle,
)
from analyzers.statistics.wilson import wilson_interval
from analyzers.window import DAY, HOUR, Window
from analyzers.wording import count, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzers.evidence import Evidence
    from analyzers.finding import Finding

CONFIDENCE = 0.999
_Z = float(special.ndtri(0.5 + CONFIDENCE / 2))
PAST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the requests: those with certain statuses."""

    metric: str
    title: str
    counts: Callable[[int], bool]


RATES = (
    Rate("http.5xx.rate", "5xx", lambda status: status >= 500),  # noqa: PLR2004 - HTTP's classes
    Rate("http.400.rate", "400", lambda status: status == 400),  # noqa: PLR2004 - Bad Request
    Rate("http.503.rate", "503", lambda status: status == 503),  # noqa: PLR2004 - Service Unavailable
)


@dataclass(frozen=True, slots=True)
class Latency:
    """A statistic of the durations in milliseconds.

    Args:
        metric: Its name.
        title: Its name in a sentence.
        share: The percentile's share, None for the mean.
        fewest: Requests below which nothing is said.
    """

    metric: str
    title: str
    share: float | None
    fewest: int


LATENCIES = (
    Latency("latency.mean", "mean", None, 10),
    Latency("latency.p95", "95th percentile", 0.95, 20),
    Latency("latency.p99", "99th percentile", 0.99, 50),
)
OFTEN, SELDOM = 30, 100
"""Requests a window should hold for rates and the mean, and for percentiles and traffic."""
FEWEST = 10
FEWEST_DAYS = 3
_RELATIVE = "at least {} times the median of the past 7 days, and beyond their spread"


class ServiceHealth(Analyzer[AccessProfile]):
    """Latency, error rates and traffic per path."""

    name = "service_health"
    question = "Does the service answer quickly and without errors, and is it asked as usual?"
    advice = (
        "Group the path's requests of that time (`logs-ml.access-*`) by `error.code` and "
        "`service.version`: one version points to a release, one code to a dependency. 503 "
        "means that no model is loaded: reload one. Silence means that the service or the "
        "shipper stands still; `mlmon doctor` tells which. A rate of 400 that jumps points to a "
        "client's release."
    )
    reads = "access"
    lookback = PAST + 2 * DAY
    limits: ClassVar = {
        "latency.mean": Limits(25, 60, meaning=_RELATIVE.format("1.5 and 2.5")),
        "latency.p95": Limits(50, 120, meaning=_RELATIVE.format("1.5 and 2.5")),
        "latency.p99": Limits(100, 240, meaning=_RELATIVE.format("1.5 and 2.5")),
        "http.5xx.rate": Limits(0.02, 0.10, measures="rate"),
        "http.400.rate": Limits(
            0.05, 0.20, meaning="at least 3 and 6 times the past week's", measures="rate"
        ),
        "http.503.rate": Limits(0.02, 0.10, measures="rate"),
        "traffic.rpm": Limits(
            0.3, 0.05, "below", "share of the usual traffic at that time of day in 7 days"
        ),
    }
    panels = (
        Panel("Latency, mean", "latency.mean", "ms", "How long does a request take?"),
        Panel("Latency, 95th percentile", "latency.p95", "ms", "How slow is 1 request in 20?"),
        Panel("Latency, 99th percentile", "latency.p99", "ms", "How slow is 1 request in 100?"),
        Panel("Server errors", "http.5xx.rate", "ratio", "How many requests does it fail?"),
        Panel("Bad requests", "http.400.rate", "ratio", "How many requests are malformed?"),
        Panel("Not ready", "http.503.rate", "ratio", "How many find no model loaded?"),
        Panel("Traffic", "traffic.rpm", "requests/min", "How often is it asked?", "area"),
    )
    alert = Alert(on="warning", after=2, of=3, layer="service")

    def evaluate(self, evidence: Evidence[AccessProfile]) -> Iterator[Finding]:
        """Yield the findings of each path that was asked in the period or the day before."""
        recent = Window(evidence.period.start - DAY, evidence.period.end)
        paths = {path for each in evidence.within(recent) for path in each.paths}
        for path in sorted(paths - {OTHER}):
            yield from _Path(self, evidence, path).findings()


class _Path:
    """The evidence of one path."""

    def __init__(
        self, analyzer: ServiceHealth, evidence: Evidence[AccessProfile], path: str
    ) -> None:
        self.analyzer = analyzer
        self.evidence = evidence
        self.path = path
        asked = [each for each in evidence.profiles if path in each.paths]
        self._starts = [each.window.start for each in asked]
        counts = (each.paths[path].requests for each in asked)
        self._cumulative = list(accumulate(counts, initial=0))
        start = evidence.period.start - ServiceHealth.lookback
        self.hours = [
            (window, access)
            for end in Window(start, evidence.period.end).ends(HOUR)
            if (access := self.access(window := Window(end - HOUR, end))).requests
        ]
        self.service = next((each.service for _, each in self.hours if each.service), None)

    def access(self, window: Window) -> PathAccess:
        """Return the path's requests in a window."""
        return total(self.evidence.within(window), self.path)

    def requests(self, window: Window) -> int:
        """Return how many requests a window holds."""
        first = bisect_left(self._starts, window.start)
        last = bisect_left(self._starts, window.end)
        return self._cumulative[last] - self._cumulative[first]

    def windows(self, expected: int) -> Iterator[tuple[Window, PathAccess]]:
        """Yield the windows that should hold so many requests, while the path is in use."""
        for window in cadence.windows(self.evidence.period, self.requests, expected):
            access = self.access(window)
            if access.requests or self.requests(Window(window.start - DAY, window.start)):
                yield window, access

    def findings(self) -> Iterator[Finding]:
        """Yield every finding of the path."""
        often = list(self.windows(OFTEN))
        hourly = list(self.windows(SELDOM))
        for rate in RATES:
            pooled = ShareHistory(
                ((hour, _matching(each, rate), each.requests) for hour, each in self.hours), PAST
            )
            for window, access in often:
                yield self._rate(rate, window, access, pooled)
        for latency in LATENCIES:
            past = History(((hour, _value(latency, each)) for hour, each in self.hours), PAST)
            for window, access in often if latency.share is None else hourly:
                yield self._latency(latency, window, access, past)
        for window, access in hourly:
            yield self._traffic(window, access)

    def _rate(self, rate: Rate, window: Window, access: PathAccess, past: ShareHistory) -> Finding:
        bad = {status: n for status, n in access.statuses.items() if rate.counts(status)}
        if access.requests < FEWEST:
            return self._too_few(rate.metric, window, access.requests, FEWEST)
        value = sum(bad.values()) / access.requests
        interval = wilson_interval(sum(bad.values()), access.requests, CONFIDENCE)
        before, requests = past.before(window.start)
        limits = self.analyzer.limits[rate.metric]
        if rate.metric == "http.400.rate":
            limits = limits.at_least(3 * before, 6 * before)
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(bad.items()))
        return self._finding(
            rate.metric,
            window,
            limits,
            value,
            interval,
            access.requests,
            f"{percent(value)} of {count(access.requests, 'request')} to {self.path} ended in "
            f"{rate.title}{f' ({statuses})' if statuses else ''} {span(window)}, "
            f"{percent(before)} in the 7 days before.",
            baseline_value=before,
            baseline_count=requests,
        )

    def _latency(self, of: Latency, window: Window, access: PathAccess, past: History) -> Finding:
        if access.timed < of.fewest:
            return self._too_few(of.metric, window, access.timed, of.fewest)
        value, interval = _measured(of, access)
        known = past.before(window.start)
        if len(known) < 24:  # noqa: PLR2004 - a whole day of hours
            return self.analyzer.unknown(
                of.metric,
                self.path,
                window,
                f"{len(known)} hours of requests to {self.path} are known before "
                f"{window.start:%Y-%m-%d %H:%M} UTC, 24 are needed to know what is usual.",
                service=self.service,
                value=value,
                sample_count=access.timed,
            )
        median = float(np.median(known))
        spread = 1.4826 * float(np.median(np.abs(known - median)))
        limits = self.analyzer.limits[of.metric].at_least(
            max(1.5 * median, median + 6 * spread), max(2.5 * median, median + 12 * spread)
        )
        return self._finding(
            of.metric,
            window,
            limits,
            value,
            interval,
            access.timed,
            f"The {of.title} of {count(access.timed, 'request')} to {self.path} took "
            f"{number(value)} ms {span(window)}, usually {number(median)} ms.",
            baseline_value=median,
            baseline_count=len(known),
        )

    def _traffic(self, window: Window, access: PathAccess) -> Finding:
        minutes = window.length / timedelta(minutes=1)
        days = [
            self.requests(Window(window.start - day * DAY, window.end - day * DAY))
            for day in range(1, PAST // DAY + 1)
            if self.requests(Window(window.start - day * DAY - DAY, window.end - day * DAY))
        ]
        usual = float(np.median(days)) if days else 0.0
        known = {
            "service": self.service,
            "value": access.requests / minutes,
            "sample_count": access.requests,
            "warning": None,
            "critical": None,
        }
        if len(days) < FEWEST_DAYS or usual < FEWEST:
            reason = (
                f"{len(days)} earlier days of requests to {self.path} are known, "
                f"with {number(usual)} requests at this time; {FEWEST_DAYS} days with "
                f"{FEWEST} requests are needed to know what is usual."
            )
            return self.analyzer.unknown("traffic.rpm", self.path, window, reason, **known)
        declared = self.analyzer.limits["traffic.rpm"]
        per_minute = usual / minutes
        limits = Limits(declared.warning * per_minute, declared.critical * per_minute, declared.bad)
        return self._finding(
            "traffic.rpm",
            window,
            limits,
            access.requests / minutes,
            _poisson(access.requests, minutes),
            access.requests,
            f"{count(access.requests, 'request')} to {self.path} {span(window)}, "
            f"usually {number(usual)} at this time of day.",
            baseline_value=per_minute,
            baseline_count=len(days),
        )

    def _too_few(self, metric: str, window: Window, requests: int, needed: int) -> Finding:
        return self.analyzer.unknown(
            metric,
            self.path,
            window,
            f"{count(requests, 'request')} to {self.path} {span(window)}, "
            f"{needed} are needed for a verdict.",
            service=self.service,
            sample_count=requests,
        )

    def _finding(
        self,
        metric: str,
        window: Window,
        limits: Limits,
        value: float,
        interval: Interval,
        requests: int,
        reason: str,
        **known: float,
    ) -> Finding:
        return self.analyzer.finding(
            metric,
            self.path,
            window,
            limits.judge(interval.low, interval.high),
            service=self.service,
            value=value,
            low=interval.low,
            high=interval.high,
            sample_count=requests,
            warning=limits.warning,
            critical=limits.critical,
            reason=reason,
            **known,
        )


def _matching(access: PathAccess, rate: Rate) -> int:
    return sum(n for status, n in access.statuses.items() if rate.counts(status))


def _value(of: Latency, access: PathAccess) -> float | None:
    if access.timed < of.fewest:
        return None
    if of.share is None:
        return access.duration / access.timed / NANOSECONDS_PER_MILLISECOND
    return relative_middle(percentile(in_milliseconds(access.latencies), of.share))


def _measured(of: Latency, access: PathAccess) -> tuple[float, Interval]:
    if of.share is None:
        return _mean(access)
    sample = in_milliseconds(access.latencies)
    return (
        relative_middle(percentile(sample, of.share)),
        percentile_confidence(sample, of.share, CONFIDENCE),
    )


def _mean(access: PathAccess) -> tuple[float, Interval]:
    n = access.timed
    mean = access.duration / n
    variance = max(0.0, access.duration_squares / n - mean * mean)
    error = _Z * math.sqrt(variance / (n - 1))
    unit = NANOSECONDS_PER_MILLISECOND
    return mean / unit, Interval(max(0.0, mean - error) / unit, (mean + error) / unit)


def _poisson(events: int, minutes: float) -> Interval:
    """Return the rates per minute that so many events are compatible with (Garwood, 1936)."""
    tail = (1 - CONFIDENCE) / 2
    low = float(special.chdtri(2 * events, 1 - tail)) / 2 if events else 0.0
    return Interval(low / minutes, float(special.chdtri(2 * events + 2, tail)) / 2 / minutes)
