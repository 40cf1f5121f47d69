"""Bins by tenths of the score show what the rows show, and how far it is from the score."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mlmon.analyzers.checks.live_performance.reliability import calibration_error, tenths
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

EVEN = tuple((np.arange(101) / 100).tolist())
NONE = (0,) * (len(EVEN) + 1)


def drawn(distort: float, rows: int = 8_000) -> tuple[Buckets, LabeledScores, np.ndarray]:
    """Scores, their labels (positive with the distorted score), and both row by row."""
    random = np.random.default_rng(6)
    scores = random.beta(2, 2, rows)
    labels = random.random(rows) < scores**distort
    return (
        Buckets.from_values(scores, EVEN),
        LabeledScores.from_rows(scores, labels, EVEN),
        np.array([scores, labels]),
    )


def test_the_bins_are_scikit_learns() -> None:
    """Over even edges, the ten bins are those of sklearn's calibration_curve, by their names."""
    scores, labeled, rows = drawn(1.5)
    bins = tenths(scores, labeled, NONE, 0.99)
    observed, predicted = calibration_curve(rows[1], rows[0], n_bins=10)
    assert [bin_.name for bin_ in bins] == [f"{k / 10:.1f}-{(k + 1) / 10:.1f}" for k in range(10)]
    assert [bin_.observed for bin_ in bins] == pytest.approx(observed)
    assert [bin_.predicted for bin_ in bins] == pytest.approx(predicted)
    assert [bin_.gap.value for bin_ in bins] == pytest.approx(observed - predicted)
    assert sum(bin_.rows for bin_ in bins) == rows.shape[1]
    assert sum(bin_.share for bin_ in bins) == pytest.approx(1.0)


def test_the_error_weighs_by_all_predictions() -> None:
    """Bins weigh by their share of all scores, not of the labeled ones."""
    scores = Buckets.from_values([0.15] * 900 + [0.85] * 100, EVEN)
    known = [0.15] * 50 + [0.85] * 100
    labels = [True] * 25 + [False] * 25 + [True] * 85 + [False] * 15
    error = calibration_error(
        tenths(scores, LabeledScores.from_rows(known, labels, EVEN), NONE, 0.99)
    )
    assert error.value == pytest.approx(0.9 * (0.5 - 0.15))
    assert 0.0 < error.interval.low < error.value < error.interval.high


def test_calibrated_scores_have_no_certain_error() -> None:
    """Of scores that mean what they say hardly anything remains at the calm end."""
    calibrated = calibration_error(tenths(*drawn(1.0)[:2], NONE, 0.99))
    distorted = calibration_error(tenths(*drawn(2.0)[:2], NONE, 0.99))
    assert calibrated.interval.low < 0.005
    assert distorted.interval.low > 0.05


def test_missing_labels_widen_the_gaps() -> None:
    """Each gap then holds what it is if all of them succeed, and if none does."""
    scores, labeled, _ = drawn(1.0)
    missing = tuple(np.array(labeled.all().counts) // 2)
    for known, waiting in zip(
        tenths(scores, labeled, NONE, 0.9), tenths(scores, labeled, missing, 0.9), strict=True
    ):
        positives, awaited = known.observed * known.rows, known.rows / 2
        for more in (0, awaited):
            share = (positives + more) / (known.rows + awaited)
            assert waiting.gap.interval.contains(share - known.predicted, rounding=0.01)
        assert waiting.gap.interval.width > known.gap.interval.width


def test_edges_of_a_training_set() -> None:
    """Over quantile edges bins begin near the tenths; sparse tenths are joined."""
    random = np.random.default_rng(7)
    scores = random.beta(2, 8, 6_000)
    edges = quantile_edges(scores)
    rows = LabeledScores.from_rows(scores, random.random(6_000) < scores, edges)
    bins = tenths(rows.all(), rows, (0,) * (len(edges) + 1), 0.99)
    assert [bin_.name for bin_ in bins][:4] == ["0.0-0.1", "0.1-0.2", "0.2-0.3", "0.3-0.4"]
    assert bins[-1].name.endswith("-1.0")
    assert len(bins) < 10
    for bin_ in bins:
        low, high = map(float, bin_.name.split("-"))
        assert low - 0.03 <= bin_.predicted <= high + 0.03


def test_scores_that_are_no_probabilities() -> None:
    """Scores above 1 have no calibration."""
    rows = LabeledScores.from_rows([0.5, 3.0], [True, False], EVEN)
    with pytest.raises(ValueError, match="probabilities"):
        tenths(rows.all(), rows, NONE, 0.99)
