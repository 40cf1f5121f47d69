"""Wilson's interval is scipy's and the literature's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.wilson import wilson_interval


@given(data=st.data(), rows=st.integers(1, 10**6), confidence=st.sampled_from([0.8, 0.95, 0.999]))
def test_scipy_agrees(data: st.DataObject, rows: int, confidence: float) -> None:
    """Both ends are scipy.stats.binomtest's, from no success to nothing else."""
    successes = data.draw(st.integers(0, rows) | st.sampled_from([0, rows]))
    theirs = stats.binomtest(successes, rows).proportion_ci(confidence, method="wilson")
    interval = wilson_interval(successes, rows, confidence)
    assert interval.low == pytest.approx(theirs.low, abs=1e-12)
    assert interval.high == pytest.approx(theirs.high, abs=1e-12)
    assert interval.contains(successes / rows)


@pytest.mark.parametrize(
    ("successes", "rows", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_published_examples(successes: int, rows: int, low: float, high: float) -> None:
    """Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, row 3."""
    interval = wilson_interval(successes, rows)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_impossible_counts_are_refused() -> None:
    """No rows have no rate; more successes than rows are a mistake."""
    with pytest.raises(EmptySampleError):
        wilson_interval(0, 0)
    with pytest.raises(ValueError, match="3 successes in 2 rows"):
        wilson_interval(3, 2)
