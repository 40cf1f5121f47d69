"""The interval of a difference recovers the variances of its parts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.difference import chance_of_decline, difference
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.two_proportions import compare_rates
from mlmon.analyzers.statistics.wilson import wilson_interval


@pytest.mark.parametrize("counts", [(56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 0, 29)])
def test_it_is_newcombes_for_two_shares(counts: tuple[int, int, int, int]) -> None:
    """With Wilson's intervals it is method 10 of Newcombe (1998)."""
    x, n, y, m = counts
    change = difference(x / n, wilson_interval(x, n), y / m, wilson_interval(y, m))
    assert change.interval.low == pytest.approx(compare_rates(x, n, y, m).interval.low)
    assert change.interval.high == pytest.approx(compare_rates(x, n, y, m).interval.high)


def test_it_is_the_textbooks_for_two_means() -> None:
    """With symmetric intervals a difference's reach is the root of the summed squares."""
    change = difference(10.0, Interval(7.0, 13.0), 4.0, Interval(0.0, 8.0))
    assert change.value == 6.0
    assert (change.interval.low, change.interval.high) == (1.0, 11.0)


def test_certain_values_have_a_certain_difference() -> None:
    """Two exact values differ by an exact one."""
    change = difference(3.0, Interval.exactly(3.0), 1.0, Interval.exactly(1.0))
    assert change.interval == Interval.exactly(2.0)


def test_it_covers_as_often_as_claimed() -> None:
    """Of 2,000 differences of normal means, 95 % intervals hold 93.5 to 96.5 %."""
    random = np.random.default_rng(3)
    held = 0
    for a, b in random.normal([1.0, 0.5], [0.2, 0.1], (2_000, 2)):
        ends = [Interval(x - 1.96 * s, x + 1.96 * s) for x, s in ((a, 0.2), (b, 0.1))]
        held += difference(a, ends[0], b, ends[1]).interval.contains(0.5)
    assert 0.935 < held / 2_000 < 0.965


@pytest.mark.parametrize(("value", "error"), [(-0.2, 0.05), (-0.01, 0.05), (0.1, 0.05), (0.0, 1.0)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_the_chance_of_a_decline_is_read_from_the_interval(
    value: float, error: float, confidence: float
) -> None:
    """Of a normal estimate it is scipy's lower tail, regardless of the interval's confidence."""
    ends = stats.norm.interval(confidence, value, error)
    change = Estimate(value, Interval(*ends))
    expected = stats.norm.cdf(value / error)
    assert chance_of_decline(change, confidence) == pytest.approx(expected)


def test_a_certain_change_has_no_chance() -> None:
    """Without any doubt a decline is one, and a rise is none."""
    for value, chance in ((-0.1, 0.0), (0.1, 1.0)):
        assert chance_of_decline(Estimate(value, Interval.exactly(value)), 0.99) == chance
