"""Performance estimated without labels is what labels show, while scores keep their meaning."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn import metrics

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.performance import Performance

EDGES = tuple((np.arange(101) / 100).tolist())
MEASURES = ("positive_rate", "precision", "recall", "f1", "accuracy", "roc_auc")


def drawn(
    seed: int, rows: int, shape: tuple[float, float], power: float = 1.3
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of a Beta law, and labels positive with probability score ** power."""
    random = np.random.default_rng(seed)
    scores = random.beta(*shape, size=rows)
    return scores, random.random(rows) < scores**power


def observed(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float
) -> dict[str, float]:
    """The measures of labeled rows, by definition."""
    decided = scores >= threshold
    return {
        "positive_rate": float(labels.mean()),
        "precision": float(labels[decided].mean()),
        "recall": float(decided[labels].mean()),
        "f1": float(2 * (decided & labels).sum() / (decided.sum() + labels.sum())),
        "accuracy": float((decided == labels).mean()),
        "roc_auc": float(metrics.roc_auc_score(labels, scores)),
    }


@functools.cache
def estimated(
    seed: int, threshold: float, power: float = 1.3
) -> tuple[Performance, dict[str, float]]:
    """An estimate from other labeled rows, under a shift of the scores, and what came true."""
    reference = LabeledScores.from_rows(*drawn(seed, 4_000, (2, 2)), EDGES)
    scores, labels = drawn(seed + 10_000, 1_500, (2, 3), power)
    estimate = estimate_performance(Buckets.from_values(scores, EDGES), reference, threshold)
    return estimate, observed(scores, labels, threshold)


@pytest.mark.parametrize("threshold", [0.5, 0.505])
def test_the_intervals_cover_what_the_labels_show(threshold: float) -> None:
    """Under covariate shift 86 % or more of 30 intervals (of 95 %) hold each observed measure."""
    covered = dict.fromkeys(MEASURES, 0)
    for seed in range(30):
        estimate, true = estimated(seed, threshold)
        for name in MEASURES:
            covered[name] += getattr(estimate, name).interval.contains(true[name])
    assert min(covered.values()) / 30 >= 0.86, covered


def test_the_values_are_unbiased() -> None:
    """Over 30 windows the mean estimate is within 0.01 of the mean observed value."""
    pairs = [estimated(seed, 0.5) for seed in range(30)]
    for name in MEASURES:
        error = np.mean([getattr(e, name).value - true[name] for e, true in pairs])
        assert abs(error) < 0.01, name


def test_concept_drift_leaves_the_interval() -> None:
    """When a score no longer means what it meant, the observed rate lies outside."""
    estimate, true = estimated(7, 0.5, power=2.5)
    assert estimate.positive_rate is not None
    assert not estimate.positive_rate.interval.contains(true["positive_rate"])


def test_a_replay_gives_the_same_numbers() -> None:
    """The draws are seeded: an estimate made again is the same."""
    assert estimated(3, 0.5)[0] == estimated(3, 0.5)[0]


def test_measures_without_a_value_are_none() -> None:
    """Nothing predicted positive has no precision; no positive expected has no AUC."""
    reference = LabeledScores.from_rows([0.1] * 50, [False] * 50, EDGES)
    estimate = estimate_performance(Buckets.from_values([0.1] * 20, EDGES), reference, 0.5)
    assert estimate.precision is None
    assert estimate.roc_auc is None
    assert estimate.accuracy is not None


def test_no_scores_have_no_estimate() -> None:
    """An empty window, or no labeled rows, is an error."""
    rows = LabeledScores.from_rows([0.1], [True], EDGES)
    with pytest.raises(EmptySampleError, match="scores"):
        estimate_performance(Buckets.empty(EDGES), rows, 0.5)
    with pytest.raises(EmptySampleError, match="labeled"):
        estimate_performance(
            Buckets.from_values([0.1], EDGES), LabeledScores.from_rows([], [], EDGES), 0.5
        )
