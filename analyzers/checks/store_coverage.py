"""Store coverage: share of entities with pre-computed features, and the age of these.

The job that fills a store of pre-computed features logs how many entities exist (profiles, jobs),
how many have values, and how old these are (`EventLog.feature_store`). So entities that no
prediction asked for count too, which `fallback_rate` cannot see.

The coverage is that of the last measurement in an hour, compared with the past seven days. The age
is that of the last measurement plus the time since it: where the job that refreshes the store has
stopped, no line is logged and the age grows. The age that 90 % of the values do not pass is judged,
so a refresh that leaves out a part of the store is found. A store that was not measured for seven
days is no longer judged; the job that measured it has missed runs in `job_health`.

All entities are counted, so there is no sampling error.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.event_logs.hits import EVENT_STEP
from mlmon.analyzers.profiles.kinds.feature_store import KIND, StoreEvent, StoreProfile
from mlmon.analyzers.references.history import ValueHistory, unlike_last_week
from mlmon.formatting import count, duration, moment, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding

COVERAGE, AGE, MEDIAN_AGE = "coverage.rate", "age.p90", "age.median"
PAST = 7 * DAY
MIN_HOURS = 24
"""Hours of the past week from which on the usual age counts."""


class StoreCoverage(Analyzer[StoreProfile]):
    """Share of entities with pre-computed features, and the age of these."""

    name = "store_coverage"
    question = "Do all entities have pre-computed features that are up to date?"
    advice = (
        "Compare the time in the sentence with the runs of the job that fills the store "
        "(`job_health`). A coverage that falls at a run means that it left entities out or that "
        "new ones came without values; an age that grows means that it has stopped. Predictions "
        "for these entities use defaults: see `fallback_rate`."
    )
    runbooks: ClassVar = {
        "coverage.rate": Runbook(
            "--dataset store",
            "The job that fills the store leaves entities out; new ones came without values.",
            "Run the job for the entities that lack values.",
        ),
        "": Runbook(
            "--dataset store",
            "The job that refreshes the store failed, hangs or is late (`job_health`).",
            "Run that job again and watch the age fall.",
        ),
    }
    needs = (Needs(KIND, 2 * PAST + 2 * DAY),)
    metrics = (
        Metric(
            COVERAGE,
            "Coverage of the feature store",
            "Which share of entities has pre-computed features?",
            Limits(
                0.95,
                0.75,
                "below",
                "or 3 and 6 times the share without features in the past week",
            ),
            unit="ratio",
        ),
        Metric(
            AGE,
            "Age of pre-computed features",
            "Which age do 90 % of the pre-computed features not pass?",
            Limits(
                2.0, 6.0, meaning="hours", multiples=Multiples(2, 4, "the age of 3 in 4 past hours")
            ),
            unit="h",
        ),
        Metric(
            MEDIAN_AGE,
            "Median age of pre-computed features",
            "How old are the pre-computed features?",
            unit="h",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="statistics")

    def evaluate(self, context: AnalysisContext[StoreProfile]) -> Iterator[Finding]:
        """Yield the findings of each store at each hour's end."""
        stores: dict[str, list[StoreEvent]] = {}
        for profile in context.profiles:
            for event in profile.events:
                stores.setdefault(event.subject, []).append(event)
        for _, events in sorted(stores.items()):
            yield from _Store(self, events).findings(context)


