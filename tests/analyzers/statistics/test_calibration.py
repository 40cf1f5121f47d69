"""Reliability bins and calibration error are those of the raw rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import calibration as sklearns

from mlmon.analyzers.statistics import calibration
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


def raw_error(scores: Any, labels: Any, edges: tuple[float, ...]) -> float:
    """The expected calibration error, row by row."""
    place = np.searchsorted(edges, scores, side="right")
    bins = [place == k for k in np.unique(place)]
    return float(sum(abs(scores[rows].mean() - labels[rows].mean()) * rows.mean() for rows in bins))


@given(data=st.data())
def test_the_interval_holds_the_raw_error(labeled: Any, data: st.DataObject) -> None:
    """With sums the error is exact, without an interval that holds it, over any of the edges."""
    scores, labels, rows = data.draw(labeled)
    edges = tuple(sorted(data.draw(st.sets(st.sampled_from(rows.edges), min_size=1))))
    theirs = raw_error(scores, labels, edges)
    exact = calibration.expected_calibration_error(rows, edges)
    wide = calibration.expected_calibration_error(replace(rows, positive_sums=None), edges)
    assert exact.contains(theirs)
    assert exact.width < 1e-11
    assert wide.contains(theirs)


def test_the_bins_are_scikit_learns() -> None:
    """Ten uniform bins show the shares and mean scores of sklearn's calibration_curve."""
    random = np.random.default_rng(1)
    scores = random.random(5_000)
    labels = random.random(5_000) < scores**2
    edges = tuple((np.arange(101) / 100).tolist())
    bins = calibration.reliability(
        LabeledScores.from_rows(scores, labels, edges), [k / 10 for k in range(1, 10)]
    )
    observed, predicted = sklearns.calibration_curve(labels, scores, n_bins=10)
    assert [bin_.observed for bin_ in bins] == pytest.approx(observed)
    assert [bin_.predicted.middle for bin_ in bins] == pytest.approx(predicted)
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)


def sample(distort: float, seed: int, rows: int = 2_000) -> LabeledScores:
    """Rows whose true probability is the score to the power `distort`."""
    random = np.random.default_rng(seed)
    scores = random.beta(2, 2, size=rows)
    return LabeledScores.from_rows(
        scores, random.random(rows) < scores**distort, quantile_edges(scores)
    )


def test_chance_bounds_the_error_of_calibrated_scores() -> None:
    """Over 100 calibrated samples the mean error is at most what chance allows, and near it."""
    samples = [sample(1.0, seed) for seed in range(100)]
    errors = [calibration.expected_calibration_error(rows).middle for rows in samples]
    chance = [calibration.chance_error(rows) for rows in samples]
    assert 0.7 * np.mean(chance) < np.mean(errors) <= np.mean(chance)


def test_the_test_is_silent_on_calibrated_scores_and_loud_on_others() -> None:
    """Calibrated scores are called at most 8 % often at 0.05; distorted ones always."""
    calibrated = [calibration.calibration_p_value(sample(1.0, seed)) for seed in range(200)]
    distorted = [calibration.calibration_p_value(sample(1.5, seed)) for seed in range(20)]
    assert np.mean(np.array(calibrated) < 0.05) <= 0.08
    assert max(distorted) < 0.001


def test_certain_predictions() -> None:
    """Scores of 0 and 1 that are right say nothing, one that is wrong says all."""
    edges = (0.0, 5e-324, 0.5, 1.0)
    right = LabeledScores.from_rows([0.0, 0.0, 1.0], [False, False, True], edges)
    wrong = LabeledScores.from_rows([0.0, 0.0, 1.0], [False, True, True], edges)
    assert calibration.calibration_p_value(right, edges) == pytest.approx(1.0)
    assert calibration.calibration_p_value(wrong, edges) == 0.0


def test_no_labels_have_no_bins() -> None:
    """An empty sample is an error."""
    with pytest.raises(EmptySampleError):
        calibration.reliability(LabeledScores.from_rows([], [], (0.0, 1.0)))
