"""Two rates are compared as scipy and the literature compare them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.two_proportions import compare_rates


@pytest.mark.parametrize(
    ("x", "n", "y", "m", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
    ],
)
def test_the_published_intervals(x: int, n: int, y: int, m: int, low: float, high: float) -> None:
    """Newcombe (1998), Interval estimation for the difference, table II, method 10."""
    interval = compare_rates(x, n, y, m).interval
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(data=st.data(), n=st.integers(50, 10**6), m=st.integers(50, 10**6))
def test_large_counts_are_chi_squared(data: st.DataObject, n: int, m: int) -> None:
    """Where five are expected in each cell, the p-value is chi-squared's without correction."""
    x, y = data.draw(st.integers(20, n - 20)), data.draw(st.integers(20, m - 20))
    table = np.array([[x, n - x], [y, m - y]])
    theirs = stats.chi2_contingency(table, correction=False)
    if theirs.expected_freq.min() >= 5:
        assert compare_rates(x, n, y, m).p_value == pytest.approx(
            theirs.pvalue, rel=1e-6, abs=1e-300
        )


@given(data=st.data(), n=st.integers(1, 60), m=st.integers(1, 60))
def test_sparse_counts_are_fishers(data: st.DataObject, n: int, m: int) -> None:
    """Where fewer are expected, the p-value is Fisher's exact one."""
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    expected = min(n, m) * min(x + y, n + m - x - y) / (n + m)
    if expected < 5:
        theirs = stats.fisher_exact(np.array([[x, n - x], [y, m - y]])).pvalue
        assert compare_rates(x, n, y, m).p_value == pytest.approx(theirs)


def test_nothing_happened_on_both_sides() -> None:
    """No success on either side is no change, with p = 1."""
    change = compare_rates(0, 1_000, 0, 10)
    assert (change.difference, change.p_value) == (0.0, 1.0)
    assert change.interval.contains(0.0)


def test_an_empty_side_is_an_error() -> None:
    """No rows have no rate to compare."""
    with pytest.raises(EmptySampleError):
        compare_rates(1, 2, 0, 0)


def test_the_lady_tasting_tea() -> None:
    """With few rows it is Fisher's exact test: his own experiment, p = 34 / 70."""
    assert compare_rates(3, 4, 1, 4).p_value == pytest.approx(34 / 70)
