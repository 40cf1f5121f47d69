"""The interval of the ROC AUC holds scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.statistics import roc_auc
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@given(data=st.data())
def test_the_interval_holds_scikit_learns_area(labeled: Any, data: st.DataObject) -> None:
    """Ties, constant scores, any edges: the raw rows' area is inside."""
    scores, labels, rows = data.draw(labeled)
    theirs = float(metrics.roc_auc_score(labels, scores))
    assert roc_auc.roc_auc(rows).contains(theirs, rounding=1e-12)


def test_ties_are_exact_in_a_bucket_of_their_own() -> None:
    """Scores of a few values, each with its own bucket, give one number: ties count one half."""
    scores = [0.2] * 10 + [0.5] * 10
    labels = [False] * 6 + [True] * 4 + [False] * 3 + [True] * 7
    rows = LabeledScores.from_rows(scores, labels, quantile_edges(scores))
    area = roc_auc.roc_auc(rows)
    assert area.width == 0
    assert area.low == pytest.approx(metrics.roc_auc_score(labels, scores))


@pytest.mark.parametrize(("buckets", "width"), [(100, 0.011), (1_000, 0.0011)])
def test_more_buckets_narrow_the_interval(buckets: int, width: float) -> None:
    """With 100,000 rows a hundred buckets leave about 0.01, a thousand 0.001."""
    random = np.random.default_rng(1)
    labels = random.random(100_000) < 0.3
    scores = random.beta(2 + labels, 3 - labels)
    rows = LabeledScores.from_rows(scores, labels, quantile_edges(scores, buckets))
    area = roc_auc.roc_auc(rows)
    assert area.contains(float(metrics.roc_auc_score(labels, scores)), rounding=1e-12)
    assert area.width < width


def test_the_standard_error_is_the_spread_over_samples() -> None:
    """DeLong's error matches the standard deviation of the area over 200 samples."""
    random = np.random.default_rng(2)
    edges = tuple(np.linspace(0, 1, 201).tolist())
    areas, errors = [], []
    for _ in range(200):
        labels = np.arange(300) < 100
        scores = random.beta(2 + labels, 3 - labels)
        areas.append(metrics.roc_auc_score(labels, scores))
        errors.append(roc_auc.standard_error(LabeledScores.from_rows(scores, labels, edges)))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)


def test_the_confidence_interval_covers() -> None:
    """At 95 % confidence the true area of two shifted normals is covered 93 % often or more."""
    random = np.random.default_rng(3)
    edges = tuple(np.linspace(-4, 5, 100).tolist())
    labels = np.arange(200) < 80
    # Normals one apart: AUC = Phi(1 / sqrt 2).
    true, covered = 0.7602499389065233, 0
    for _ in range(400):
        rows = LabeledScores.from_rows(random.normal(size=200) + labels, labels, edges)
        covered += roc_auc.confidence_interval(rows).contains(true)
    assert covered / 400 >= 0.93


def test_one_label_has_no_area() -> None:
    """Without positives or negatives there is no pair; the error says which is absent."""
    with pytest.raises(EmptySampleError, match="positive"):
        roc_auc.roc_auc(LabeledScores.from_rows([0.5], [False], (0.0, 1.0)))
    with pytest.raises(EmptySampleError, match="second_negative"):
        roc_auc.standard_error(
            LabeledScores.from_rows([0.5, 0.6, 0.7], [True, True, False], (0.0, 1.0))
        )
