"""Estimated performance: performance of a model version before labels are known.

Confidence-based performance estimation (CBPE): the training set's labels give the success rate at
each score; the scores of the day before then give the expected numbers of true and false approvals
(`statistics/cbpe.py`). Judged every six hours, per model version in service, against the version's
evaluation. The interval covers what the labels of these predictions will show, sampling error
included; severity uses the conservative end of the difference's interval.

It detects performance loss by covariate shift (scores move to where the model is weak) within
hours. It assumes that a score means what it meant in training; `concept_drift` tests that with
labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import BROKEN_INPUTS, PREDICTION_LINES, Runbook
from mlmon.analyzers.performance.labeled_window import LABEL_CONFIDENCE, most_frequent_threshold
from mlmon.analyzers.performance.reference_metrics import (
    TITLES,
    MetricName,
    compare,
    offline_performance,
)
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.references.daily_window import (
    DAILY_LOOKBACK,
    EVALUATION_INTERVAL,
    DailyWindow,
    daily_windows,
)
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.formatting import count, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.statistics.interval import Estimate

MIN_SCORES = 100
OFFLINE = "difference to the version's offline value"
MEASURES: Mapping[str, tuple[MetricName, Limits]] = {
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
    """Measures expected from scores, against those of the version's evaluation."""

    name = "estimated_performance"
    question = "Which performance is expected of a model version before labels are known?"
    advice = (
        "Look at `feature_drift`, `data_quality` and `fallback_rate` of the same day for the "
        "inputs that moved the scores. If they are broken, fix them. If the traffic has really "
        "changed, expect `live_performance` to show the same once labels come, and retrain on the "
        "new traffic."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            f"{BROKEN_INPUTS}; traffic that really changed.",
            "Fix inputs that broke. Else expect `live_performance` to show the same and retrain.",
        )
    }
    needs = (Needs("prediction", DAILY_LOOKBACK),)
    metrics = tuple(
        Metric(
            metric,
            f"{TITLES[measure]}, estimated",
            f"Which {TITLES[measure]} is expected from the scores?",
            limits,
            unit="ratio" if metric == "success.rate" else "",
            breakdown="ml.model.version",
        )
        for metric, (measure, limits) in MEASURES.items()
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="performance", step=EVALUATION_INTERVAL
    )

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the version's offline value of a measure."""
        known = MEASURES.get(identity.metric)
        return ReferencePart("metric", known[0]) if known else None

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per metric, six hours and model version in service."""
        for day in daily_windows(context, EVALUATION_INTERVAL):
            scores = [profile.score for profile in day.own if profile.score is not None]
            yield from self._judge(day, merge(scores) if scores else None)

    def _judge(self, day: DailyWindow, scores: Buckets | None) -> Iterator[Finding]:
        if (skip_reason := _skip_reason(day, scores)) or scores is None or day.baseline is None:
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
        offline = offline_performance(baseline, measure, threshold, LABEL_CONFIDENCE)
        if estimate is None or offline is None:
            reason = f"{title} has no value: no threshold is logged, or nothing is approved."
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
            # Lost lines are a share of the rows that a measure is computed from.
            sample_count=approved if measure == "precision" else scores.n,
            baseline_count=baseline.labeled.n if baseline.labeled else None,
            reason=f"{title} is expected to be {comparison.describe()}, from the scores of "
            f"{count(scores.n, 'prediction')} {span(day.window)}.",
        )


def _estimate(
    baseline: Baseline, measure: MetricName, scores: Buckets, threshold: float | None
) -> Estimate | None:
    if baseline.labeled is None:
        return None
    expected = estimate_performance(scores, baseline.labeled, threshold, LABEL_CONFIDENCE)
    estimate: Estimate | None = getattr(expected, measure)
    return estimate


def _skip_reason(day: DailyWindow, scores: Buckets | None) -> str | None:
    if skip_reason := day.skip_reason():
        return skip_reason
    labeled = day.baseline.labeled if day.baseline else None
    if scores is None or labeled is None or not labeled.n:
        return f"The training set of {day.title} holds no scores with labels."
    if scores.n < MIN_SCORES:
        return f"{count(scores.n, 'score')} {span(day.window)}; {MIN_SCORES} are needed."
    return None
