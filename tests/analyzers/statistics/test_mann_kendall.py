"""The chance of a steady fall is scipy's, and with ties that of all orders."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.mann_kendall import falling_p, fewest


@given(values=st.lists(st.integers(-50, 50), min_size=2, max_size=20, unique=True))
def test_scipy_agrees_without_ties(values: list[int]) -> None:
    """The exact one-sided p is that of scipy's Kendall test against the order."""
    known = stats.kendalltau(range(len(values)), values, method="exact", alternative="less")
    assert falling_p(values) == pytest.approx(known.pvalue, rel=1e-9)


@pytest.mark.parametrize(
    "values", [(3, 3, 2, 2, 1, 4), (5, 4, 4, 3, 2, 1), (1, 1, 1, 2, 3, 3, 0), (2, 2, 2, 2, 1, 1)]
)
def test_ties_against_all_orders(values: tuple[int, ...]) -> None:
    """With ties it is the share of all orders that fall as much."""

    def score(order: tuple[int, ...]) -> int:
        return int(sum(np.sign(b - a) for i, a in enumerate(order) for b in order[i + 1 :]))

    orders = list(permutations(values))
    exact = sum(score(order) <= score(values) for order in orders) / len(orders)
    assert falling_p(values) == pytest.approx(exact, rel=1e-12)


@given(values=st.lists(st.sampled_from([1, 2]), min_size=2, max_size=34))
@example(values=[2] * 16 + [1, 2] * 2 + [1] * 14)
def test_many_ties_against_mann_whitney(values: list[int]) -> None:
    """Of two values the falling pairs are Mann and Whitney's U: scipy's exact p, at any length."""
    high, low = ([at for at, value in enumerate(values) if value == level] for level in (2, 1))
    if high and low:
        known = stats.mannwhitneyu(high, low, alternative="less", method="exact")
        assert falling_p(values) == pytest.approx(known.pvalue, rel=1e-9)


def test_what_does_not_fall() -> None:
    """A rise, a constant and a single value are no fall."""
    assert falling_p([1, 2, 3, 4, 5]) == 1.0
    assert falling_p([2, 2, 2, 2]) == 1.0
    assert falling_p([7]) == falling_p([]) == 1.0


def test_the_fewest_values() -> None:
    """Five values are the fewest whose fall is rarer than one in a hundred, six one in 500."""
    assert (fewest(0.01), fewest(0.01 / 6), fewest(0.05)) == (5, 6, 4)
    assert falling_p([5, 4, 3, 2, 1]) == 1 / math.factorial(5)