class _Store:
    """The measurements of one store, in order of time."""

    def __init__(self, analyzer: StoreCoverage, events: Sequence[StoreEvent]) -> None:
        self._analyzer = analyzer
        self._events = events
        self._at = [event.at for event in events]

    def findings(self, context: AnalysisContext[StoreProfile]) -> Iterator[Finding]:
        """Yield the findings of each hour."""
        windows = list(context.windows(EVENT_STEP))
        if not windows:
            return
        reach = PAST + DAY
        begin = windows[0].start - reach
        hours = [Window(begin + k * HOUR, begin + (k + 1) * HOUR) for k in range(reach // HOUR)]
        ages = ValueHistory(((hour, self._age(hour.end)) for hour in [*hours, *windows]), PAST)
        for window in windows:
            last = self._last(window.end)
            if last is None:
                continue
            if last.at >= window.start:
                yield self._coverage(window, last)
            yield from self._ages(window, last, ages)

    def _last(self, end: datetime) -> StoreEvent | None:
        """Return the last measurement before a moment, None without one in the past week."""
        place = bisect_left(self._at, end)
        found = self._events[place - 1] if place else None
        return found if found and found.at >= end - PAST else None

    def _age(self, end: datetime) -> float | None:
        """Return the age at a moment in hours."""
        last = self._last(end)
        return None if last is None else _hours(last.high_s, last, end)

    def _coverage(self, window: Window, last: StoreEvent) -> Finding:
        analyzer, about = self._analyzer, {"service": last.service, "sample_count": last.total}
        if not 0 <= last.covered <= last.total or not last.total:
            reason = (
                f"{last.source} covers {last.covered:,} of {count(last.total, last.entity)} "
                f"{span(window)}: no share; log how many exist and how many of them have values."
            )
            return analyzer.unknown(COVERAGE, last.subject, window, reason, **about)
        past = [
            event.covered / event.total
            for event in self._events
            if window.start - PAST <= event.at < window.start
            and 0 <= event.covered <= event.total
            and event.total
        ]
        limits, usual = analyzer.limits[COVERAGE], None
        if past:
            usual = float(np.median(past))
            gap = 1 - usual
            # However large the usual gap, half of the usual coverage is a change.
            limits = limits.at_least(max(1 - 3 * gap, usual / 2), max(1 - 6 * gap, usual / 4))
        share = last.covered / last.total
        severity = limits.judge(share, share)
        limit = limits.critical if severity is Severity.CRITICAL else limits.warning
        usually = f", {percent(usual)} in the 7 days before" if usual is not None else ""
        reason = (
            f"{last.source} has values for {percent(share)} of {count(last.total, last.entity)} "
            f"at {moment(last.at)}{usually}, limit {percent(limit)}."
        )
        return analyzer.finding(
            COVERAGE,
            last.subject,
            window,
            severity,
            value=share,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual,
            baseline_count=len(past) or None,
            reason=reason,
            **about,
        )

    def _ages(self, window: Window, last: StoreEvent, ages: ValueHistory) -> Iterator[Finding]:
        analyzer, about = self._analyzer, {"service": last.service, "sample_count": last.covered}
        middle = _hours(last.middle_s, last, window.end)
        if middle is not None:
            yield analyzer.finding(
                MEDIAN_AGE,
                last.subject,
                window,
                Severity.OK,
                value=middle,
                reason=(
                    f"Half of the values of {last.source} are {_old(middle)} old or newer at "
                    f"{moment(window.end)}, measured at {moment(last.at)}."
                ),
                **about,
            )
        high = _hours(last.high_s, last, window.end)
        if high is None:
            return
        limits = analyzer.limits[AGE]
        usual = ages.quantile_before(window.start, 0.5, MIN_HOURS)
        usually_high = ages.quantile_before(window.start, 0.75, MIN_HOURS)
        if usually_high is not None:
            limits = limits.relative_to(usually_high)
        limits = unlike_last_week(limits, high, ages, window)
        severity = limits.judge(high, high)
        limit = limits.critical if severity is Severity.CRITICAL else limits.warning
        usually = f", usually {_old(usual)}" if usual is not None else ""
        yield analyzer.finding(
            AGE,
            last.subject,
            window,
            severity,
            value=high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual,
            reason=(
                f"90 % of the values of {last.source} for {count(last.covered, last.entity)} are "
                f"{_old(high)} old or newer at {moment(window.end)}{usually}, measured at "
                f"{moment(last.at)}; limit {_old(limit)}."
            ),
            **about,
        )


def _hours(seconds: float | None, last: StoreEvent, end: datetime) -> float | None:
    """Return an age at a moment in hours: as measured, and the time since."""
    return None if seconds is None else seconds / HOUR.total_seconds() + (end - last.at) / HOUR


def _old(hours: float) -> str:
    return duration(hours * HOUR.total_seconds())
