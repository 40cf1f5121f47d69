"""The centroids' distance against scipy's permutation test, and its interval against chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.centroid_distance import centroid_distance, minimum_rows
from mlmon.analyzers.statistics.empty_sample import EmptySampleError


def test_the_p_value_is_that_of_scipy() -> None:
    """Other deals of scipy's own give the same p-value but for chance, and the same distance."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.12, 1, (60, 3)), rng.normal(0, 1, (90, 3))
    radius = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())

    pooled = np.concatenate([x, y])
    exact = stats.permutation_test(
        (np.arange(60), np.arange(60, 150)),
        lambda first, second: np.linalg.norm(
            pooled[first].mean(axis=0) - pooled[second].mean(axis=0)
        ),
        permutation_type="independent",
        alternative="greater",
        n_resamples=2_000,
        rng=np.random.default_rng(2),
    )
    found = centroid_distance(x, y)
    assert found.value == pytest.approx(exact.statistic / radius)
    assert found.p_value == pytest.approx(exact.pvalue, abs=0.03)


def test_equal_samples_are_seldom_called_different() -> None:
    """Of 200 pairs from one distribution 5 % have p <= 0.05, and the lower end stays at zero."""
    rng = np.random.default_rng(3)
    found = [
        centroid_distance(rng.normal(size=(60, 4)), rng.normal(size=(80, 4)), deals=199, seed=seed)
        for seed in range(200)
    ]
    called = sum(distance.p_value <= 0.05 for distance in found)
    assert 2 <= called <= 20
    assert sum(distance.interval.low > 0 for distance in found) <= 3


@pytest.mark.parametrize("dimension", [1, 2, 12])
def test_the_rows_needed_have_the_power_stated(dimension: int) -> None:
    """With so many rows, half a radius leaves the lower end above zero nine times in ten."""
    rows = minimum_rows(0.5, 500)
    assert rows is not None
    assert 80 < rows < 150
    rng = np.random.default_rng(4)
    y = rng.normal(size=(500, dimension))
    direction = rng.normal(size=dimension)
    shift = 0.5 * np.sqrt(dimension) * direction / np.linalg.norm(direction)
    found = [
        centroid_distance(rng.normal(size=(rows, dimension)) + shift, y, seed=seed)
        for seed in range(60)
    ]
    assert sum(distance.interval.low > 0 for distance in found) >= 50
    assert sum(distance.interval.contains(0.5) for distance in found) >= 58


def test_a_seed_makes_it_the_same_again() -> None:
    """The same vectors give the same numbers; another seed other deals."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    assert centroid_distance(x, y) == centroid_distance(x, y)
    assert centroid_distance(x, y, seed=1).interval != centroid_distance(x, y).interval


def test_nothing_to_compare() -> None:
    """Without rows, or with a reference of equal vectors, there is no distance."""
    with pytest.raises(EmptySampleError, match="current"):
        centroid_distance(np.empty((0, 2)), np.ones((5, 2)))
    with pytest.raises(EmptySampleError, match="spread"):
        centroid_distance(np.ones((5, 2)), np.ones((5, 2)))
    assert minimum_rows(0.1, 1_000) is None
