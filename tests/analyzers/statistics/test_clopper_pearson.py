"""Clopper and Pearson's interval is scipy's and the paper's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.clopper_pearson import clopper_pearson
from mlmon.analyzers.statistics.empty_sample import EmptySampleError


@given(data=st.data(), rows=st.integers(1, 10**5), tail=st.sampled_from([0.2, 0.05, 1e-3, 1e-6]))
def test_scipy_agrees(data: st.DataObject, rows: int, tail: float) -> None:
    """Both ends are scipy.stats.binomtest's exact ones, far into the tails too."""
    successes = data.draw(st.integers(0, rows) | st.sampled_from([0, rows]))
    theirs = stats.binomtest(successes, rows).proportion_ci(1 - tail, method="exact")
    low, high = clopper_pearson([successes], rows, 1 - tail)
    assert low[0] == pytest.approx(theirs.low, abs=1e-9)
    assert high[0] == pytest.approx(theirs.high, abs=1e-9)


def test_the_published_example() -> None:
    """Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, row 5."""
    low, high = clopper_pearson([81, 15], 263)
    assert (round(low[0], 4), round(high[0], 4)) == (0.2527, 0.3676)


def test_impossible_counts_are_refused() -> None:
    """More successes than rows, fewer than none, and no rows at all."""
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson([3], 2)
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson([-1], 2)
    with pytest.raises(EmptySampleError):
        clopper_pearson([0], 0)
