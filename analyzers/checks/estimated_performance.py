"""Estimated performance: how good is a model version today, before any label is known?

Confidence-based performance estimation (CBPE): the training set's labels say which share succeeds
at which score; the scores of the day before then tell how many true and false approvals to expect
(`statistics/cbpe.py`). Judged every six hours, per model version in service, against the version's
evaluation. The interval is that of what the labels of these very predictions will show, sampling
error included, and severity is taken from the calm end of the difference's interval.

It sees performance that falls because other things are asked (scores move where the model is
weak), hours after it happens. It takes for granted that a score means what it meant in training,
and cannot see that change: that is what `concept_drift` compares it with labels for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.performance.labeled_window import CONFIDENCE, STEP, most_frequent_threshold
from mlmon.analyzers.performance.reference_metrics import (
    TITLES,
    Measure,
    compare,
    offline_performance,
)
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.references.daily_window import LOOKBACK, DailyWindow, daily_windows
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.formatting import count, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.statistics.interval import Estimate

FEWEST = 100
OFFLINE = "difference to the version's offline value"
MEASURES: Mapping[str, tuple[Measure, Limits]] = {
    "roc_auc": ("roc_auc", Limits(-0.03, -0.08, "below", OFFLINE)),
    "precision": ("precision", Limits(-0.05, -0.10, "below", OFFLINE, "rate")),
    "recall": ("recall", Limits(-0.05, -0.10, "below", OFFLINE)),
    "f1": ("f1", Limits(-0.05, -0.10, "below", OFFLINE)),
    "success.rate": (
        "positive_rate",
        Limits(-0.05, -0.10, "below", "difference to the training set's", "rate"),
    ),
}
"""The measure of each metric, and the limits of its difference to the reference."""


class EstimatedPerformance(Analyzer[PredictionProfile]):
    """Measures that scores lead to expect, against those of the version's evaluation."""

    name = "estimated_performance"
    question = "How good is a model version expected to be today, before labels are known?"
    advice = (
        "Look at `feature_drift`, `data_quality` and `fallback_rate` of the same day for the "
        "inputs that moved the scores. If they are broken, mend them. If the traffic has really "
        "changed, expect `live_performance` to show the same once labels come, and retrain on the "
        "new traffic."
    )
    needs = (Needs("prediction", LOOKBACK),)
    metrics = tuple(
        Metric(
            metric,
            f"{TITLES[measure]}, estimated",
            f"What {TITLES[measure]} do the scores lead to expect?",
            limits,
            unit="ratio" if metric == "success.rate" else "",
            breakdown="ml.model.version",
        )
        for metric, (measure, limits) in MEASURES.items()
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="performance", step=STEP)

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per metric, six hours and model version in service."""
        for day in daily_windows(context, STEP):
            scores = [profile.score for profile in day.own if profile.score is not None]
            yield from self._judge(day, merge(scores) if scores else None)

    def _judge(self, day: DailyWindow, scores: Buckets | None) -> Iterator[Finding]:
        if (skip_reason := _obstacle(day, scores)) or scores is None or day.baseline is None:
            for metric in MEASURES:
                yield self.unknown(metric, None, day.window, skip_reason or "", **day.about)
            return
        threshold = most_frequent_threshold(day.own)
        for metric in MEASURES:
            yield self._metric(day, day.baseline, metric, scores, threshold)

    def _metric(
        self,
        day: DailyWindow,
        baseline: Baseline,
        metric: str,
        scores: Buckets,
        threshold: float | None,
    ) -> Finding:
        (measure, _), approved = MEASURES[metric], sum(profile.approved for profile in day.own)
        title = f"{TITLES[measure]} of {day.title}"
        estimate = _estimate(baseline, measure, scores, threshold)
        offline = offline_performance(baseline, measure, threshold, CONFIDENCE)
        if estimate is None or offline is None:
            reason = f"{title} has no value: the log tells no threshold, or nothing is approved."
            return self.unknown(metric, None, day.window, reason, **day.about)
        comparison = compare(estimate, offline)
        change, limits = comparison.change.interval, self.limits[metric]
        return self.finding(
            metric,
            None,
            day.window,
            limits.judge(change.low, change.high),
            **day.about,
            value=estimate.value,
            low=estimate.interval.low,
            high=estimate.interval.high,
            baseline_value=offline.value,
            warning=offline.value + limits.warning,
            critical=offline.value + limits.critical,
            # Of the rows that a measure is taken of, lost lines are a share.
            sample_count=approved if measure == "precision" else scores.n,
            baseline_count=baseline.labeled.n if baseline.labeled else None,
            reason=f"{title} is expected to be {comparison.said()}; by the scores of "
            f"{count(scores.n, 'prediction')} {span(day.window)}.",
        )


def _estimate(
    baseline: Baseline, measure: Measure, scores: Buckets, threshold: float | None
) -> Estimate | None:
    if baseline.labeled is None:
        return None
    expected = estimate_performance(scores, baseline.labeled, threshold, CONFIDENCE)
    estimate: Estimate | None = getattr(expected, measure)
    return estimate


def _obstacle(day: DailyWindow, scores: Buckets | None) -> str | None:
    if skip_reason := day.skip_reason():
        return skip_reason
    labeled = day.baseline.labeled if day.baseline else None
    if scores is None or labeled is None or not labeled.n:
        return f"The training set of {day.title} holds no scores with labels."
    if scores.n < FEWEST:
        return f"{count(scores.n, 'score')} {span(day.window)}; {FEWEST} are needed."
    return None
