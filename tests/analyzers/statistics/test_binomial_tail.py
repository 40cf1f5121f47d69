"""The binomial tail against scipy and exact fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.binomial_tail import binomial_tail


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.0001, 0.9999))
def test_it_is_scipys_survival_function(events: int, more: int, rate: float) -> None:
    """P(X >= x) of scipy, to ten digits where it is larger than 1e-200."""
    expected = float(stats.binom.sf(events - 1, events + more, rate))
    assert binomial_tail(events, events + more, rate) == pytest.approx(
        expected, rel=1e-9, abs=1e-200
    )


def test_a_tiny_tail_keeps_its_digits() -> None:
    """Six of 28 at a rate of 1 in 400, summed in fractions."""
    rate = Fraction(1, 400)
    exact = sum(math.comb(28, k) * rate**k * (1 - rate) ** (28 - k) for k in range(6, 29))
    assert binomial_tail(6, 28, 1 / 400) == pytest.approx(float(exact), rel=1e-12)


def test_more_events_than_rows_are_refused() -> None:
    """They are an error of the caller."""
    with pytest.raises(ValueError, match="3 events in 2 rows"):
        binomial_tail(3, 2, 0.5)
