"""The interval of the Brier score holds scikit-learn's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.statistics.brier import brier
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@given(data=st.data())
def test_the_interval_holds_scikit_learns_score(labeled: Any, data: st.DataObject) -> None:
    """With moments it is one number, with sums or only counts an interval; all hold the score."""
    scores, labels, rows = data.draw(labeled)
    theirs = float(metrics.brier_score_loss(labels, scores))
    without_moments = replace(
        rows,
        positives=replace(rows.positives, total=None),
        negatives=replace(rows.negatives, total=None),
    )
    counts_only = replace(without_moments, positive_sums=None, negative_sums=None)
    assert brier(rows).contains(theirs)
    assert brier(rows).width <= 3e-12
    assert brier(without_moments).contains(theirs)
    assert brier(counts_only).contains(theirs)
    assert brier(without_moments).width <= brier(counts_only).width + 1e-11


def test_one_label_is_enough() -> None:
    """Rows of one label only have a score; none at all have none."""
    assert brier(LabeledScores.from_rows([0.5], [True], (0.0, 1.0))).contains(0.25)
    with pytest.raises(EmptySampleError):
        brier(LabeledScores.from_rows([], [], (0.0, 1.0)))
