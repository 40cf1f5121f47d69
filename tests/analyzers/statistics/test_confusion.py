"""Precision, recall, F1 and accuracy hold scikit-learn's values at any threshold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@given(data=st.data(), at_edge=st.booleans())
def test_scikit_learns_values_are_inside(
    labeled: Any,
    data: st.DataObject,
    *,
    at_edge: bool,
) -> None:
    """On an edge the values are exact; inside of a bucket the intervals hold them."""
    scores, labels, rows = data.draw(labeled)
    thresholds = st.sampled_from(rows.edges) if at_edge else st.floats(0, 1)
    threshold = data.draw(thresholds | st.sampled_from(scores.tolist()))
    decided = scores >= threshold
    table = Confusion.at(rows, threshold)
    near = 1e-12
    assert table.recall().contains(metrics.recall_score(labels, decided), rounding=near)
    assert table.accuracy().contains(metrics.accuracy_score(labels, decided), rounding=near)
    assert table.f1().contains(metrics.f1_score(labels, decided), rounding=near)
    wrong = decided[~labels].mean()
    assert table.false_positive_rate().contains(wrong, rounding=near)
    if decided.any():
        theirs = metrics.precision_score(labels, decided)
        assert table.precision().contains(theirs, rounding=near)
    if threshold in rows.edges:
        assert table.recall().width == table.f1().width == table.accuracy().width == 0


def test_corners_that_predict_nothing() -> None:
    """Where all or none of a bucket may be predicted positive, precision spans what it can be."""
    edges = (0.0, 0.5, 1.0)
    mixed = LabeledScores.from_rows([0.1, 0.6, 0.9], [False, True, False], edges)
    pure = LabeledScores.from_rows([0.1, 0.6, 0.9], [False, True, True], edges)
    assert (
        Confusion.at(mixed, 0.7).precision().low,
        Confusion.at(mixed, 0.7).precision().high,
    ) == (
        0.0,
        1.0,
    )
    assert Confusion.at(pure, 0.7).precision().low == 1.0


def test_what_has_no_value_is_an_error() -> None:
    """Nothing predicted positive has no precision, no positives no recall, no negatives no rate."""
    rows = LabeledScores.from_rows([0.1, 0.2], [False, False], (0.0, 0.5, 1.0))
    with pytest.raises(EmptySampleError, match="predicted_positive"):
        Confusion.at(rows, 0.9).precision()
    with pytest.raises(EmptySampleError, match="positive"):
        Confusion.at(rows, 0.9).recall()
    with pytest.raises(EmptySampleError, match="negative"):
        Confusion(1, 0, 1, 1, 0, 0).false_positive_rate()
