"""ROC AUC of each segment, against its training rows.

ROC AUC of all predictions of a segment by the labels known (`statistics/post_stratified.py`), less
that of the same segment's training rows. A segment's scores are counted over a fifth of the edges;
what that hides of their order is part of both intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.performance.labeled_window import (
    LABEL_CONFIDENCE,
    MIN_DAY_LABELS,
    MIN_LABELS_PER_CLASS,
)
from mlmon.analyzers.performance.reference_metrics import MetricComparison, compare
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.difference import chance_of_decline
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.kinds.label import FeatureOutcomes
    from mlmon.analyzers.profiles.kinds.segment import SegmentCounts

LIMITS = Limits(-0.05, -0.10, "below", "difference to the same segment's value in training")


@dataclass(frozen=True, slots=True)
class SegmentRanking:
    """One segment's ROC AUC, that of its training rows, and the difference.

    Args:
        segment: As `finding.segment` names it, such as `country=DE`.
        labels: Labels it is known by.
        training_rows: Labeled rows of the training set.
        comparison: Both values and their difference.
        p_value: Probability of such a decline without a change.
    """

    segment: str
    labels: int
    training_rows: int
    comparison: MetricComparison
    p_value: float

    def severity(self, q_value: float) -> Severity:
        """Return the severity after control of the false discovery rate."""
        change = self.comparison.change.interval
        severity = LIMITS.judge(change.low, change.high)
        return severity if q_value <= FALSE_DISCOVERY_RATE else Severity.OK


def rankings(
    baseline: Baseline,
    labels: Mapping[str, FeatureOutcomes],
    predictions: SegmentCounts,
    threshold: float | None,
    mature: Container[str],
) -> Iterator[tuple[SegmentRanking, float]]:
    """Yield each segment that has enough labels of both kinds, and its q-value.

    Args:
        baseline: Names the segments, with their counts in training.
        labels: The labels of a window, by segment.
        predictions: All predictions of the window, by segment.
        threshold: From which score on the version approves.
        mature: The segments whose labels are mature.
    """
    found = [
        ranking
        for feature, values in sorted(baseline.segments.items())
        for value in sorted(values)
        if feature in labels
        and segment_name(feature, value) in mature
        and (ranking := _ranking(baseline, feature, value, labels, predictions, threshold))
    ]
    yield from zip(found, q_values([ranking.p_value for ranking in found]), strict=True)


def _ranking(
    baseline: Baseline,
    feature: str,
    value: str,
    labels: Mapping[str, FeatureOutcomes],
    predictions: SegmentCounts,
    threshold: float | None,
) -> SegmentRanking | None:
    edges = baseline.segment_edges
    outcomes = labels[feature].values.get(value)
    count = predictions.get(feature, {}).get(value)
    training = baseline.segments[feature][value].labeled(edges)
    if outcomes is None or count is None or training is None:
        return None
    known = LabeledScores(Buckets(edges, outcomes.positives), Buckets(edges, outcomes.negatives))
    if not (_enough(known) and _enough(training)):
        return None
    current = post_stratified_performance(
        Buckets(edges, count.scores), known, threshold, LABEL_CONFIDENCE
    ).roc_auc
    before = post_stratified_performance(
        training.all(), training, threshold, LABEL_CONFIDENCE
    ).roc_auc
    if current is None or before is None:
        return None
    comparison = compare(current, before)
    return SegmentRanking(
        segment_name(feature, value),
        known.n,
        training.n,
        comparison,
        chance_of_decline(comparison.change, LABEL_CONFIDENCE),
    )


def _enough(known: LabeledScores) -> bool:
    fewest = min(known.positives.n, known.negatives.n)
    return known.n >= MIN_DAY_LABELS and fewest >= MIN_LABELS_PER_CLASS
