"""What a version was worth offline: published, computed, or both."""

from dataclasses import replace

import pytest

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.performance.reference_metrics import compare, offline_performance
from mlmon.analyzers.statistics.interval import Estimate, Interval

THRESHOLD = 0.3


def test_the_published_value_has_the_training_sets_error(baseline: Baseline) -> None:
    """The value is the evaluation's, its interval as wide as the labels of the training set say."""
    known = offline_performance(baseline, "roc_auc", THRESHOLD, 0.95)
    computed = offline_performance(replace(baseline, metrics={}), "roc_auc", THRESHOLD, 0.95)
    assert known is not None
    assert computed is not None
    assert known.value == baseline.metrics["roc_auc"]
    assert known.interval.width == pytest.approx(computed.interval.width)
    assert computed.value == pytest.approx(known.value, abs=0.002)


def test_without_labels_the_published_value_is_exact(baseline: Baseline) -> None:
    """A table without labels leaves nothing to say about the value's error."""
    known = offline_performance(replace(baseline, labeled=None), "f1", THRESHOLD, 0.95)
    assert known == Estimate(baseline.metrics["f1"], Interval.exactly(baseline.metrics["f1"]))


def test_nobody_measured_it(baseline: Baseline) -> None:
    """Neither an evaluation nor labels: there is no offline value."""
    bare = replace(baseline, metrics={}, labeled=None)
    assert offline_performance(bare, "f1", THRESHOLD, 0.95) is None


def test_a_comparison_is_described() -> None:
    """Both values and the difference with its interval stand in the sentence."""
    comparison = compare(Estimate(0.6, Interval(0.57, 0.63)), Estimate(0.7, Interval(0.66, 0.74)))
    assert comparison.describe() == (
        "0.6 (0.57 to 0.63), offline 0.7; the difference is -0.1 (-0.15 to -0.05)"
    )
