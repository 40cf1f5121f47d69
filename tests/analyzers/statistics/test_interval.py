"""An interval decides against a limit only what is certain."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.interval import Decision, Interval

numbers = st.floats(allow_nan=False)


@given(ends=st.tuples(numbers, numbers).map(sorted), limit=numbers, share=st.floats(0, 1))
def test_a_decision_holds_for_every_value_inside(
    ends: list[float], limit: float, share: float
) -> None:
    """Any hidden value lies where the decision places it."""
    interval = Interval(*ends)
    for value in (interval.low, interval.high, interval.clipped(share, share).middle):
        if not interval.contains(value):
            continue
        if interval.decided(limit) is Decision.BELOW:
            assert value < limit
        if interval.decided(limit) is Decision.AT_OR_ABOVE:
            assert value >= limit


def test_straddling_is_undecided() -> None:
    """An interval with the limit inside decides nothing; at its lower end it is at or above."""
    assert Interval(0.1, 0.3).decided(0.2) is Decision.UNDECIDED
    assert Interval(0.1, 0.3).decided(0.3) is Decision.UNDECIDED
    assert Interval(0.1, 0.3).decided(0.1) is Decision.AT_OR_ABOVE


@pytest.mark.parametrize("ends", [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_no_interval(ends: tuple[float, float]) -> None:
    """Ends the wrong way round, or not numbers, are refused."""
    with pytest.raises(ValueError, match="not an interval"):
        Interval(*ends)


@given(value=numbers)
def test_exactly_one_number(value: float) -> None:
    """The interval of one number has no width, also at infinity, and its middle is the number."""
    interval = Interval.exactly(value)
    assert interval.width == 0
    assert interval.middle == value
    assert interval.contains(value)


def test_width_and_rounding() -> None:
    """The width is the ends' distance; `contains` allows the rounding asked for and no more."""
    interval = Interval(1.0, 3.0)
    assert interval.width == 2.0
    assert interval.middle == 2.0
    assert interval.contains(3.001, rounding=0.01)
    assert not interval.contains(3.1, rounding=0.01)
    assert interval.clipped(0.0, 2.0) == Interval(1.0, 2.0)
