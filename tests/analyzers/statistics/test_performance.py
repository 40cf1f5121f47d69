"""Measures of rows by bucket are those of the raw rows, within what buckets hide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.losses import brier_per_row, log_loss_per_row
from mlmon.analyzers.statistics.performance import ClassCounts, Performance, measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("positive_rate", "precision", "recall", "f1", "accuracy", "roc_auc")
LOSSES = ("brier", "log_loss")
ROUNDING = 1e-9


def counted(rows: LabeledScores) -> ClassCounts:
    """The rows' own numbers per bucket."""
    return (
        np.array(rows.positives.counts, dtype=float),
        np.array(rows.negatives.counts, dtype=float),
    )


def measured(rows: LabeledScores, threshold: float | None) -> Performance:
    """Measure rows whose numbers are certain."""
    positives, negatives = counted(rows)
    drawn = positives[None], negatives[None]
    return measure(rows.all(), rows, (positives, negatives), drawn, threshold)


def raw(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float
) -> dict[str, float]:
    """The measures, row by row."""
    decided = scores >= threshold
    known = {
        "positive_rate": labels.mean(),
        "recall": metrics.recall_score(labels, decided),
        "f1": metrics.f1_score(labels, decided),
        "accuracy": metrics.accuracy_score(labels, decided),
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "brier": metrics.brier_score_loss(labels, scores),
        "log_loss": metrics.log_loss(labels, scores),
    }
    if decided.any():
        known["precision"] = metrics.precision_score(labels, decided)
    return {name: float(value) for name, value in known.items()}


@given(data=st.data())
def test_the_intervals_hold_scikit_learns_values(labeled: Any, data: st.DataObject) -> None:
    """Over any edges, with a threshold anywhere, each interval holds sklearn's value."""
    scores, labels, rows = data.draw(labeled)
    threshold = data.draw(st.sampled_from([0.5, *scores.tolist()]) | st.floats(0, 1))
    performance = measured(rows, threshold)
    for name, value in raw(scores, labels, threshold).items():
        estimate = getattr(performance, name)
        assert estimate is not None, name
        assert estimate.interval.contains(value, rounding=ROUNDING * (1 + value)), name
        assert estimate.interval.contains(estimate.value), name


def test_the_last_bit_of_a_mean_close_to_one_is_allowed_for() -> None:
    """Where surprise is steepest, the mean of two scores is rounded; the interval holds it yet."""
    scores = np.array([1 - 1e-9, 1.0, 1.0])
    labels = np.array([False, True, False])
    rows = LabeledScores.from_rows(scores, labels, (1 - 1e-9, np.nextafter(1.0, 2.0)))
    estimate = measured(rows, 0.5).log_loss
    assert estimate is not None
    assert estimate.interval.contains(float(metrics.log_loss(labels, scores)), rounding=1e-9)


@given(data=st.data())
def test_one_bucket_a_value_is_exact(labeled: Any, data: st.DataObject) -> None:
    """Where every bucket holds one value and the threshold is an edge, nothing is hidden."""
    scores, labels, _ = data.draw(labeled)
    edges = np.unique([*scores, *np.nextafter(scores, np.inf)])
    rows = LabeledScores.from_rows(scores, labels, tuple(edges.tolist()))
    threshold = data.draw(st.sampled_from(scores.tolist()))
    performance = measured(rows, threshold)
    for name, value in raw(scores, labels, threshold).items():
        assert getattr(performance, name).value == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_what_has_no_value_is_none() -> None:
    """No decision without a threshold, no AUC of one label, no loss of scores above 1."""
    rows = LabeledScores.from_rows([1.5, 2.5, 3.5], [True, True, True], (1.0, 2.0, 3.0))
    without = measured(rows, None)
    assert without.precision is without.recall is without.f1 is without.accuracy is None
    assert without.roc_auc is without.brier is without.log_loss is None
    assert without.positive_rate is not None
    assert measured(rows, 9.0).precision is None


def test_losses_without_sums_are_less_exact() -> None:
    """Where no sums give a bucket's mean score, its middle is taken: it costs little."""
    random = np.random.default_rng(1)
    scores = random.random(2_000)
    labels = random.random(2_000) < scores
    rows = LabeledScores.from_rows(scores, labels, tuple((np.arange(101) / 100).tolist()))
    without = replace(rows, positive_sums=None, negative_sums=None)
    truth = raw(scores, labels, 0.5)
    for name in LOSSES:
        assert getattr(measured(rows, 0.5), name).value == pytest.approx(truth[name], rel=2e-3)
        assert getattr(measured(without, 0.5), name).value == pytest.approx(truth[name], rel=2e-2)
    for per_row in (brier_per_row, log_loss_per_row):
        known = per_row(rows.all(), rows)
        assert known is not None
        assert known.hidden(*counted(rows)) > 0


def test_the_interval_is_the_draws() -> None:
    """Half the draws with a rate of 0.25 and half with 0.75 span just these two."""
    rows = LabeledScores.from_rows([0.2, 0.2, 0.7, 0.7], [0, 1, 0, 1], (0.0, 0.5, 1.0))
    positives = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 2.0, 0.0]] * 50)
    total = np.array([0.0, 2.0, 2.0, 0.0])
    estimate = measure(
        rows.all(), rows, counted(rows), (positives, total - positives), 0.5
    ).positive_rate
    assert estimate is not None
    assert (estimate.value, estimate.interval.low, estimate.interval.high) == (0.5, 0.25, 0.75)
