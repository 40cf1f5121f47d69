"""Trends: the slope is scipy's, the chance Mann-Kendall's, the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.poisson import poisson_interval
from mlmon.analyzers.statistics.steady_change import steady_change


def test_the_slope_is_the_median_of_all_pairs() -> None:
    """The factor follows from the median of the pairs' slopes, computed pair by pair."""
    rng = np.random.default_rng(1)
    values = np.exp(0.1 * np.arange(12) + rng.normal(0, 0.05, 12))
    logs = np.log(values)
    slopes = [(logs[j] - logs[i]) / (j - i) for i in range(12) for j in range(i + 1, 12)]
    change = steady_change(list(range(12)), values.tolist())
    assert change.factor.value == pytest.approx(np.exp(11 * np.median(slopes)))
    theirs = stats.kendalltau(np.arange(12), values, alternative="greater", method="exact")
    assert change.p_rising == pytest.approx(theirs.pvalue)


def test_the_interval_holds_the_true_factor() -> None:
    """Of 200 noisy series, at least 98 % of the 99 % intervals hold the factor 3."""
    rng = np.random.default_rng(2)
    slope = np.log(3) / 13
    held = 0
    for _ in range(200):
        values = np.exp(slope * np.arange(14) + rng.normal(0, 0.1, 14))
        held += steady_change(list(range(14)), values.tolist()).factor.interval.contains(3.0)
    assert held >= 196


def test_random_orders_are_rarely_steady() -> None:
    """The chance is uniform: of 1,000 random series about one in a hundred has p <= 0.01."""
    rng = np.random.default_rng(3)
    chances = [
        steady_change(list(range(10)), (1 + rng.random(10)).tolist()).p_rising for _ in range(1_000)
    ]
    assert 0.002 <= np.mean(np.array(chances) <= 0.01) <= 0.02


def test_what_has_no_trend_is_refused() -> None:
    """Two values, or one that is not positive."""
    with pytest.raises(ValueError, match="three or more"):
        steady_change([0, 1], [1.0, 2.0])
    with pytest.raises(ValueError, match="above 0"):
        steady_change([0, 1, 2], [1.0, 0.0, 2.0])


@pytest.mark.parametrize("events", [0, 1, 10, 1_368])
def test_poisson_is_exact(events: int) -> None:
    """At its ends so many events or more, or fewer, have half the chance left (Garwood)."""
    interval = poisson_interval(events, 0.999)
    assert stats.poisson.cdf(events, interval.high) == pytest.approx(0.0005)
    if events:
        assert stats.poisson.sf(events - 1, interval.low) == pytest.approx(0.0005)
    assert poisson_interval(events, 0.999, hidden=5).high > interval.high
