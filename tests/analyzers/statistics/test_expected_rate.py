"""The expected rate is that of the labels, and its p-value that of scipy's binomial test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.expected_rate import expected_rate
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

EDGES = tuple(np.linspace(0, 1, 21).tolist())


def reference(rng: np.random.Generator, rows: int, share: float | None = None) -> LabeledScores:
    """Return labeled rows that succeed as often as their score says, or with one share."""
    scores = rng.beta(2, 3, rows)
    chance = scores if share is None else share
    return LabeledScores.from_rows(scores, rng.random(rows) < chance, EDGES)


def test_other_scores_have_another_expected_rate(rng: np.random.Generator) -> None:
    """Of calibrated scores the expected rate is their mean, for any mix the reference had."""
    scores = rng.beta(5, 2, 4_000)
    expected = expected_rate(Buckets.from_values(scores, EDGES), reference(rng, 200_000), 0.99)
    assert expected.estimate.value == pytest.approx(scores.mean(), abs=0.005)
    ends = expected.estimate.interval
    assert ends.low - 0.005 <= scores.mean() <= ends.high + 0.005


@given(data=st.data(), rows=st.integers(1, 2_000))
def test_with_a_known_share_it_is_the_binomial_test(data: st.DataObject, rows: int) -> None:
    """A reference so large that nothing is left open gives scipy's one-sided exact test."""
    successes = data.draw(st.integers(0, rows))
    known = LabeledScores(
        Buckets((0.0, 1.0), (0, 3 * 10**13, 0)), Buckets((0.0, 1.0), (0, 7 * 10**13, 0))
    )
    expected = expected_rate(Buckets((0.0, 1.0), (0, rows, 0)), known)
    theirs = stats.binomtest(successes, rows, 0.3, alternative="less").pvalue
    assert expected.p_value(successes, rows) == pytest.approx(theirs, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize(("training", "rows"), [(60, 2_000), (5_000, 60)])
def test_rows_at_the_expected_rate_are_rarely_doubted(
    rng: np.random.Generator, training: int, rows: int
) -> None:
    """Of 300 samples as in training, 5 % and 1 % have a chance so small, no more."""
    found = []
    for _ in range(300):
        scores = rng.beta(2, 3, rows)
        won = int((rng.random(rows) < scores).sum())
        expected = expected_rate(Buckets.from_values(scores, EDGES), reference(rng, training))
        found.append(expected.p_value(won, rows))
    for level in (0.05, 0.01):
        assert np.sum(np.array(found) <= level) <= stats.binom.ppf(0.999, 300, level)


def test_half_the_expected_rate_is_certain(rng: np.random.Generator) -> None:
    """Half of what is expected is not called chance, and more than it never."""
    scores = Buckets.from_values(rng.beta(2, 3, 500), EDGES)
    expected = expected_rate(scores, reference(rng, 5_000))
    assert expected.p_value(int(expected.estimate.value * 250), 500) < 1e-9
    assert expected.p_value(int(expected.estimate.value * 600), 500) > 0.9


def test_without_rows_there_is_no_expected_rate(rng: np.random.Generator) -> None:
    """No scores, or no labels, is an error that says which."""
    some, none = Buckets.from_values([0.5], EDGES), Buckets.empty(EDGES)
    with pytest.raises(EmptySampleError, match="scores"):
        expected_rate(none, reference(rng, 10))
    with pytest.raises(EmptySampleError, match="labeled"):
        expected_rate(some, LabeledScores(none, none))
