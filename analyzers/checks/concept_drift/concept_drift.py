"""Concept drift: change of the relation between scores and labels.

Inputs and scores may stay the same while outcomes change; only labels show it. Judged every six
hours, per model version in service, by the labels known:

- `estimate.gap`: performance on labels less the performance expected from scores and the training
  set's labels (CBPE, which assumes that scores keep their meaning). Covariate shift moves both
  alike; a difference means concept drift.
- `error.rise`: DDM and ADWIN (`error_stream.py`) read the labeled decisions in order and date a
  change; the day's error rate since then is compared with the rate before. A detection alone raises
  no alarm: the rise must be large and significant (Newcombe's interval at 99.9 %).
- `auc.decline`: ROC AUC of the version's first two mature days less that of the day before.
- `auc.slope`: the trend of its daily ROC AUC per week, each day weighted by its standard error.

A day that ends a few hours after a change is not full of it. So the last 6 and 12 hours are judged
besides, and yield nothing but an `estimate.gap` that leaves no doubt: the interval of 99 %, missing
labels included, passes the limit, and that of 1 - 1.4e-5 shows more than the gap of the day before.
One such window opens an alert, as soon as its labels are there.

The labeled decisions are those that were bid on, so their error rate is not that of all decisions;
changes of it are what is judged. Labels before the version's first day, or for older versions
before a multiple of 14 days, are not read: verdicts do not depend on when they are made. Days with
immature labels are left out of trend and decline, and widen the gap's interval. The detectors read
the labels there are: in the last hours those that arrived first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.certain import certain_below
from mlmon.analyzers.base.limits import CONFIDENCE, Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import OUTCOME_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.concept_drift.error_history import ERROR_REACH, ErrorHistory, begin_of
from mlmon.analyzers.checks.concept_drift.error_stream import DETECTORS, ChangePoint
from mlmon.analyzers.performance.label_maturity import MATURITY_LOOKBACK
from mlmon.analyzers.performance.labeled_window import LABEL_CONFIDENCE, LabeledDays, LabeledWindow
from mlmon.analyzers.performance.reference_metrics import TITLES, MetricName
from mlmon.analyzers.profiles.kinds.label import LabelProfile
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.analyzers.statistics.difference import difference
from mlmon.analyzers.statistics.interval import Estimate
from mlmon.analyzers.statistics.trend import trend
from mlmon.analyzers.statistics.two_proportions import compare_rates
from mlmon.formatting import count, moment, number, percent, signed, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

GAP, RISE, DECLINE, SLOPE = "estimate.gap", "error.rise", "auc.decline", "auc.slope"
MEASURES: tuple[MetricName, ...] = ("roc_auc", "precision", "positive_rate")
MIN_LABELS = 30
MIN_DAYS = 5
FIRST_DAYS = 2 * DAY
WEEK_DAYS = 7
EARLY = (6 * HOUR, 12 * HOUR)
"""Lengths of the early windows: multiples of the step from one evaluation to the next."""
CERTAIN_GAP = certain_below(len(EARLY) * len(MEASURES) * (HOUR / EVALUATION_INTERVAL))
"""Probability of an early alarm of one look without a change: 1.4e-5."""
Z = float(special.ndtri(0.5 + LABEL_CONFIDENCE / 2))


class ConceptDrift(Analyzer[LabelProfile]):
    """Performance on labels against expectation, and the error rate and ROC AUC over time."""

    name = "concept_drift"
    question = "Has the relation between scores and labels changed?"
    advice = (
        "Make sure that inputs are sound (`data_quality`, `feature_drift`, `fallback_rate`) and "
        "that outcomes are logged as before: a changed meaning of a label looks the same. Then "
        "find what changed in the market from the time the detectors name, and retrain on labels "
        "since then; older ones are outdated. Until the new version is in service, raise "
        "the threshold, or bid by rule, where money is at stake."
    )
    runbooks: ClassVar = {
        "": Runbook(
            OUTCOME_LINES,
            "The market changed; the meaning of a label changed; outcomes are logged otherwise.",
            "Make sure that outcomes are logged as before. Then retrain on labels since the time "
            "in the sentence; until the version is in service, raise the threshold.",
        )
    }
    early = EARLY
    needs = (
        Needs("label", ERROR_REACH + MATURITY_LOOKBACK),
        Needs("prediction", ERROR_REACH + MATURITY_LOOKBACK),
    )
    metrics = (
        Metric(
            GAP,
            "Live minus estimated performance",
            "By how much does performance on labels differ from the expectation by scores?",
            Limits(0.05, 0.10, meaning="in either direction", two_sided=True),
            pivot=0.0,
        ),
        Metric(
            RISE,
            "Error rate increase",
            "By how much has the error rate grown since the change that a detector found?",
            Limits(0.05, 0.10),
            unit="ratio",
        ),
        Metric(
            DECLINE,
            "ROC AUC loss",
            "How much ROC AUC has a version lost since its first two days?",
            Limits(0.05, 0.10),
            breakdown="ml.model.version",
        ),
        Metric(
            SLOPE,
            "ROC AUC trend",
            "How much does a version's ROC AUC change in a week?",
            Limits(-0.02, -0.05, "below", "per week"),
            unit="per week",
            breakdown="ml.model.version",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="concept", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[LabelProfile]) -> Iterator[Finding]:
        """Yield seven findings per six hours and model version in service."""
        days = LabeledDays(context)
        lives: dict[tuple[tuple[str, str], datetime], _Life] = {}
        for day in days.judged():
            begin = begin_of(day.day.window.end)
            key = (day.day.model, begin)
            if key not in lives:
                lives[key] = _Life(context, days, day.day.model, begin)
            yield from self._gaps(day)
            yield from self._early(days, day)
            for detector in DETECTORS:
                yield self._rise(day, detector, lives[key].errors)
            yield self._decline(day, lives[key])
            yield self._slope(day, lives[key])

    def _gaps(self, day: LabeledWindow) -> Iterator[Finding]:
        reference = day.baseline.labeled if day.baseline else None
        skip_reason = day.skip_reason()
        if skip_reason or day.scores is None or reference is None or not reference.n:
            reason = skip_reason or f"The training set of {day.day.title} has no labels."
            for measure in MEASURES:
                yield self._unknown(day, GAP, measure, reason)
            return
        expected = estimate_performance(day.scores, reference, day.threshold, LABEL_CONFIDENCE)
        for measure in MEASURES:
            yield self._gap(
                day, measure, getattr(day.performance, measure), getattr(expected, measure)
            )

    def _early(self, days: LabeledDays, day: LabeledWindow) -> Iterator[Finding]:
        """Yield the gaps of the last hours that leave no doubt; the others have no finding."""
        end, model = day.day.window.end, day.day.model
        reference = day.baseline.labeled if day.baseline else None
        if reference is None or not reference.n:
            return
        left = set(MEASURES)
        for length in EARLY:
            hours = days.of(Window(end - length, end), model)
            if hours.skip_reason():
                continue
            for measure in sorted(left):
                found = self._certain_gap(days, hours, measure, reference)
                if found is not None:
                    left.discard(measure)
                    yield found

    def _certain_gap(
        self, days: LabeledDays, hours: LabeledWindow, measure: MetricName, reference: LabeledScores
    ) -> Finding | None:
        """Return the gap of some hours where it leaves no doubt, else None."""
        if hours.scores is None or hours.measure_skip_reason(measure):
            return None
        expected = estimate_performance(hours.scores, reference, hours.threshold, LABEL_CONFIDENCE)
        judged = self._gap(
            hours, measure, getattr(hours.performance, measure), getattr(expected, measure)
        )
        if not judged.severity.alarming:
            return None
        start, model = hours.day.window.start, hours.day.model
        before = _gap_at(days.of(Window(start - DAY, start), model), measure, LABEL_CONFIDENCE)
        now = _gap_at(hours, measure, 1 - CERTAIN_GAP)
        if before is None or now is None:
            return None
        usual = abs(before.value)
        if -usual <= now.interval.high and now.interval.low <= usual:
            return None
        reason = (
            f"{judged.reason.removesuffix('.')}; certain: {signed(now.interval.low)} to "
            f"{signed(now.interval.high)} at a confidence of {1 - CERTAIN_GAP:.6f}, "
            f"{signed(before.value)} the day before."
        )
        return replace(judged, certain=True, reason=reason)

    def _gap(
        self,
        day: LabeledWindow,
        measure: MetricName,
        live: Estimate | None,
        expected: Estimate | None,
    ) -> Finding:
        if skip_reason := day.measure_skip_reason(measure):
            return self._unknown(day, GAP, measure, skip_reason)
        title = f"{TITLES[measure]} of {day.day.title}"
        if live is None or expected is None:
            return self._unknown(day, GAP, measure, f"{title} has no value by {day.known()}.")
        gap = difference(live.value, live.interval, expected.value, expected.interval)
        ends, limits = gap.interval, self.limits[GAP]
        severity = limits.judge(ends.low, ends.high)
        if not severity.alarming and not day.coverage.mature:
            worst = max(abs(ends.low), abs(ends.high))
            severity = limits.judge_bounds(0.0, worst)
        return self._finding(
            day,
            GAP,
            measure,
            gap,
            severity,
            baseline_value=expected.value,
            reason=f"{title} is {number(live.value)} on labels; {number(expected.value)} expected "
            f"from scores: a difference of {signed(gap.value)} ({signed(ends.low)} to "
            f"{signed(ends.high)}); {day.known()}.",
        )

    def _rise(self, day: LabeledWindow, detector: str, errors: ErrorHistory) -> Finding:
        window, title = day.day.window, day.day.title
        last = errors.place(window.end)
        today = errors.place(window.start)
        if last - today < MIN_LABELS:
            reason = (
                f"{count(last - today, 'label')} of decisions of {title} {span(window)} are known; "
                f"{MIN_LABELS} are needed."
            )
            return self._unknown(day, RISE, detector, reason)
        change = errors.latest(detector, last)
        if change is None or change.since == change.before:
            return self._steady(day, detector, errors, last)
        return self._changed(day, detector, errors, change)

    def _steady(
        self, day: LabeledWindow, detector: str, errors: ErrorHistory, last: int
    ) -> Finding:
        wrong, all_of_them = errors.rate(0, last)
        known = {"sample_count": all_of_them, "baseline_count": None}
        reason = (
            f"{detector} detects no change: {percent(wrong / all_of_them)} of "
            f"{count(all_of_them, 'labeled decision')} of {day.day.title} since "
            f"{moment(errors.hours[0])} were wrong."
        )
        return self.finding(
            RISE,
            detector,
            day.day.window,
            self.limits[RISE].judge(0.0, 0.0),
            **(day.about | known),
            value=0.0,
            reason=reason,
        )

    def _changed(
        self, day: LabeledWindow, detector: str, errors: ErrorHistory, change: ChangePoint
    ) -> Finding:
        """Compare the day's error rate since a change with the rate before it."""
        window = day.day.window
        first, last = max(change.since, errors.place(window.start)), errors.place(window.end)
        before, now = errors.rate(change.before, change.since), errors.rate(first, last)
        rise = compare_rates(*now, *before, CONFIDENCE)
        began = errors.hour(change.since)
        since = moment(began)
        return self._finding(
            day,
            RISE,
            detector,
            Estimate(rise.difference, rise.interval),
            self.limits[RISE].judge(rise.interval.low, rise.interval.high),
            p_value=rise.p_value,
            baseline_value=before[0] / before[1],
            onset_start=began,
            onset_end=began + HOUR,
            sample_count=now[1],
            baseline_count=before[1],
            reason=f"{detector} detects a change of the error rate of {day.day.title} at about "
            f"{since}: before, {percent(before[0] / before[1])} of "
            f"{count(before[1], 'labeled decision')} were wrong, {percent(now[0] / now[1])} of "
            f"{now[1]:,} since then; {day.known()}.",
        )

    def _decline(self, day: LabeledWindow, life: _Life) -> Finding:
        title = f"ROC AUC of {day.day.title}"
        first = life.first_days(day.day.window)
        if first is None:
            reason = f"{title} has no reference yet: the version's first two days are not over."
            return self._unknown(day, DECLINE, None, reason)
        now, before = _mature_area(day), _mature_area(first)
        if now is None or before is None:
            which = day if now is None else first
            reason = f"{title} is not known {span(which.day.window)}: {which.known()}."
            return self._unknown(day, DECLINE, None, reason)
        decline = difference(before.value, before.interval, now.value, now.interval)
        ends = decline.interval
        return self._finding(
            day,
            DECLINE,
            None,
            decline,
            self.limits[DECLINE].judge(ends.low, ends.high),
            baseline_value=before.value,
            reason=f"{title} is {number(now.value)}, {span(first.day.window)} it was "
            f"{number(before.value)}: a change of {signed(-decline.value)} ({signed(-ends.high)} "
            f"to {signed(-ends.low)}); {day.known()}.",
        )

    def _slope(self, day: LabeledWindow, life: _Life) -> Finding:
        series = life.areas(day.day.window)
        title = f"ROC AUC of {day.day.title}"
        if len(series) < MIN_DAYS:
            reason = f"{title} is known for {count(len(series), 'day')}; {MIN_DAYS} are needed."
            return self._unknown(day, SLOPE, None, reason)
        times = [day_number / WEEK_DAYS for day_number, _ in series]
        areas = [area.value for _, area in series]
        errors = [area.interval.width / (2 * Z) for _, area in series]
        slope = trend(times, areas, errors, LABEL_CONFIDENCE)
        ends = slope.interval
        return self._finding(
            day,
            SLOPE,
            None,
            slope,
            self.limits[SLOPE].judge(ends.low, ends.high),
            maturity=None,
            reason=f"{title} changes by {number(slope.value)} a week ({number(ends.low)} to "
            f"{number(ends.high)}), by its {count(len(series), 'day')} with mature labels "
            f"until {moment(day.day.window.end)}.",
        )

    def _finding(
        self,
        day: LabeledWindow,
        metric: str,
        subject: str | None,
        estimate: Estimate,
        severity: Any,
        **known: Any,
    ) -> Finding:
        about = day.about | {
            "value": estimate.value,
            "low": estimate.interval.low,
            "high": estimate.interval.high,
        }
        return self.finding(metric, subject, day.day.window, severity, **(about | known))

    def _unknown(
        self, day: LabeledWindow, metric: str, subject: str | None, reason: str
    ) -> Finding:
        return self.unknown(metric, subject, day.day.window, reason, **day.about)


