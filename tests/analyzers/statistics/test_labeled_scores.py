"""Labeled score buckets count each label separately and add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores, probability_bounds


@given(data=st.data())
def test_each_label_has_its_rows(labeled: Any, data: st.DataObject) -> None:
    """Counts and sums of either label are those of its raw rows; both together are all rows."""
    scores, labels, rows = data.draw(labeled)
    assert rows.positives == Buckets.from_values(scores[labels], rows.edges)
    assert rows.all().counts == Buckets.from_values(scores, rows.edges).counts
    assert rows.n == scores.size
    assert sum(rows.positive_sums) == pytest.approx(scores[labels].sum())


@given(data=st.data())
def test_windows_add_up(labeled: Any, data: st.DataObject) -> None:
    """Two windows' buckets sum to the buckets of all rows."""
    scores, labels, _ = data.draw(labeled)
    edges = (0.0, 0.3, 0.7, 1.0)
    half = scores.size // 2
    parts = [
        LabeledScores.from_rows(scores[part], labels[part], edges)
        for part in (slice(half), slice(half, None))
    ]
    both, whole = parts[0] + parts[1], LabeledScores.from_rows(scores, labels, edges)
    assert both.positives.counts == whole.positives.counts
    assert both.negative_sums == pytest.approx(whole.negative_sums)
    assert (parts[0] + LabeledScores(parts[1].positives, parts[1].negatives)).positive_sums is None


def test_coarser_edges_keep_the_sums() -> None:
    """Merging buckets adds their sums of scores."""
    rows = LabeledScores.from_rows(
        [0.1, 0.4, 0.6, 0.9], [True, True, False, True], (0.0, 0.3, 0.5, 0.8, 1.0)
    ).coarsened((0.0, 0.5))
    assert rows.positive_sums == pytest.approx((0.0, 0.5, 0.9))
    assert rows.negative_sums == pytest.approx((0.0, 0.0, 0.6))
    assert rows.positives.counts == (0, 2, 1)


def test_what_does_not_fit_is_refused() -> None:
    """Different edges for the labels, or sums for other buckets, are mistakes."""
    one, other = Buckets.empty((0.0,)), Buckets.empty((1.0,))
    with pytest.raises(ValueError, match="different edges"):
        LabeledScores(one, other)
    with pytest.raises(ValueError, match="one sum"):
        LabeledScores(one, one, positive_sums=(1.0,))


def test_scores_that_are_no_probabilities_are_noticed() -> None:
    """A margin of 1.5 has no log-loss; the error names the range."""
    with pytest.raises(ValueError, match="not probabilities"):
        probability_bounds(Buckets.from_values([0.2, 1.5], (0.0, 1.0)))


@given(data=st.data())
def test_bounds_of_probabilities_hold_the_rows(labeled: Any, data: st.DataObject) -> None:
    """Every score lies between its bucket's bounds, which lie within [0, 1]."""
    scores, _, rows = data.draw(labeled)
    lows, highs = probability_bounds(rows.all())
    place = np.searchsorted(rows.edges, scores, side="right")
    assert ((lows[place] <= scores) & (scores <= highs[place])).all()
    assert ((lows >= 0) & (highs <= 1)).all()


def test_sums_beyond_the_doubles_are_not_known() -> None:
    """Scores that are no probabilities may be so large; their counts add up all the same."""
    huge = LabeledScores.from_rows([1e308, 0.5], [True, False], (0.0, 0.3, 1.0))
    both = huge + huge
    assert both.positive_sums is None
    assert both.negative_sums == (0.0, 0.0, 1.0, 0.0)
    assert both.n == 4
