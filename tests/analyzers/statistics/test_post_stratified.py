"""Performance of all rows from the labels of some is that of all rows, however they were chosen."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.performance import Performance

Floats = "NDArray[np.float64]"
THRESHOLD = 0.4
MEASURES = ("roc_auc", "precision", "recall", "f1", "brier", "log_loss", "positive_rate")
EDGES = quantile_edges(np.random.default_rng(0).beta(2, 4, size=5_000))
MEANINGS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "calibrated": lambda scores: scores,
    "reversed": lambda scores: 0.8 - 0.7 * scores,
}


@functools.cache
def truth(meaning: str) -> dict[str, float]:
    """The measures of the process, of 400,000 rows that are all labeled."""
    random = np.random.default_rng(99)
    scores = random.beta(2, 4, size=400_000)
    labels = random.random(scores.size) < MEANINGS[meaning](scores)
    decided = scores >= THRESHOLD
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, scores)),
        "precision": float(labels[decided].mean()),
        "recall": float(decided[labels].mean()),
        "f1": float(2 * (decided & labels).sum() / (decided.sum() + labels.sum())),
        "brier": float(((scores - labels) ** 2).mean()),
        "log_loss": float(metrics.log_loss(labels, scores)),
        "positive_rate": float(labels.mean()),
    }


@functools.cache
def chosen(meaning: str, seed: int, rows: int = 3_000) -> tuple[Performance, float]:
    """Rows labeled where approved, and three in ten of the rest; and AUC of the labeled alone."""
    random = np.random.default_rng(seed)
    scores = random.beta(2, 4, size=rows)
    labels = random.random(rows) < MEANINGS[meaning](scores)
    bid = (scores >= THRESHOLD) | (random.random(rows) < 0.3)
    performance = post_stratified_performance(
        Buckets.from_values(scores, EDGES),
        LabeledScores.from_rows(scores[bid], labels[bid], EDGES),
        THRESHOLD,
    )
    return performance, float(metrics.roc_auc_score(labels[bid], scores[bid]))


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_values_are_unbiased(meaning: str) -> None:
    """Over 40 samples the mean error is within 3 of its own standard errors, of each measure."""
    for name in MEASURES:
        values = [getattr(chosen(meaning, seed)[0], name).value for seed in range(40)]
        error = np.std(values) / np.sqrt(40)
        assert abs(np.mean(values) - truth(meaning)[name]) < 3 * error, name


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_intervals_cover_the_truth(meaning: str) -> None:
    """Of 40 intervals at 95 % at least 34 hold the process's value (p > 0.01 if they hold 95 %)."""
    for name in MEASURES:
        intervals = [getattr(chosen(meaning, seed)[0], name).interval for seed in range(40)]
        held = sum(interval.contains(truth(meaning)[name]) for interval in intervals)
        assert held >= 34, name


def test_the_labeled_rows_alone_are_biased() -> None:
    """What is avoided: AUC over the labeled rows is off by more than 0.01 on average."""
    alone = np.mean([chosen("calibrated", seed)[1] for seed in range(40)])
    assert abs(alone - truth("calibrated")["roc_auc"]) > 0.01


def test_all_rows_labeled_give_their_own_measures() -> None:
    """With every label known, values are those of the rows but for the order inside of buckets."""
    random = np.random.default_rng(5)
    scores = random.beta(2, 4, size=4_000)
    labels = random.random(4_000) < scores
    rows = LabeledScores.from_rows(scores, labels, EDGES)
    performance = post_stratified_performance(rows.all(), rows, None)
    assert performance.roc_auc is not None
    assert performance.roc_auc.value == pytest.approx(
        metrics.roc_auc_score(labels, scores), abs=2e-3
    )
    assert performance.brier is not None
    assert performance.brier.value == pytest.approx(
        metrics.brier_score_loss(labels, scores), abs=1e-4
    )


RARE_EDGES = quantile_edges(np.random.default_rng(0).beta(1, 200, size=5_000))


