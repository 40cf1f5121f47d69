"""The calibration map is scikit-learn's isotonic regression, with the labels' uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from mlmon.analyzers.statistics.calibration_map import CalibrationMap
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@given(data=st.data())
def test_scikit_learn_agrees(labeled: Any, data: st.DataObject) -> None:
    """Over buckets with rows the shares are the isotonic fit, ascending everywhere."""
    _, _, rows = data.draw(labeled)
    positives, counts = np.array(rows.positives.counts), np.array(rows.all().counts)
    known = np.flatnonzero(counts)
    theirs = IsotonicRegression().fit(
        known, positives[known] / counts[known], sample_weight=counts[known]
    )
    shares = CalibrationMap.of(rows).shares()
    assert shares[known] == pytest.approx(theirs.predict(known), abs=1e-9)
    assert (np.diff(shares) >= -1e-12).all()


def test_draws_are_the_posterior() -> None:
    """Drawn shares spread as the Beta posterior of their block does."""
    rows = LabeledScores.from_rows(
        [0.2] * 50 + [0.8] * 50, [k % 5 == 0 for k in range(100)], (0.5,)
    )
    drawn = CalibrationMap.of(rows).drawn(np.random.default_rng(1), 20_000)
    # One block: both buckets show 20 %.
    assert drawn[:, 0] == pytest.approx(drawn[:, 1])
    assert drawn[:, 0].mean() == pytest.approx(stats.beta(20.5, 80.5).mean(), abs=0.002)
    assert drawn[:, 0].std() == pytest.approx(stats.beta(20.5, 80.5).std(), rel=0.03)


def test_no_labels_have_no_map() -> None:
    """Nothing can be learned from no rows."""
    with pytest.raises(EmptySampleError):
        CalibrationMap.of(LabeledScores.from_rows([], [], (0.5,)))
