"""The interval of the log-loss holds scikit-learn's."""

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
from mlmon.analyzers.statistics.log_loss import log_loss


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
