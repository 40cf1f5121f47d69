"""Service health: latency, error rates and traffic of each path.

Judged per service and path: each day the 20 paths of a service with most requests in the week
before, and all its others together. Error rates carry Wilson's interval, percentiles the interval
of their order statistics, the mean that of the central limit theorem; severity uses the
conservative end. Latencies are compared with the median of the path's hourly values of the past
week, widened by their spread; an alarm must also exceed the baseline of the same time of the week.
Traffic is compared with the same time of the week in the past four weeks, or with the same time of
day in the past seven days where fewer than three of those weeks are known. A path without requests
is reported for a week (five days without known weeks), then treated as retired.

A window should hold 30 requests for rates and the mean latency, and 100 for percentiles and
traffic; where traffic is small it grows to 15 minutes, 1 hour, 6 hours or a day. Error rates and
the mean latency are also judged every five minutes over the last 10, 15, 30 and 60 minutes, where
these are shorter than the usual window. Such a window yields nothing but an alarm, and only one
that leaves no doubt: the conservative end passes the limit as in any window, and so many failed
requests, or requests slower than 95 % of the week's, are certainly no chance at the usual rate
(exact binomial test; all looks at a service together give 0.01 false alarms a month at most: a
probability of 6e-8 a look for one path, 3e-9 for 20). The usual rate is the upper end of that of
the week before without its two worst days, or of the last 1, 6 or 24 hours where that is higher.
The window must show it without its worst five minutes, and in its last ones: a burst within five
minutes is not enough. One such window opens an alert. At 2,000 requests a day a fifth of failures
is found after 10 to 15 minutes by day, and by the hour at night.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.certain import certain_below
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
from mlmon.analyzers.references.early_window import EarlyWindow, early_window
from mlmon.analyzers.references.history import ShareHistory, ValueHistory, week_before
from mlmon.analyzers.references.seasons import past_days, past_weeks
from mlmon.analyzers.references.usual_rate import usual_rate
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
EARLY = (10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR)
RECENT = (HOUR, 6 * HOUR, DAY)
"""Times before an early window whose rate counts where it is certainly higher than the week's."""
OFTEN, SELDOM = 30, 100
"""Requests a window should hold for rates and the mean, and for percentiles and traffic."""
MIN_REQUESTS = 10
MIN_PAST_WINDOWS = 3
WEEKS = 4
SLOW_SHARE = 0.05
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
    early = EARLY
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
                    yield from judged.findings(part, len(named) + 1)
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
        self._days: dict[tuple[str, datetime], list[tuple[int, int]]] = {}
        self._early_lengths = cache(self._lengths_of)
        self._slow = cache(self._slow_of)

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

    def findings(self, part: Window, paths: int) -> Iterator[Finding]:
        """Yield every finding of a day or a part of it; on it so many paths are judged."""
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
        yield from self._early(part, paths)
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

    def _early(self, part: Window, paths: int) -> Iterator[Finding]:
        """Yield the alarms of short windows that leave no doubt; other windows say nothing.

        Args:
            part: A day, or a part of it.
            paths: Of the service, that are judged on it.
        """
        series = paths * (len(RATES) + 1)
        certain = certain_below(series * len(EARLY) * (HOUR // cadence.CADENCES[0]))
        for end in part.ends(cadence.CADENCES[0]):
            lengths = self._early_lengths(floor(end - cadence.CADENCES[0], DAY))
            if not lengths:
                continue
            last = self.asked.parts(Window(end - lengths[-1], end))
            if not last or last[-1][0].end != end:
                continue
            for rate in RATES:
                if not _matching(last[-1][1], rate):
                    continue
                counts = [
                    (window, _matching(access, rate), access.requests) for window, access in last
                ]
                usual = partial(self._usual_share, rate)
                found = early_window(counts, end, lengths, usual, certain)
                if found is not None:
                    access = self.asked.access(found.window)
                    yield from _certain(self._rate(rate, found.window, access, found), found)
            if self._slower(Window(end - lengths[0], end)):
                yield from self._early_latency(last, end, lengths, certain)

    def _lengths_of(self, day: datetime) -> tuple[timedelta, ...]:
        """Return the lengths of the early windows of a day: those shorter than the usual ones."""
        requests = self.asked.requests(Window(day - DAY, day))
        usual = cadence.window_length(requests, OFTEN, lengths=self.analyzer.windows)
        return tuple(length for length in EARLY if length < usual)

    def _usual_share(self, rate: Rate, window: Window) -> float | None:
        """Return the usual share before a window, at this time of the last week too."""
        hour = floor(window.start, HOUR)
        if (rate.metric, hour) not in self._days:
            self._days[rate.metric, hour] = [
                self._share(rate, day)
                for day in past_days(Window(hour, hour + DAY), PAST_REQUESTS // DAY)
            ]
        lately = [Window(window.start - length, window.start) for length in RECENT]
        higher = [self._share(rate, time) for time in (*lately, week_before(window))]
        return usual_rate(self._days[rate.metric, hour], higher)

    def _share(self, rate: Rate, window: Window) -> tuple[int, int]:
        """Return how many requests of a window have a status of a rate, and how many there are."""
        parts = self.asked.parts(window)
        return sum(_matching(access, rate) for _, access in parts), self.asked.requests(window)

    def _slower(self, window: Window) -> bool:
        """Whether a window may be slower than the limit: a cheap look before the real one."""
        mean = self.asked.mean(window)
        before = self.asked.mean(Window(window.start - DAY, window.start))
        limits = self.analyzer.limits["latency.mean"]
        slow = mean >= limits.warning * NANOSECONDS_PER_MILLISECOND
        return slow and mean >= _MULTIPLES.warning * before

    def _early_latency(
        self,
        parts: Sequence[Asked],
        end: datetime,
        lengths: Sequence[timedelta],
        certain: float,
    ) -> Iterator[Finding]:
        """Yield the alarm of the mean latency that leaves no doubt.

        The mean must pass its limit; and by count, the requests must be slower than 95 % usually
        are: that test is exact for any distribution.
        """
        slow, usual = self._slow(floor(end - lengths[-1], DAY))
        counts = [
            (window, sum(n for lower, n in access.latencies.items() if lower >= slow), access.timed)
            for window, access in parts
        ]
        found = early_window(counts, end, lengths, lambda _window: usual, certain)
        if found is not None:
            access = self.asked.access(found.window)
            yield from _certain(self._latency(LATENCIES[0], found.window, access), found)

    def _slow_of(self, day: datetime) -> tuple[int, float | None]:
        """Return the nanoseconds from which on a request is slow, and the usual share of these.

        At most 5 % of the requests of the week before a day are. The share is None, and so nothing
        can be tested, where requests are too few, or where more than 5 % have the longest time
        there is: many that end at a time limit leave none that are slower than the others.
        """
        week = self.asked.parts(Window(day - PAST_REQUESTS, day))
        latencies: Counter[int] = Counter()
        for _, access in week:
            latencies.update(access.latencies)
        timed, slower, slow = latencies.total(), 0, 0
        for lower in sorted(latencies, reverse=True):
            if slower + latencies[lower] > SLOW_SHARE * timed:
                break
            slow, slower = lower, slower + latencies[lower]
        return slow, usual_rate([(slower, timed)]) if slower else None

    def _rate(
        self, rate: Rate, window: Window, access: PathAccess, early: EarlyWindow | None = None
    ) -> Finding:
        """Judge a rate; in an early window of any number of requests, by its own usual rate."""
        bad = {status: n for status, n in access.statuses.items() if status in rate.statuses}
        if access.requests < MIN_REQUESTS and early is None:
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
                # One of few requests a week ago is no usual share: `usual_rate` weighs it.
                limits = limits.relative_to(early.usual if early else share)
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


def _certain(judged: Finding, found: EarlyWindow) -> Iterator[Finding]:
    """Yield an early alarm as one that leaves no doubt; nothing where its effect is not enough."""
    if judged.severity.alarming:
        reason = f"{judged.reason.removesuffix('.')}; {found.sentence}."
        yield replace(judged, certain=True, p_value=found.chance, reason=reason)


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
