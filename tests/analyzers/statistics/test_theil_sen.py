"""The slope is scipy's, and a few arbitrary values do not bend it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.theil_sen import slope


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_scipy_agrees(values: list[float]) -> None:
    """It is scipy.stats.theilslopes' slope over the values' places."""
    assert slope(values) == pytest.approx(stats.theilslopes(values).slope, rel=1e-9, abs=1e-9)


def test_an_outlier_does_not_bend_it() -> None:
    """One value of ten may be anything: the others' slope stays nearly the same."""
    line = [0.8 - 0.01 * place for place in range(10)]
    assert slope([*line[:4], 1e9, *line[5:]]) == pytest.approx(-0.01, rel=0.01)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_value_has_no_slope(values: list[float]) -> None:
    """Fewer than two values are an error, not a slope of nought."""
    with pytest.raises(EmptySampleError):
        slope(values)
