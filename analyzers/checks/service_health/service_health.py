"""Service health: latency, error rates and traffic of each path.

Judged per service and path: each day the 20 paths of a service with most requests in the week
before, and all its others together. Error rates carry Wilson's interval, percentiles the interval
of their order statistics, the mean that of the central limit theorem; severity uses the
conservative end. Latencies are compared with the median of the path's hourly values of the past
week, widened by their spread; an alarm must also exceed the baseline of the same time of the week.
Traffic is compared with the same time of the week in the past four weeks, or with the same time of
day in the past seven days where fewer than three of those weeks are known. A path without requests
is reported for a week (five days without known weeks), then treated as retired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PATH_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, floor
from mlmon.analyzers.checks.service_health.path_requests import (
    PAST_REQUESTS,
    PathRequests,
    Paths,
    requests_by_service,
)
from mlmon.analyzers.checks.service_health.rate_onset import (
    FailureBins,
    PathFailures,
    onset_of_counts,
)
from mlmon.analyzers.profiles.kinds.access import (
    CLIENT_ERRORS,
    NANOSECONDS_PER_MILLISECOND,
    OTHER_PATHS,
    SERVER_ERRORS,
    UNAVAILABLE,
    AccessProfile,
    PathAccess,
    in_milliseconds,
)
from mlmon.analyzers.references import cadence
from mlmon.analyzers.references.history import ShareHistory, ValueHistory, week_before
from mlmon.analyzers.references.seasons import past_days, past_weeks
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.percentiles import (
    percentile,
    percentile_confidence,
    relative_middle,
)
from mlmon.analyzers.statistics.poisson import poisson_interval
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, moment, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding

_Z = float(special.ndtri(0.5 + CONFIDENCE / 2))


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the requests: those with certain statuses."""

    metric: str
    title: str
    statuses: Collection[int]
    relative: bool = False


MALFORMED = (400, 422)
"""Flask and Django answer a request they cannot read with 400, FastAPI and Rails with 422."""

