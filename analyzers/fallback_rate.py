"""Fallbacks: how often do predictions use defaults because a feature source is stale or missing?

Per feature source: the share of predictions whose source was not fresh, and how old the source's
data was on average. Both are compared with the source's own past week.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from analyzers import cadence
from analyzers.alert import Alert
from analyzers.analyzer import Analyzer
from analyzers.evidence import Evidence
from analyzers.history import History, ShareHistory
from analyzers.limits import Limits
from analyzers.panel import Panel
from analyzers.profile.prediction_query import STEP
from analyzers.profile.predictions import PredictionProfile, SourceUse, one_per_version
from analyzers.statistics.wilson import wilson_interval
from analyzers.window import DAY, Window
from analyzers.wording import count, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzers.finding import Finding

RATE, AGE = "fallback.rate", "source.age_hours"
CONFIDENCE = 0.999
EXPECTED, FEWEST = 100, 20
FEWEST_HOURS = 12
PAST = timedelta(days=7)
HOUR_S = 3600.0


class FallbackRate(Analyzer[PredictionProfile]):
    """Use of defaults, and age of the data, per feature source."""

    name = "fallback_rate"
    question = "How often do predictions fall back to defaults, and how old is the sources' data?"
    advice = (
        "Look at `job_health` for the job that refreshes the source: it has failed, hangs, or "
        "is late. Start it by hand and watch the age fall. As long as defaults are used, scores "
        "are those of an average profile: `feature_drift` and `score_shift` follow within "
        "hours."
    )
    reads = "prediction"
    lookback = PAST + DAY
    limits: ClassVar = {
        RATE: Limits(0.05, 0.25, meaning="at least 3 and 6 times the past week's"),
        AGE: Limits(2.0, 6.0, meaning="hours, at least 2 and 4 times what 3 in 4 past hours had"),
    }
    panels = (
        Panel("Fallbacks to defaults", RATE, "ratio", "How many predictions use defaults?"),
        Panel("Age of feature sources", AGE, "h", "How old is the data predictions are made from?"),
    )
    alert = Alert(on="warning", after=2, of=3, layer="fallback")

    def evaluate(self, evidence: Evidence[PredictionProfile]) -> Iterator[Finding]:
        """Yield two findings per window and feature source."""
        profiles = one_per_version(evidence.profiles, evidence.baselines)
        for source in sorted({name for each in profiles for name in each.sources}):
            used = [each for each in profiles if source in each.sources]
            yield from self._judge(source, Evidence(evidence.period, used))

    def _judge(self, source: str, used: Evidence[PredictionProfile]) -> Iterator[Finding]:
        hours = [(each.window, each.sources[source]) for each in used.profiles]
        rates = ShareHistory(((hour, _fallbacks(each), each.n) for hour, each in hours), PAST)
        ages = History(((hour, _age(each)) for hour, each in hours), PAST)
        service = next((each.service for each in used.profiles if each.service), None)

        def uses(window: Window) -> int:
            return _total(used, window, source).n

        for window in cadence.windows(used.period, uses, EXPECTED, STEP):
            use = _total(used, window, source)
            if use.n:
                yield self._rate(source, window, use, rates.before(window.start), service)
                yield self._age(source, window, use, ages, service)

    def _rate(
        self,
        source: str,
        window: Window,
        use: SourceUse,
        past: tuple[float, int],
        service: str | None,
    ) -> Finding:
        if use.n < FEWEST:
            return self._too_few(RATE, source, window, use.n, service)
        before, known = past
        limits = self.limits[RATE].at_least(3 * before, 6 * before)
        fallbacks = _fallbacks(use)
        interval = wilson_interval(fallbacks, use.n, CONFIDENCE)
        statuses = ", ".join(
            f"{status}: {n:,}" for status, n in sorted(use.statuses.items()) if status != "fresh"
        )
        reason = (
            f"{percent(fallbacks / use.n)} of {count(use.n, 'prediction')} used defaults instead "
            f"of {source}{f' ({statuses})' if statuses else ''} {span(window)}, "
            f"{percent(before)} in the 7 days before."
        )
        return self.finding(
            RATE,
            source,
            window,
            limits.judge(interval.low, interval.high),
            service=service,
            value=fallbacks / use.n,
            low=interval.low,
            high=interval.high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=before,
            baseline_count=known,
            sample_count=use.n,
            reason=reason,
        )

    def _age(
        self, source: str, window: Window, use: SourceUse, ages: History, service: str | None
    ) -> Finding:
        age = _age(use)
        if age is None or use.ages < FEWEST:
            return self._too_few(AGE, source, window, use.ages, service)
        past = ages.before(window.start)
        limits, usual = self.limits[AGE], None
        if len(past) >= FEWEST_HOURS:
            usual = float(np.median(past))
            high = float(np.quantile(past, 0.75))
            limits = limits.at_least(2 * high, 4 * high)
        usually = f", usually {number(usual)} h" if usual is not None else ""
        reason = (
            f"The data of {source} was {number(age)} h old on average in "
            f"{count(use.ages, 'prediction')} {span(window)}{usually}."
        )
        return self.finding(
            AGE,
            source,
            window,
            limits.judge(age, age),
            service=service,
            value=age,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual,
            baseline_count=len(past),
            sample_count=use.ages,
            reason=reason,
        )

    def _too_few(
        self, metric: str, source: str, window: Window, uses: int, service: str | None
    ) -> Finding:
        reason = (
            f"{count(uses, 'prediction')} used {source} {span(window)}, "
            f"{FEWEST} are needed for a verdict."
        )
        return self.unknown(metric, source, window, reason, sample_count=uses, service=service)


def _total(used: Evidence[PredictionProfile], window: Window, source: str) -> SourceUse:
    return sum((each.sources[source] for each in used.within(window)), SourceUse())


def _fallbacks(use: SourceUse) -> int:
    return use.n - use.statuses["fresh"]


def _age(use: SourceUse) -> float | None:
    return use.age_total / use.ages / HOUR_S if use.ages else None