def rare(seed: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores and labels of rare positives that the model nearly always knows."""
    random = np.random.default_rng(seed)
    labels = random.random(rows) < 0.07
    certain = random.random(rows) < 0.95
    high = np.where(labels, certain, ~certain & (random.random(rows) < 0.02))
    return np.where(high, random.beta(30, 2, rows), random.beta(1, 200, rows)), labels


def test_intervals_hold_where_positives_are_rare() -> None:
    """The prior adds no positives: all labels known, the rows' own measures lie in each interval.

    So do those of the process in 34 of 40 intervals at 95 %, as above.
    """
    scores, labels = rare(99, 400_000)
    decided = scores >= THRESHOLD
    truth = float(decided[labels].mean()), float(metrics.f1_score(labels, decided))
    held = np.zeros(2)
    for seed in range(40):
        scores, labels = rare(seed, 2_800)
        decided = scores >= THRESHOLD
        rows = LabeledScores.from_rows(scores, labels, RARE_EDGES)
        found = post_stratified_performance(rows.all(), rows, THRESHOLD)
        assert found.recall is not None
        assert found.f1 is not None
        assert found.roc_auc is not None
        assert found.recall.interval.contains(metrics.recall_score(labels, decided))
        assert found.f1.interval.contains(metrics.f1_score(labels, decided))
        assert found.roc_auc.interval.contains(metrics.roc_auc_score(labels, scores))
        held += [found.recall.interval.contains(truth[0]), found.f1.interval.contains(truth[1])]
    assert held.min() >= 34


def test_labels_of_one_decision_only() -> None:
    """Without any label of a rejected row, precision is known and what needs all rows is not."""
    scores = Buckets.from_values([0.1] * 500 + [0.6] * 300, (0.0, 0.4, 1.0))
    known = LabeledScores.from_rows([0.6] * 200, [True] * 150 + [False] * 50, (0.0, 0.4, 1.0))
    performance = post_stratified_performance(scores, known, 0.4)
    assert performance.precision is not None
    assert performance.precision.value == 0.75
    assert performance.recall is performance.roc_auc is performance.positive_rate is None


def test_a_replay_gives_the_same_numbers() -> None:
    """The draws are seeded: made again from equal counts, past the cache, all is the same."""
    rows = LabeledScores.from_rows([0.1, 0.3, 0.7] * 50, [False, True, True] * 50, (0.0, 0.5, 1.0))
    first = post_stratified_performance.__wrapped__(rows.all(), rows, 0.5)
    assert post_stratified_performance.__wrapped__(rows.all(), rows, 0.5) == first


def test_nothing_to_measure() -> None:
    """No rows, no labels, or other edges are errors."""
    rows = LabeledScores.from_rows([0.1], [True], (0.0, 1.0))
    with pytest.raises(EmptySampleError, match="scores"):
        post_stratified_performance(Buckets.empty((0.0, 1.0)), rows, 0.5)
    with pytest.raises(EmptySampleError, match="labeled"):
        post_stratified_performance(rows.all(), LabeledScores.from_rows([], [], (0.0, 1.0)), 0.5)
    with pytest.raises(ValueError, match="edges"):
        post_stratified_performance(Buckets.from_values([0.1], (0.5,)), rows, 0.5)


def test_intervals_of_a_hundred_labels_hold() -> None:
    """Of 200 intervals of the AUC at 99 % by 100 labels, at most 7 miss it (p > 0.001 if 2 do)."""
    rng = np.random.default_rng(11)
    many = rng.beta(2.0, 5.0, 200_000)
    exact = metrics.roc_auc_score(rng.random(many.size) < many, many)
    edges = tuple(np.quantile(many, np.arange(0.01, 1.0, 0.01)).tolist())
    scores = Buckets.from_values(many[:5_000], edges)
    missed = 0
    for _ in range(200):
        known = rng.beta(2.0, 5.0, 100)
        labeled = LabeledScores.from_rows(known, rng.random(100) < known, edges)
        area = post_stratified_performance(scores, labeled, 0.5, 0.99).roc_auc
        assert area is not None
        missed += not area.interval.contains(exact)
    assert missed <= stats.binom.ppf(0.999, 200, 0.01)
