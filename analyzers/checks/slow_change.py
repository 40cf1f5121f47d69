"""Slow change: the latency and the traffic of each path rise or fall steadily over weeks.

`service_health` compares with the past week, and what changes by a few percent a day changes its
baseline with it. So once a day, at midnight UTC, the days before are tested for a trend: up to 14
and up to 28 of them, at least eight. Mann-Kendall's test must say that the values rise or fall more
steadily than one order in two thousand, and the factor from the first day to the last (Theil and
Sen's slope) must pass the limit with the conservative end of its interval. The first days are the
reference: it does not learn the change.

Half the traffic at once is no trend. Therefore a day's requests are also compared with the median
of the same day in up to four past weeks. A day without any request is left to `service_health`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import CONFIDENCE, Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY, WEEK, Window, floor
from mlmon.analyzers.profiles.kinds.access import (
    OTHER_PATHS,
    AccessProfile,
    Endpoint,
    PathAccess,
    in_milliseconds,
)
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.statistics.percentiles import percentile, relative_middle
from mlmon.analyzers.statistics.poisson import poisson_interval
from mlmon.analyzers.statistics.steady_change import steady_change
from mlmon.formatting import count, number, short_moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.statistics.steady_change import SteadyChange

LATENCY, TRAFFIC, DAILY = "latency.p99.trend", "traffic.trend", "traffic.day"
SPANS = (14, 28)
MIN_DAYS = 8
"""Days with a value that a trend needs."""
P_LIMIT = 0.001 / len(SPANS)
MIN_TIMED, MIN_REQUESTS = 100, 50
"""Requests of a day from which its 99th percentile, and its traffic, have a value."""
MOST_PATHS_JUDGED = 20
PAST_WEEKS = 4


@dataclass(frozen=True, slots=True)
class DailySeries:
    """What is followed of a path.

    Args:
        metric: The metric of its trend.
        description: What it is, as a sentence names it with its value.
        worse: The direction that alarms.
    """

    metric: str
    description: str
    worse: str


SERIES = (
    DailySeries(LATENCY, "the 99th percentile latency of {path} was {value} ms", "rises"),
    DailySeries(TRAFFIC, "{path} had {value} requests", "falls"),
)


class SlowChange(Analyzer[AccessProfile]):
    """Trends over weeks, and the day's traffic, per path."""

    name = "slow_change"
    question = "Do latency and traffic of each path change steadily over weeks?"
    advice = (
        "Compare the first day in the sentence with the last, in `mlmon report` or the dashboard "
        "of the service: a latency that creeps is a leak, a table that grows without an index or a "
        "cache that no longer fits; traffic that declines is a client that leaves. A restart that "
        "brings the latency back points to a leak."
    )
    runbooks: ClassVar = {
        "latency.p99.trend": Runbook(
            "--dataset access",
            "A leak; a table that grows without an index; a cache that no longer fits.",
            "Restart one process: a latency that comes back down points to a leak.",
        ),
        "": Runbook(
            "--dataset access", "A client leaves or grows; a holiday.", "Ask the largest clients."
        ),
    }
    needs = (Needs("access", DAY, pooled=SPANS[-1] * DAY + DAY),)
    metrics = (
        Metric(
            LATENCY,
            "Trend of the 99th percentile latency",
            "Which multiple of its first day is the 99th percentile latency, where it rises "
            "steadily?",
            Limits(1.5, 3.0, meaning="times the first of up to 14 or 28 days"),
            unit="times",
        ),
        Metric(
            TRAFFIC,
            "Trend of the traffic",
            "Which multiple of its first day is the traffic, where it falls steadily?",
            Limits(0.6, 0.3, "below", "times the first of up to 14 or 28 days"),
            unit="times",
        ),
        Metric(
            DAILY,
            "Requests of the day against usual",
            "Which multiple of the usual requests of a day does each path get?",
            Limits(0.6, 0.2, "below", "times the median of the same day in up to 4 past weeks"),
            unit="times",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=1, of=1, layer="service", clear=2)

    def evaluate(self, context: AnalysisContext[AccessProfile]) -> Iterator[Finding]:
        """Yield the findings of each path, at the end of each day."""
        ends = list(context.windows(DAY))
        if not ends:
            return
        days = _Days(context.pooled("access"))
        for window in ends:
            for endpoint in days.endpoints(window):
                series = days.of(endpoint, window)
                for known in SERIES:
                    yield self._trend(known, endpoint.path, window, series)
                if window.start in series:
                    yield self._daily(endpoint.path, window, series)

    def _trend(
        self,
        of: DailySeries,
        path: str,
        window: Window,
        days: Mapping[datetime, PathAccess],
    ) -> Finding:
        values = {day: value for day, access in days.items() if (value := _value(of, access))}
        service = _service(days)
        if len(values) < MIN_DAYS:
            reason = (
                f"{count(len(values), 'day')} of {path} before {short_moment(window.end)} with "
                f"enough requests, {MIN_DAYS} are needed for a trend."
            )
            return self.unknown(of.metric, path, window, reason, service=service)
        limits = self.limits[of.metric]
        found = [
            self._of_span(of, {day: value for day, value in values.items() if day >= since})
            for days_back in SPANS
            if sum(day >= (since := window.end - days_back * DAY) for day in values) >= MIN_DAYS
        ]
        if not found:
            reason = f"Fewer than {MIN_DAYS} days of {path} in the last {SPANS[-1]}."
            return self.unknown(of.metric, path, window, reason, service=service)
        rank = {severity: severity.rank for severity in Severity}
        severity, first, change = max(found, key=lambda one: (rank[one[0]], -one[1].timestamp()))
        last = max(values)
        chance = _chance(of, change)
        limit = limits.critical if severity is Severity.CRITICAL else limits.warning
        now = of.description.format(path=path, value=number(values[last]))
        verb = f"it {of.worse} steadily" if chance <= P_LIMIT else f"no steady {_noun(of)}"
        reason = (
            f"On {short_moment(last)} {now}, on {short_moment(first)} {number(values[first])}: "
            f"{verb} (factor {number(change.factor.value)} along the trend of "
            f"{count(sum(day >= first for day in values), 'day')}, p {number(chance)}; limit "
            f"{number(limit)})."
        )
        return self.finding(
            of.metric,
            path,
            window,
            severity,
            service=service,
            value=change.factor.value,
            low=change.factor.interval.low,
            high=change.factor.interval.high,
            p_value=chance,
            baseline_value=1.0,
            sample_count=days[last].requests,
            baseline_count=len(values),
            reason=reason,
        )

    def _of_span(
        self, of: DailySeries, values: Mapping[datetime, float]
    ) -> tuple[Severity, datetime, SteadyChange]:
        first = min(values)
        change = steady_change([(day - first) / DAY for day in values], list(values.values()))
        interval = change.factor.interval
        severity = self.limits[of.metric].judge(interval.low, interval.high)
        return severity if _chance(of, change) <= P_LIMIT else Severity.OK, first, change

    def _daily(self, path: str, window: Window, days: Mapping[datetime, PathAccess]) -> Finding:
        requests, begin = days[window.start].requests, min(days)
        weeks = [window.start - week * WEEK for week in range(1, PAST_WEEKS + 1)]
        then = [days[day].requests if day in days else 0 for day in weeks if day >= begin]
        usual = float(np.median(then)) if then else 0.0
        service = _service(days)
        if usual < MIN_REQUESTS:
            usually = f"usually {number(usual)}" if then else "the first such day of the week known"
            reason = (
                f"{count(requests, 'request')} to {path} {span(window)}, {usually}: {MIN_REQUESTS} "
                "on the same day of a past week are needed for a verdict."
            )
            return self.unknown(DAILY, path, window, reason, service=service)
        interval = poisson_interval(requests, CONFIDENCE)
        low, high = interval.low / usual, interval.high / usual
        limits = self.limits[DAILY]
        severity = limits.judge(low, high)
        limit = limits.critical if severity is Severity.CRITICAL else limits.warning
        return self.finding(
            DAILY,
            path,
            window,
            severity,
            service=service,
            value=requests / usual,
            low=low,
            high=high,
            baseline_value=1.0,
            sample_count=requests,
            baseline_count=len(then),
            reason=f"{count(requests, 'request')} to {path} {span(window)}, usually "
            f"{number(usual)} on that day of past weeks; limit {number(limit)} of it.",
        )


class _Days:
    """The requests of each service, path and day."""

    def __init__(self, profiles: Sequence[AccessProfile]) -> None:
        self._parts: dict[Endpoint, dict[datetime, list[PathAccess]]] = {}
        for profile in profiles:
            day = floor(profile.window.start, DAY)
            for endpoint, access in profile.paths.items():
                self._parts.setdefault(endpoint, defaultdict(list))[day].append(access)
        self._merged: dict[tuple[Endpoint, datetime], PathAccess] = {}

    def endpoints(self, window: Window) -> Iterator[Endpoint]:
        """Yield each service's paths with most requests in the weeks before a window's end."""
        counts: dict[str, Counter[Endpoint]] = {}
        for endpoint, days in self._parts.items():
            counts.setdefault(endpoint.service, Counter())[endpoint] = sum(
                access.requests
                for day, parts in days.items()
                if window.end - SPANS[-1] * DAY <= day < window.end
                for access in parts
            )
        for _, of_service in sorted(counts.items()):
            used = [of for of, n in of_service.most_common() if n and of.path != OTHER_PATHS]
            yield from sorted(used[:MOST_PATHS_JUDGED])

    def of(self, endpoint: Endpoint, window: Window) -> dict[datetime, PathAccess]:
        """Return a path's days up to the end of a window, in order; those without requests lack."""
        reach = window.end - SPANS[-1] * DAY - DAY
        return {
            day: self._day(endpoint, day)
            for day in sorted(self._parts[endpoint])
            if reach <= day < window.end
        }

    def _day(self, endpoint: Endpoint, day: datetime) -> PathAccess:
        if (endpoint, day) not in self._merged:
            self._merged[endpoint, day] = merge(self._parts[endpoint][day])
        return self._merged[endpoint, day]


def _value(of: DailySeries, access: PathAccess) -> float | None:
    """Return the value of a day, None where it has too few requests."""
    if of.metric == TRAFFIC:
        return float(access.requests) if access.requests >= MIN_REQUESTS else None
    if access.timed < MIN_TIMED:
        return None
    return relative_middle(percentile(in_milliseconds(access.latencies), 0.99))


def _chance(of: DailySeries, change: SteadyChange) -> float:
    return change.p_rising if of.worse == "rises" else change.p_falling


def _noun(of: DailySeries) -> str:
    return "rise" if of.worse == "rises" else "fall"


def _service(days: Mapping[datetime, PathAccess]) -> str | None:
    return next((access.service for access in days.values() if access.service), None)
