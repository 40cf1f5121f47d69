"""Both losses hold scikit-learn's values, and the bounds on a convex sum hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.losses import brier, convex_sum, log_loss


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


@given(data=st.data())
def test_the_interval_holds_scikit_learns_loss(labeled: Any, data: st.DataObject) -> None:
    """With and without sums of scores, down to scores of 0 and 1, the raw rows' loss is inside."""
    scores, labels, rows = data.draw(labeled)
    theirs = float(metrics.log_loss(labels, scores))
    narrow = log_loss(rows)
    wide = log_loss(replace(rows, positive_sums=None, negative_sums=None))
    assert narrow.contains(theirs, rounding=1e-12)
    assert wide.contains(theirs, rounding=1e-12)
    assert narrow.width <= wide.width * (1 + 1e-9) + 1e-12


def test_sums_make_it_narrow() -> None:
    """With sums, a hundred buckets know the loss of 50,000 rows to 1e-3; without to 2e-2."""
    random = np.random.default_rng(1)
    scores = random.beta(2, 3, size=50_000)
    labels = random.random(50_000) < scores
    rows = LabeledScores.from_rows(scores, labels, quantile_edges(scores))
    assert log_loss(rows).width < 1e-3
    assert log_loss(replace(rows, positive_sums=None)).width > log_loss(rows).width
    assert log_loss(replace(rows, positive_sums=None, negative_sums=None)).width < 5e-2


def test_no_labels_have_no_loss() -> None:
    """An empty sample, or scores that are no probabilities, are errors."""
    with pytest.raises(EmptySampleError):
        log_loss(LabeledScores.from_rows([], [], (0.0, 1.0)))
    with pytest.raises(ValueError, match="not probabilities"):
        log_loss(LabeledScores.from_rows([2.0, 0.1], [True, False], (0.0, 1.0)))


FUNCTIONS = st.sampled_from([np.square, np.exp, lambda x: -np.log(x + 0.01), lambda x: 1 - x])


@given(
    f=FUNCTIONS,
    rows=st.lists(st.floats(0, 1), min_size=1),
    buckets=st.integers(1, 8),
    known=st.sampled_from(["sums", "no sums", "one sum missing"]),
)
def test_the_sum_of_the_rows_is_inside(
    f: object, rows: list[float], buckets: int, known: str
) -> None:
    """For any rows the sum over them lies within the bounds, with and without their sums."""
    assert callable(f)
    edges = np.linspace(0, 1, buckets + 1)
    place = np.minimum(np.searchsorted(edges, rows, side="right") - 1, buckets - 1)
    counts = np.bincount(place, minlength=buckets)
    sums = np.bincount(place, weights=rows, minlength=buckets)
    if known == "one sum missing":
        sums[place[0]] = np.nan
    given_sums = None if known == "no sums" else sums
    interval = convex_sum(f, counts, edges[:-1], edges[1:], given_sums)
    assert interval.contains(float(np.sum(f(np.array(rows)))), rounding=1e-9)


def test_half_the_width_has_a_quarter_of_the_gap() -> None:
    """With sums the gap falls with the square of the bucket's width, without with the width."""
    rows = np.random.default_rng(1).random(10_000)
    gaps = []
    for buckets in (10, 20):
        edges = np.linspace(0, 1, buckets + 1)
        counts, _ = np.histogram(rows, edges)
        sums, _ = np.histogram(rows, edges, weights=rows)
        gaps.append(convex_sum(np.square, counts, edges[:-1], edges[1:], sums).width)
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.01)
