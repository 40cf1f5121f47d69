"""Fallback rate: freshness and coverage of feature sources, and how often defaults replace them.

Per service and feature source: the share of predictions whose source was not fresh, the share whose
source had data, and the age of the data, on average and at most. The age at which the service
switches to defaults is estimated by the youngest data it called stale in the past week; the oldest
data is judged against it before it is reached. Where the service logs each fallback with its
reason, the share of predictions is judged per reason as well; for a source that predictions do not
name, fallbacks are judged as a share of all predictions of the service, or of all services where
the one that logs them predicts nothing. The baseline is the source's own past week in that service,
or the day before that week where it was better: a fault is not learned before it is a week old. An
alarm must exceed what was usual at the same time a week before as well, so weekends stay quiet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kinds.fallback import FallbackProfile, reasons_of
from mlmon.analyzers.profiles.kinds.prediction import PREDICTION_STEP, PredictionProfile, SourceUse
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references import cadence
from mlmon.analyzers.references.history import (
    ShareHistory,
    ValueHistory,
    at_most,
    unlike_last_week,
    week_before,
)
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, duration, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.analyzers.base.finding import Finding

RATE, SHARE, COVERAGE = "fallback.rate", "fallback.share", "source.coverage"
AGE, OLDEST = "source.age_hours", "source.oldest_hours"
EXPECTED_PREDICTIONS, MIN_PREDICTIONS = 100, 20
MIN_HOURS = 12
_THREE_IN_FOUR = "what 3 in 4 past hours had"
PAST = timedelta(days=7)
HOUR_S = 3600.0
FRESH = "fresh"


class FallbackRate(Analyzer[PredictionProfile]):
    """Use of defaults, coverage, and age of the data, per feature source."""

    name = "fallback_rate"
    question = "Are feature sources fresh and complete, and how often do defaults replace them?"
    advice = (
        "Look at `job_health` for the job that refreshes the source: it has failed, hangs, or "
        "is late. Start it by hand and watch the age fall. As long as defaults are used, scores "
        "are those of an average profile: `feature_drift` and `score_shift` follow within "
        "hours. A coverage that falls while the age stays means that the source does not know "
        "part of the traffic: new profiles, a new market, or a key that has changed."
    )
    runbooks: ClassVar = {
        "fallback.rate": Runbook(
            "--dataset fallback",
            "The job that refreshes the source failed, hangs or is late (`job_health`).",
            "Run that job again. Scores are those of an average profile until it succeeds.",
        ),
        "fallback.share": Runbook(
            "--dataset fallback",
            "The subject names the reason: data that are stale (a job), a key that is not found, "
            "a source that is down.",
            "Run the job, correct the keys, or bring the source back.",
        ),
        "source.coverage": Runbook(
            PREDICTION_LINES,
            "New profiles or a new market that the source does not know; a key that changed.",
            "Add them to the source, or correct the key.",
        ),
        "": Runbook(
            PREDICTION_LINES,
            "The job that refreshes the source failed, hangs or is late (`job_health`).",
            "Run that job again and watch the age fall.",
        ),
    }
    windows = cadence.CADENCES
    needs = (
        Needs("prediction", PAST + 2 * DAY),
        Needs("fallback", PAST + 2 * DAY),
    )
    metrics = (
        Metric(
            RATE,
            "Fallback rate",
            "Which share of predictions uses defaults?",
            Limits(0.05, 0.25, measures="rate", multiples=Multiples(3, 6, "the past week's")),
            unit="ratio",
        ),
        Metric(
            SHARE,
            "Fallbacks by reason",
            "Why do predictions use defaults?",
            Limits(
                0.05, 0.25, meaning="of predictions", multiples=Multiples(3, 6, "the past week's")
            ),
            unit="ratio",
        ),
        Metric(
            COVERAGE,
            "Coverage of feature sources",
            "Which share of predictions has data from the source?",
            Limits(
                0.95,
                0.75,
                "below",
                "or 3 and 6 times the share without data in the past week",
                measures="rate",
            ),
            unit="ratio",
        ),
        Metric(
            AGE,
            "Age of feature sources",
            "How old is the data predictions are made from?",
            Limits(2.0, 6.0, meaning="hours", multiples=Multiples(2, 4, _THREE_IN_FOUR)),
            unit="h",
        ),
        Metric(
            OLDEST,
            "Oldest data of feature sources",
            "How old is the oldest data predictions are made from?",
            Limits(
                3.0,
                8.0,
                meaning="hours, or 3 quarters of and twice the age at which defaults were used in "
                "the past week",
                multiples=Multiples(2, 4, _THREE_IN_FOUR),
            ),
            unit="h",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="fallback")

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield the findings of each window, service and feature source."""
        profiles = one_per_version(context.with_part("sources"), context.baselines)
        fallbacks: AnalysisContext[FallbackProfile] = context.of("fallback")
        uses = _uses(profiles)
        logged = {of for profile in fallbacks.profiles for of in profile.reasons}
        services = {of.service for of in (*uses, *logged)}
        services |= {profile.service or "" for profile in profiles}
        for service in sorted(services):
            own = [profile for profile in profiles if (profile.service or "") == service]
            named = {of.name for of in uses if of.service == service}
            replaced = {of.name for of in logged if of.service in {service, ""}}
            for of in (OfService(service, source) for source in sorted(named | replaced)):
                used = AnalysisContext(context.period, uses.get(of, ()))
                yield from _Source(self, of, used).findings(fallbacks)
                if of.name not in replaced:
                    continue
                counted = AnalysisContext(context.period, list(_as_logged(of, own, fallbacks)))
                yield from _Source(self, of, counted).findings_as_logged(fallbacks, used)
                if service:
                    # A service that logs fallbacks and predicts nothing serves the others.
                    every = list(_as_logged(of, profiles, fallbacks))
                    of_all = _Source(self, of, AnalysisContext(context.period, every))
                    yield from of_all.findings_as_logged(fallbacks, used, counted)


