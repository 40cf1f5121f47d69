"""What a model version was worth offline, and how far live or estimated performance is from it.

The value is the one published with the model (`evaluation_metrics.json`), or where there is none
the training set's by its out-of-fold scores and labels. How exact it is follows from those labels;
a published value without a labeled training set is taken as exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlmon.analyzers.statistics.difference import difference
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance
from mlmon.formatting import number

if TYPE_CHECKING:
    from mlmon.analyzers.baselines.baseline import Baseline

MetricName: TypeAlias = Literal[
    "roc_auc", "precision", "recall", "f1", "log_loss", "brier", "positive_rate"
]

TITLES: dict[MetricName, str] = {
    "roc_auc": "ROC AUC",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "log_loss": "Log-loss",
    "brier": "Brier score",
    "positive_rate": "Success rate",
}
"""The name of each measure in a sentence."""


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """A measure, what it was offline, and the difference, each with its interval."""

    current: Estimate
    offline: Estimate
    change: Estimate

    def describe(self) -> str:
        """Sentence part with all three and their intervals."""
        interval, change = self.current.interval, self.change
        return (
            f"{number(self.current.value)} ({number(interval.low)} to {number(interval.high)}), "
            f"offline {number(self.offline.value)}; the difference is {number(change.value)} "
            f"({number(change.interval.low)} to {number(change.interval.high)})"
        )


def offline_performance(
    baseline: Baseline, measure: MetricName, threshold: float | None, confidence: float
) -> Estimate | None:
    """Return what a version's measure was offline, None if unknown.

    Args:
        baseline: The version's.
        measure: Which.
        threshold: From which score on the version approves.
        confidence: Of the interval.
    """
    published = baseline.metrics.get(measure)
    computed = None
    if baseline.labeled is not None and baseline.labeled.n:
        scores = baseline.labeled.all()
        known = post_stratified_performance(scores, baseline.labeled, threshold, confidence)
        computed = getattr(known, measure)
    if published is None or computed is None:
        return computed if published is None else Estimate(published, Interval.exactly(published))
    below = computed.value - computed.interval.low
    above = computed.interval.high - computed.value
    return Estimate(published, Interval(published - below, published + above))


def compare(current: Estimate, offline: Estimate) -> MetricComparison:
    """Compare a measure with what it was offline."""
    change = difference(current.value, current.interval, offline.value, offline.interval)
    return MetricComparison(current, offline, change)
