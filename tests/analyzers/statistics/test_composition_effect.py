"""The composition effect against the score of resampled rows, and its interval against chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlmon.analyzers.statistics.composition_effect import Parts, composition_effect
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.interval import Interval

UNIT = Interval(0.0, 1.0)


def parts(groups: np.ndarray, scores: np.ndarray, size: int, *, ordered: bool) -> Parts:
    """Sum scores by part."""
    return Parts(
        np.bincount(groups, minlength=size),
        np.bincount(groups, scores, size),
        np.bincount(groups, scores**2, size),
        ordered=ordered,
    )


def test_it_is_the_mean_of_reweighted_rows() -> None:
    """The effect is the change of the mean when rows are weighted to the new shares (pandas)."""
    rng = np.random.default_rng(1)
    country, score = rng.choice(3, 6_000, p=(0.5, 0.3, 0.2)), rng.random(6_000)
    score[country == 2] /= 2
    current = np.array([200, 200, 600, 0])
    frame = pd.DataFrame({"country": country, "score": score})
    weight = (current[:3] / 1_000 / frame["country"].value_counts(normalize=True).sort_index())[
        frame["country"]
    ].to_numpy()
    expected = np.average(score, weights=weight) - score.mean()
    effect = composition_effect(current, parts(country, score, 4, ordered=False), UNIT)
    assert effect.value == pytest.approx(expected, abs=1e-12)
    assert effect.interval.contains(expected)


def test_the_interval_holds_what_the_model_would_say() -> None:
    """Of 200 shifts of a number, the true change of the expected score is held in nearly all."""
    rng = np.random.default_rng(2)
    edges = np.quantile(rng.normal(size=20_000), np.linspace(0, 1, 21))

    def groups(values: np.ndarray) -> np.ndarray:
        return np.searchsorted(edges, values, side="right")

    held = []
    for _ in range(200):
        shift = rng.uniform(-1, 1)
        before, now = rng.normal(size=4_000), rng.normal(shift, size=800)
        score = np.clip(0.4 + 0.1 * before + rng.normal(0, 0.1, 4_000), 0, 1)
        reference = parts(groups(before), score, edges.size + 2, ordered=True)
        current = np.bincount(groups(now), minlength=edges.size + 2)
        effect = composition_effect(current, reference, UNIT, confidence=0.95)
        held.append(effect.interval.contains(0.1 * shift))
        assert effect.interval.width < 0.2
    assert np.mean(held) >= 0.95


def test_chance_alone_is_held_as_often_as_claimed() -> None:
    """Without a shift, the interval of a categorical feature misses zero in at most one in ten."""
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        before, now = rng.integers(0, 4, 1_000), rng.integers(0, 4, 500)
        score = before / 4 + rng.normal(0, 0.1, 1_000)
        current = np.bincount(now, minlength=5)
        effect = composition_effect(current, parts(before, score, 5, ordered=False), UNIT, 0.95)
        missed += not effect.interval.contains(0.0)
    assert 4 <= missed <= 30


def test_rows_where_training_had_none() -> None:
    """Half of the rows beyond the last bucket may have any score; the guess is its neighbour's."""
    before = np.repeat([1, 2, 3], 1_000)
    score = np.repeat([0.2, 0.4, 0.6], 1_000)
    reference = parts(before, score, 6, ordered=True)
    effect = composition_effect(np.array([0, 100, 100, 100, 300, 0]), reference, UNIT)
    assert effect.value == pytest.approx(0.1)
    assert effect.interval.low < 0.5 * (0 - 0.4)
    assert effect.interval.high > 0.5 * (1 - 0.4)


def test_missing_values_are_a_part() -> None:
    """Values that turn missing carry the mean of the rows that were missing in training."""
    groups = np.repeat([1, 2, 3], [450, 450, 100])
    score = np.repeat([0.5, 0.5, 0.1], [450, 450, 100])
    reference = parts(groups, score, 4, ordered=True)
    effect = composition_effect(np.array([0, 250, 250, 500]), reference, UNIT)
    assert effect.value == pytest.approx((0.5 - 0.1) * (0.1 - 0.5))


def test_a_category_training_did_not_know() -> None:
    """An unseen category counts as scored like the rest, and may be scored like anything."""
    reference = parts(np.repeat([0, 1], 500), np.repeat([0.2, 0.6], 500), 4, ordered=False)
    effect = composition_effect(np.array([250, 250, 500, 0]), reference, Interval(0.1, 0.9))
    assert effect.value == pytest.approx(0)
    assert effect.interval.low == pytest.approx(-0.15, abs=0.05)
    assert effect.interval.high == pytest.approx(0.25, abs=0.05)


def test_nothing_to_compare() -> None:
    """Without rows on a side there is no effect."""
    reference = parts(np.zeros(10, int), np.ones(10), 2, ordered=False)
    with pytest.raises(EmptySampleError):
        composition_effect(np.zeros(2, int), reference, UNIT)
