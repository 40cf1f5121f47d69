"""Doubles have places in one order."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.doubles import at_place, next_above, next_below, place

doubles = st.floats(allow_nan=False)


@given(first=doubles, second=doubles)
def test_places_are_in_the_values_order(first: float, second: float) -> None:
    """A greater double has a greater place, equal doubles (0.0 and -0.0) the same."""
    assert (first < second) == (place(first) < place(second))
    assert at_place(place(first)) == first


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_neighbours_are_one_place_away(value: float) -> None:
    """Nothing lies between a double and the next above or below it."""
    assert place(float(next_above(value))) == place(value) + 1
    assert place(float(next_below(value))) == place(value) - 1


def test_the_ends_of_the_line() -> None:
    """Above the greatest double lies infinity."""
    assert next_above([1.7976931348623157e308])[0] == math.inf
