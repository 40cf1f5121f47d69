"""For any missing labels the bounds hold what is then measured."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.performance import Performance
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance
from mlmon.analyzers.statistics.unknown_labels import bounded_performance

EDGES = tuple((np.arange(11) / 10).tolist())
THRESHOLD = 0.4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("odds", ["any", "by score", "against score", "none", "all"])
def test_the_bounds_hold_any_outcome(seed: int, odds: str) -> None:
    """Half of the labels come later, by any law: each measure then lies within its bounds."""
    random = np.random.default_rng(seed)
    scores = random.beta(2, 3, size=1_200)
    laws = {
        "any": random.random(1_200),
        "by score": (scores > random.random()) * 1.0,
        "against score": (scores < random.random()) * 1.0,
        "none": np.zeros(1_200),
        "all": np.ones(1_200),
    }
    early = random.random(1_200) < 0.5
    labels = random.random(1_200) < np.where(early, scores, laws[odds])
    rows = LabeledScores.from_rows(scores[early], labels[early], EDGES)
    missing = Buckets.from_values(scores[~early], EDGES).counts
    everything = Buckets.from_values(scores, EDGES)
    bounded = bounded_performance(everything, rows, missing, THRESHOLD)
    later = post_stratified_performance(
        everything, LabeledScores.from_rows(scores, labels, EDGES), THRESHOLD
    )
    for field in fields(Performance):
        known, bounds = getattr(later, field.name), getattr(bounded, field.name)
        # The loss of a filled-in row is that of its bucket's middle.
        rounding = 0.02 if field.name in {"brier", "log_loss"} else 1e-9
        assert bounds.interval.contains(known.value, rounding=rounding), field.name


def test_nothing_missing_is_what_is_known() -> None:
    """Without a missing label, bounds and value are those of the labels known."""
    rows = LabeledScores.from_rows([0.2, 0.3, 0.6, 0.8] * 40, [False, True, True, True] * 40, EDGES)
    known = post_stratified_performance(rows.all(), rows, THRESHOLD)
    bounded = bounded_performance(rows.all(), rows, (0,) * 12, THRESHOLD)
    for field in fields(Performance):
        if field.name not in {"brier", "log_loss"}:
            assert getattr(bounded, field.name) == getattr(known, field.name)


def test_what_is_not_known_stays_unknown() -> None:
    """Of a measure without a value there are no bounds."""
    rows = LabeledScores.from_rows([0.6] * 60, [True, False] * 30, EDGES)
    scores = Buckets.from_values([0.1] * 60 + [0.6] * 60, EDGES)
    assert bounded_performance(scores, rows, (0,) * 12, THRESHOLD).recall is None