def _uses(profiles: Sequence[PredictionProfile]) -> dict[OfService, list[PredictionProfile]]:
    """Return for each service and source the profiles that use it, with that use alone.

    What names no service is the one's that predicted most.
    """
    found: dict[OfService, list[PredictionProfile]] = {}
    for profile in profiles:
        for (service, source), use in profile.sources.items():
            of = OfService(service or profile.service or "", source)
            found.setdefault(of, []).append(replace(profile, sources={of: use}))
    return found


def _as_logged(
    of: OfService,
    profiles: Sequence[PredictionProfile],
    fallbacks: AnalysisContext[FallbackProfile],
) -> Iterator[PredictionProfile]:
    """Yield a profile of each hour's predictions: those with a fallback, all others as fresh."""
    for window, of_hour in groupby(profiles, key=lambda profile: profile.window):
        first, *others = of_hour
        predictions = sum(profile.predictions for profile in (first, *others))
        times = reasons_of(of, fallbacks.within(window)).total()
        replaced = min(times, predictions)
        statuses = +Counter({FRESH: predictions - replaced, "replaced": replaced})
        yield replace(first, sources={of: SourceUse(statuses)})


class _Source:
    """The context of one service's feature source."""

    def __init__(
        self, analyzer: FallbackRate, of: OfService, used: AnalysisContext[PredictionProfile]
    ) -> None:
        self.analyzer = analyzer
        self.of = of
        self.source = of.name
        self.used = used
        self.service = of.service or None
        hours = [(profile.window, profile.sources[of]) for profile in used.profiles]
        self.rates = ShareHistory(((hour, _fallbacks(of), of.n) for hour, of in hours), PAST)
        self.gaps = ShareHistory(((hour, _without(of), of.n) for hour, of in hours), PAST)
        self.ages = ValueHistory(((hour, _age(of)) for hour, of in hours), PAST)
        self.oldest = ValueHistory(((hour, _hours(of.age_highest)) for hour, of in hours), PAST)
        self.stale = ValueHistory(((hour, _hours(of.stale_from)) for hour, of in hours), PAST)

    def total(self, window: Window) -> SourceUse:
        """Return how a window's predictions used the source."""
        uses = [profile.sources[self.of] for profile in self.used.within(window)]
        return merge([SourceUse(), *uses])

    def windows(self) -> Iterator[Window]:
        """Yield the windows to judge."""
        return cadence.windows(
            self.used.period,
            lambda window: self.total(window).n,
            EXPECTED_PREDICTIONS,
            PREDICTION_STEP,
            self.analyzer.windows,
        )

    def findings_as_logged(
        self,
        fallbacks: AnalysisContext[FallbackProfile],
        *better: AnalysisContext[PredictionProfile],
    ) -> Iterator[Finding]:
        """Yield findings of fallbacks alone.

        Args:
            fallbacks: Those that were logged.
            better: Predictions by which the source is judged where there are any within a week:
                those that name it, or those of its own service.
        """
        for window in self.windows():
            known, use = Window(window.start - PAST, window.end), self.total(window)
            if not use.n or any(predictions.within(known) for predictions in better):
                continue
            if reasons_of(self.of, fallbacks.within(known)):
                yield self._rate(window, use)
                yield from self._shares(window, use, fallbacks)

    def findings(self, fallbacks: AnalysisContext[FallbackProfile]) -> Iterator[Finding]:
        """Yield every finding of the source."""
        for window in self.windows():
            use = self.total(window)
            if use.n:
                yield self._rate(window, use)
                yield self._coverage(window, use)
                yield self._age(window, use)
                yield self._oldest(window, use)
                yield from self._shares(window, use, fallbacks)

    def _rate(self, window: Window, use: SourceUse) -> Finding:
        before, known = self.rates.before(window.start)
        usual = self.rates.usual(window.start)
        fallbacks = _fallbacks(use)
        reason = (
            f"{percent(fallbacks / use.n)} of {count(use.n, 'prediction')} used defaults instead "
            f"of {self.source}{_listed(use)} {span(window)}, {percent(before)} in the 7 days "
            "before."
        )
        limits = self.analyzer.limits[RATE].relative_to(usual)
        if limits.judge(*_ends(fallbacks, use.n)).alarming:
            limits = limits.relative_to(self.rates.share_within(week_before(window)))
        return self._share(
            RATE, self.source, window, limits, (fallbacks, use.n), (before, known), reason
        )

    def _coverage(self, window: Window, use: SourceUse) -> Finding:
        before, known = self.gaps.before(window.start)
        gap = self.gaps.usual(window.start)
        covered = use.n - _without(use)
        reason = (
            f"{self.source} had data for {percent(covered / use.n)} of "
            f"{count(use.n, 'prediction')} {span(window)}, for {percent(1 - before)} in the 7 days "
            "before."
        )
        limits = _covering(self.analyzer.limits[COVERAGE], gap)
        if limits.judge(*_ends(covered, use.n)).alarming:
            limits = _covering(limits, self.gaps.share_within(week_before(window)))
        return self._share(
            COVERAGE, self.source, window, limits, (covered, use.n), (1 - before, known), reason
        )

    def _shares(
        self, window: Window, use: SourceUse, fallbacks: AnalysisContext[FallbackProfile]
    ) -> Iterator[Finding]:
        """Yield the share of each reason known in the window or the week before it."""
        now = reasons_of(self.of, fallbacks.within(window))
        past = Window(window.start - PAST, window.start)
        before = reasons_of(self.of, fallbacks.within(past))
        day_before = reasons_of(self.of, fallbacks.within(Window(past.start - DAY, past.start)))
        _, uses = self.rates.before(window.start)
        _, uses_then = self.rates.day_before(window.start)
        for reason in sorted({*now, *before}):
            times = min(now[reason], use.n)
            shown = min(1.0, before[reason] / uses) if uses else 0.0
            usual = at_most(shown, min(day_before[reason], uses_then), uses_then)
            sentence = (
                f"{percent(times / use.n)} of {count(use.n, 'prediction')} used defaults instead "
                f"of {self.source} with the reason {reason} {span(window)}, {percent(shown)} in "
                "the 7 days before."
            )
            limits = self.analyzer.limits[SHARE].relative_to(usual).within_one(usual)
            if limits.judge(*_ends(times, use.n)).alarming:
                then = self._share_of(reason, week_before(window), fallbacks)
                limits = limits.relative_to(then).within_one(then)
            subject = f"{self.source}: {reason}"
            yield self._share(
                SHARE, subject, window, limits, (times, use.n), (shown, uses), sentence
            )

    def _share_of(
        self, reason: str, window: Window, fallbacks: AnalysisContext[FallbackProfile]
    ) -> float:
        """Return the share of predictions that a reason had in a window."""
        uses = self.total(window).n
        times = reasons_of(self.of, fallbacks.within(window))[reason]
        return min(1.0, times / uses) if uses else 0.0

    def _share(
        self,
        metric: str,
        subject: str,
        window: Window,
        limits: Limits,
        counted: tuple[int, int],
        usual: tuple[float, int],
        reason: str,
    ) -> Finding:
        part, n = counted
        if n < MIN_PREDICTIONS:
            return self._too_few(metric, subject, window, n)
        interval = wilson_interval(part, n, CONFIDENCE)
        return self.analyzer.finding(
            metric,
            subject,
            window,
            limits.judge(interval.low, interval.high),
            service=self.service,
            value=part / n,
            low=interval.low,
            high=interval.high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual[0],
            baseline_count=usual[1],
            sample_count=n,
            reason=reason,
        )

    def _age(self, window: Window, use: SourceUse) -> Finding:
        age = _age(use)
        limits = self.analyzer.limits[AGE]
        usual = self.ages.quantile_before(window.start, 0.5, MIN_HOURS)
        high = self.ages.quantile_before(window.start, 0.75, MIN_HOURS)
        if high is not None:
            limits = limits.relative_to(high)
        limits = unlike_last_week(limits, age, self.ages, window)
        of = f"The data of {self.source} was {_old(age or 0.0)} old on average"
        return self._hours_old(AGE, window, use, limits, age, usual, of)

    def _oldest(self, window: Window, use: SourceUse) -> Finding:
        oldest = _hours(use.age_highest)
        stale = self.stale.before(window.start)
        limits = self.analyzer.limits[OLDEST]
        usual = self.oldest.quantile_before(window.start, 0.5, MIN_HOURS)
        high = self.oldest.quantile_before(window.start, 0.75, MIN_HOURS) or 0.0
        of = f"The oldest data of {self.source} was {_old(oldest or 0.0)} old"
        limit = float(stale.min()) if len(stale) else None
        if limit is not None and high < 0.75 * limit:
            limits = Limits(0.75 * limit, 2 * limit)
            of += f" (from {_old(limit)} on defaults are used)"
        else:
            limits = limits.relative_to(high)
            limits = unlike_last_week(limits, oldest, self.oldest, window)
        return self._hours_old(OLDEST, window, use, limits, oldest, usual, of)

    def _hours_old(
        self,
        metric: str,
        window: Window,
        use: SourceUse,
        limits: Limits,
        hours: float | None,
        usual: float | None,
        of: str,
    ) -> Finding:
        if use.ages < MIN_PREDICTIONS <= use.n:
            reason = (
                f"Only {use.ages:,} of {count(use.n, 'prediction')} {span(window)} log the age of "
                f"{self.source}, {MIN_PREDICTIONS} are needed: log `age_s` or `last_updated_at`."
            )
            return self.analyzer.unknown(
                metric, self.source, window, reason, sample_count=use.ages, service=self.service
            )
        if use.ages < MIN_PREDICTIONS:
            return self._too_few(metric, self.source, window, use.ages)
        if hours is None:
            reason = f"Ages of {self.source} {span(window)} are too large to be summed."
            return self.analyzer.unknown(metric, self.source, window, reason, service=self.service)
        usually = f", usually {_old(usual)}" if usual is not None else ""
        return self.analyzer.finding(
            metric,
            self.source,
            window,
            limits.judge(hours, hours),
            service=self.service,
            value=hours,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual,
            sample_count=use.ages,
            reason=f"{of} in {count(use.ages, 'prediction')} {span(window)}{usually}.",
        )

    def _too_few(self, metric: str, subject: str, window: Window, uses: int) -> Finding:
        reason = (
            f"{count(uses, 'prediction')} used {self.source} {span(window)}, "
            f"{MIN_PREDICTIONS} are needed for a verdict."
        )
        return self.analyzer.unknown(
            metric, subject, window, reason, sample_count=uses, service=self.service
        )


def _ends(part: int, whole: int) -> tuple[float, float]:
    """Return the interval of a share; nothing is known of none."""
    if not whole:
        return 0.0, 1.0
    interval = wilson_interval(part, whole, CONFIDENCE)
    return interval.low, interval.high


def _covering(limits: Limits, gap: float) -> Limits:
    """Return limits of a coverage, moved by the usual share without data.

    However large the usual gap, half of the usual coverage is a change.
    """
    return limits.at_least(max(1 - 3 * gap, (1 - gap) / 2), max(1 - 6 * gap, (1 - gap) / 4))


def _fallbacks(use: SourceUse) -> int:
    return use.n - use.statuses[FRESH]


def _without(use: SourceUse) -> int:
    return use.statuses["missing"]


def _age(use: SourceUse) -> float | None:
    return use.age_total / use.ages / HOUR_S if use.ages and use.age_total is not None else None


def _old(hours: float) -> str:
    return duration(hours * HOUR_S)


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / HOUR_S


def _listed(use: SourceUse) -> str:
    statuses = ", ".join(
        f"{status}: {n:,}" for status, n in sorted(use.statuses.items()) if status != FRESH
    )
    return f" ({statuses})" if statuses else ""