# `relative`: a client's fault, so the path's own past week is what it is compared with.
RATES = (
    Rate("http.5xx.rate", "5xx", SERVER_ERRORS),
    Rate("http.4xx.rate", "4xx", CLIENT_ERRORS, relative=True),
    Rate("http.400.rate", "400 or 422", MALFORMED, relative=True),
    Rate("http.503.rate", "503", UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class Latency:
    """A statistic of the durations in milliseconds.

    Args:
        metric: Its name.
        template: Sentence part with requests, path and milliseconds.
        share: The percentile's share, None for the mean.
        min_requests: Requests needed for a verdict.
    """

    metric: str
    template: str
    share: float | None
    min_requests: int


LATENCIES = (
    Latency("latency.mean", "{} to {} took {} ms on average", None, 10),
    Latency("latency.p95", "1 in 20 of {} to {} took {} ms or longer", 0.95, 20),
    Latency("latency.p99", "1 in 100 of {} to {} took {} ms or longer", 0.99, 50),
)


@dataclass(frozen=True, slots=True)
class TrafficUnit:
    """Requests per unit of time."""

    metric: str
    unit: timedelta


PER_MINUTE = TrafficUnit("traffic.rpm", MINUTE)
PER_HOUR = TrafficUnit("traffic.rph", HOUR)
Asked: TypeAlias = tuple[Window, PathAccess]
OFTEN, SELDOM = 30, 100
"""Requests a window should hold for rates and the mean, and for percentiles and traffic."""
MIN_REQUESTS = 10
MIN_PAST_WINDOWS = 3
WEEKS = 4
_SHARE = "share of the usual traffic at that time of the week, or of the day"
_MULTIPLES = Multiples(1.5, 2.5, "the median of the past 7 days", spreads=(6, 12))


class ServiceHealth(Analyzer[AccessProfile]):
    """Latency, error rates and traffic per path."""

    name = "service_health"
    question = "Are latency, error rates and traffic of each path as expected?"
    advice = (
        "Read the path's requests of that time, `mlmon logs --dataset access --field url.path=PATH "
        "--level warning --since 7d` (errors are 5xx, warnings 4xx), by `error.code` and "
        "`service.version`: "
        "a single version points to a release, a single code to a dependency. 503 means that no "
        "model is loaded: reload one. No traffic means that the service or the shipper is down; "
        "`mlmon doctor` shows which. A jump of the 400 or 422 rate points to a client's release."
    )
    runbooks: ClassVar = {
        "http.5xx.rate": Runbook(
            f"{PATH_LINES} --level error",
            "A release; a dependency that is down or slow.",
            "Group by `service.version` and `error.code`: roll a release back, or bring the "
            "dependency back.",
        ),
        "http.503.rate": Runbook(
            "--dataset access --field http.response.status_code=503",
            "No model is loaded after a restart or a failed reload (`model_reload`).",
            "Publish a readable model file and reload.",
        ),
        "http.4xx.rate": Runbook(
            f"{PATH_LINES} --level warning",
            "A client's release; a path or a key that changed; a scan from outside.",
            "Find the client by its lines and inform it; a scan may be blocked at the edge.",
        ),
        "http.400.rate": Runbook(
            f"{PATH_LINES} --level warning",
            "A client's release that sends other fields.",
            "Read `error.code`, and name the refused field to the client.",
        ),
        "traffic.rpm": Runbook(
            PATH_LINES,
            "The service, its load balancer or a client is down; the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file.",
        ),
        "traffic.rph": Runbook(
            PATH_LINES,
            "The service, its load balancer or a client is down; the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file.",
        ),
        "": Runbook(
            PATH_LINES,
            "A release; a dependency that is slow; more traffic than capacity; a cache that is "
            "cold.",
            "Compare by `service.version`: go back where one release is slow. Else add capacity.",
        ),
    }
    windows = cadence.CADENCES
    needs = (
        Needs("access", PAST_REQUESTS + 2 * DAY, weeks=WEEKS),
        Needs("pulse", 3 * HOUR),
    )
    metrics = (
        Metric(
            "latency.mean",
            "Mean latency",
            "How long does a request take on average?",
            Limits(25, 60, multiples=_MULTIPLES),
            unit="ms",
        ),
        Metric(
            "latency.p95",
            "95th percentile latency",
            "Which latency do 5 % of the requests exceed?",
            Limits(50, 120, multiples=_MULTIPLES),
            unit="ms",
        ),
        Metric(
            "latency.p99",
            "99th percentile latency",
            "Which latency do 1 % of the requests exceed?",
            Limits(100, 240, multiples=_MULTIPLES),
            unit="ms",
        ),
        Metric(
            "http.5xx.rate",
            "5xx error rate",
            "Which share of the requests ends in a server error?",
            Limits(0.02, 0.10, measures="rate"),
            unit="ratio",
        ),
        Metric(
            "http.4xx.rate",
            "4xx error rate",
            "Which share of the requests ends in a client error?",
            Limits(0.10, 0.30, measures="rate", multiples=Multiples(3, 6, "the past week's")),
            unit="ratio",
        ),
        Metric(
            "http.400.rate",
            "400 and 422 rate (bad requests)",
            "Which share of the requests is malformed?",
            Limits(0.05, 0.20, measures="rate", multiples=Multiples(3, 6, "the past week's")),
            unit="ratio",
        ),
        Metric(
            "http.503.rate",
            "503 rate (no model loaded)",
            "Which share of the requests finds no model loaded?",
            Limits(0.02, 0.10, measures="rate"),
            unit="ratio",
        ),
        Metric(
            "traffic.rpm",
            "Traffic",
            "How many requests arrive per minute?",
            Limits(0.3, 0.05, "below", _SHARE),
            unit="requests/min",
            draw="area",
        ),
        Metric(
            "traffic.rph",
            "Hourly traffic",
            "Is hourly traffic as at the same time of past weeks?",
            Limits(0.3, 0.05, "below", _SHARE),
            unit="requests/h",
            draw="area",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="service")

    def evaluate(self, context: AnalysisContext[AccessProfile]) -> Iterator[Finding]:
        """Yield the findings of the paths in use of each service, day by day."""
        bins = FailureBins(context.of("pulse"))
        for service, windows in sorted(requests_by_service(context.profiles).items()):
            yield from self._of_service(Paths(windows), bins.of(service), context.period)

    def _of_service(self, paths: Paths, bins: PathFailures, period: Window) -> Iterator[Finding]:
        path = cache(lambda name: _Path(self, paths.of(name), bins))
        for part in period.split(DAY):
            named = paths.judged(Window(floor(part.start, DAY), part.end))
            if named is not None:
                rest = _Path(self, paths.others(part.end, set(named)), bins)
                for judged in (*map(path, named), rest):
                    yield from judged.findings(part)
                continue
            yield from self._first_day(paths, path, part, bins)

    def _first_day(
        self, paths: Paths, path: Callable[[str], _Path], part: Window, bins: PathFailures
    ) -> Iterator[Finding]:
        """Yield the findings of a day before which nothing is known: its own traffic decides."""
        for end in part.ends(cadence.CADENCES[0]):
            hour = Window(end - HOUR, end)
            named = paths.new(hour)
            for name in named:
                yield from path(name).first_findings(end)
            if end == floor(end, HOUR):
                rest = _Path(self, paths.others(end, set(named)), bins)
                yield from rest.first_findings(end)


class _Path:
    """The findings of one path."""

    def __init__(self, analyzer: ServiceHealth, asked: PathRequests, bins: PathFailures) -> None:
        self.analyzer = analyzer
        self.bins = bins
        self.asked = asked
        self.path = asked.path
        self.service = asked.service

    @cached_property
    def shares(self) -> dict[str, ShareHistory]:
        """The past shares of each rate."""
        return {
            rate.metric: ShareHistory(
                (
                    (hour, _matching(access, rate), access.requests)
                    for hour, access in self.asked.hours
                ),
                PAST_REQUESTS,
            )
            for rate in RATES
        }

    @cached_property
    def latencies(self) -> dict[str, ValueHistory]:
        """The past values of each latency."""
        return {
            latency.metric: ValueHistory(
                ((hour, _value(latency, access)) for hour, access in self.asked.hours),
                PAST_REQUESTS,
            )
            for latency in LATENCIES
        }

    def findings(self, part: Window) -> Iterator[Finding]:
        """Yield every finding of a day or a part of it."""
        week = self.asked.requests(
            Window(floor(part.start, DAY) - PAST_REQUESTS, floor(part.start, DAY))
        )
        busy = week >= MIN_REQUESTS * (PAST_REQUESTS // HOUR)
        frequent, rare = (
            [
                (window, self.asked.access(window))
                for window in self._windows(part, expected, busy=busy)
            ]
            for expected in (OFTEN, SELDOM)
        )
        yield from self._judged(frequent, rare)
        for end in part.ends(HOUR) if busy else ():
            window = Window(end - HOUR, end)
            yield self._traffic(PER_HOUR, window, self.asked.access(window))

    def first_findings(self, end: datetime) -> Iterator[Finding]:
        """Yield the findings of the windows that end at a moment of the log's first day."""
        frequent, rare = (
            [
                (window, access)
                for window in self._first_windows(end, expected)
                if (access := self.asked.access(window)).requests >= MIN_REQUESTS
            ]
            for expected in (OFTEN, SELDOM)
        )
        yield from self._judged(frequent, rare)

    def _first_windows(self, end: datetime, expected: int) -> Iterator[Window]:
        """Yield the window that ends at a moment: an hour, or shorter where that hour is busy."""
        rate = cadence.recent_rate(self.asked.requests, end, cadence.CADENCES[0])
        lengths = self.analyzer.windows
        length = min(HOUR, cadence.window_length(rate, expected, lengths=lengths))
        length = max(length, lengths[0])
        if floor(end, length) == end:
            yield Window(end - length, end)

    def _windows(self, part: Window, expected: int, *, busy: bool) -> Iterator[Window]:
        """Yield the windows that should hold so many requests."""
        for window in cadence.windows(
            part, self.asked.requests, expected, lengths=self.analyzer.windows
        ):
            # Where all other paths have little traffic, an empty window means nothing.
            if self.path != OTHER_PATHS or busy or self.asked.requests(window) >= MIN_REQUESTS:
                yield window

    def _judged(self, frequent: Sequence[Asked], rare: Sequence[Asked]) -> Iterator[Finding]:
        for rate in RATES:
            for window, access in frequent:
                yield self._rate(rate, window, access)
        for latency in LATENCIES:
            for window, access in frequent if latency.share is None else rare:
                yield self._latency(latency, window, access)
        for window, access in rare:
            yield self._traffic(PER_MINUTE, window, access)

    def _rate(self, rate: Rate, window: Window, access: PathAccess) -> Finding:
        bad = {status: n for status, n in access.statuses.items() if status in rate.statuses}
        if access.requests < MIN_REQUESTS:
            return self._too_few(rate.metric, window, access.requests, MIN_REQUESTS)
        value = sum(bad.values()) / access.requests
        interval = wilson_interval(sum(bad.values()), access.requests, CONFIDENCE)
        before, requests = self.shares[rate.metric].before(window.start)
        limits = self.analyzer.limits[rate.metric]
        if rate.relative:
            limits = limits.relative_to(self.shares[rate.metric].usual(window.start))
            if limits.judge(interval.low, interval.high).alarming:
                then = self.asked.access(week_before(window))
                share = _matching(then, rate) / then.requests if then.requests else 0.0
                limits = limits.relative_to(share)
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(bad.items()))
        alarming = limits.judge(interval.low, interval.high).alarming
        onset = self._onset(rate, window) if alarming else None
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
            onset_start=onset.start if onset else None,
            onset_end=onset.end if onset else None,
        )

    def _onset(self, rate: Rate, window: Window) -> Window | None:
        """Return when a rate began to rise: in the window, or as long before it."""
        known = self.bins.onset(self.path, window, rate.statuses)
        if known is not None:
            return known
        around = Window(window.start - window.length, window.end)
        return onset_of_counts(
            [
                (part, _matching(access, rate), access.requests)
                for part, access in self.asked.parts(around)
            ]
        )

    def _latency(self, of: Latency, window: Window, access: PathAccess) -> Finding:
        if access.timed < of.min_requests:
            return self._too_few(of.metric, window, access.timed, of.min_requests)
        value, interval = _measured(of, access)
        known = self.latencies[of.metric].before(window.start)
        if len(known) < 24:  # noqa: PLR2004 - a whole day of hours
            return self.analyzer.unknown(
                of.metric,
                self.path,
                window,
                f"Not enough history for a latency baseline of {self.path}: {len(known)} of 24 "
                f"hours before {moment(window.start)}.",
                service=self.service,
                value=value,
                sample_count=access.timed,
            )
        median = float(np.median(known))
        spread = 1.4826 * float(np.median(np.abs(known - median)))
        limits = self.analyzer.limits[of.metric].relative_to(median, spread)
        usually = f"usually {number(median)} ms"
        if limits.judge(interval.low, interval.high).alarming:
            # The baseline of this time of the week is read only where it decides.
            then, title = self._usual(window, lambda time: _value(of, self.asked.access(time)))
            if then:
                at_this_time = float(np.median(then))
                limits = limits.relative_to(at_this_time)
                usually += f" and {number(at_this_time)} ms {title}"
        return self._finding(
            of.metric,
            window,
            limits,
            value,
            interval,
            access.timed,
            f"{of.template.format(count(access.timed, 'request'), self.path, number(value))} "
            f"{span(window)}, {usually}.",
            baseline_value=median,
            baseline_count=len(known),
        )

    def _usual(
        self, window: Window, measure: Callable[[Window], float | None]
    ) -> tuple[list[float], str]:
        """Return what was measured at the same time of past weeks, else days, and which it was.

        Nothing, where the path was not in use at three such times.
        """
        for windows, title in (
            (past_weeks(window, WEEKS), "at this time of the week"),
            (past_days(window, PAST_REQUESTS // DAY), "at this time of day"),
        ):
            used = [
                past for past in windows if self.asked.requests(Window(past.end - DAY, past.end))
            ]
            values = [value for past in used if (value := measure(past)) is not None]
            if len(values) >= MIN_PAST_WINDOWS:
                return values, title
        return [], ""

    def _traffic(self, of: TrafficUnit, window: Window, access: PathAccess) -> Finding:
        units = window.length / of.unit
        then, title = self._usual(window, lambda time: float(self.asked.requests(time)))
        usual = float(np.median(then)) if then else 0.0
        known = {"service": self.service, "value": access.requests / units}
        if usual < MIN_REQUESTS:
            usually = (
                f"usually {number(usual)} {title}, {MIN_REQUESTS} are needed for a verdict"
                if then
                else f"not enough history for a baseline (fewer than {MIN_PAST_WINDOWS} past days)"
            )
            asked = f"{count(access.requests, 'request')} to {self.path} {span(window)}"
            reason = f"{asked}; {usually}."
            return self.analyzer.unknown(
                of.metric,
                self.path,
                window,
                reason,
                sample_count=access.requests,
                warning=None,
                critical=None,
                **known,
            )
        declared = self.analyzer.limits[of.metric]
        rate = usual / units
        limits = Limits(declared.warning * rate, declared.critical * rate, declared.bad)
        hidden = self.asked.hidden(window)
        interval = poisson_interval(access.requests, CONFIDENCE, hidden)
        if not access.requests and not hidden and min(then) >= MIN_REQUESTS:
            # Never silent at this time: that nothing came is no accident of counting.
            interval = Interval(0.0, 0.0)
        return self._finding(
            of.metric,
            window,
            limits,
            access.requests / units,
            Interval(interval.low / units, interval.high / units),
            access.requests,
            f"{count(access.requests, 'request')} to {self.path} {span(window)}, "
            f"usually {number(usual)} {title}.",
            baseline_value=rate,
            baseline_count=len(then),
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
        **known: float | datetime | None,
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
    return sum(n for status, n in access.statuses.items() if status in rate.statuses)


def _value(of: Latency, access: PathAccess) -> float | None:
    if access.timed < of.min_requests:
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