def _gap_at(of: LabeledWindow, measure: MetricName, confidence: float) -> Estimate | None:
    """Return live less expected performance of a window at a confidence; None where not known."""
    reference = of.baseline.labeled if of.baseline else None
    if of.skip_reason() or of.measure_skip_reason(measure) or of.scores is None:
        return None
    if reference is None or not reference.n:
        return None
    live = getattr(of.performance_at(confidence), measure)
    known = estimate_performance(of.scores, reference, of.threshold, confidence)
    expected = getattr(known, measure)
    if live is None or expected is None:
        return None
    return difference(live.value, live.interval, expected.value, expected.interval)


class _Life:
    """A version from its begin, or from where its history is read: errors and daily areas."""

    def __init__(
        self,
        context: AnalysisContext[LabelProfile],
        days: LabeledDays,
        model: tuple[str, str],
        begin: datetime,
    ) -> None:
        whole = Window(begin, context.period.end)
        self.errors = ErrorHistory.of(context, model, whole)
        self._days = days
        self._model = model
        self._begin = days.first(model, whole) or begin

    def first_days(self, window: Window) -> LabeledWindow | None:
        """Return the first two days, None where they are not over before a window."""
        first = Window(self._begin, self._begin + FIRST_DAYS)
        return self._days.of(first, self._model) if first.end <= window.start else None

    def areas(self, window: Window) -> list[tuple[float, Estimate]]:
        """Return when, in days before the end of a window, and the ROC AUC of each mature day."""
        series = []
        day, ago = window, 0.0
        while day.start >= self._begin:
            area = _mature_area(self._days.of(day, self._model))
            if area is not None:
                series.append((-ago, area))
            day, ago = Window(day.start - DAY, day.end - DAY), ago + 1
        return series


def _mature_area(day: LabeledWindow) -> Estimate | None:
    if day.skip_reason() or day.measure_skip_reason("roc_auc") or not day.coverage.mature:
        return None
    return day.performance.roc_auc
