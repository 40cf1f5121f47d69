"""Chi-squared agrees with scipy where categories are well filled, and pools where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import contingency

from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.empty_sample import EmptySampleError

filled = st.lists(
    st.tuples(st.integers(20, 10**6), st.integers(20, 10**6)), min_size=2, max_size=30
)
any_counts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30)


def samples(columns: list[tuple[int, int]]) -> tuple[dict[str, int], dict[str, int]]:
    """A current and a reference mapping."""
    return (
        {str(k): column[0] for k, column in enumerate(columns)},
        {str(k): column[1] for k, column in enumerate(columns)},
    )


@given(columns=filled)
def test_scipy_agrees(columns: list[tuple[int, int]]) -> None:
    """With nothing to pool, statistic, degrees, p-value and V are scipy's."""
    test = chi_squared(*samples(columns), minimum_expected=0.0)
    table = np.array(columns).T
    theirs = stats.chi2_contingency(table, correction=False)
    assert test.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert test.degrees_of_freedom == theirs.dof
    assert test.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    assert test.cramers_v == pytest.approx(contingency.association(table), rel=1e-6, abs=1e-8)


@given(columns=any_counts)
def test_no_sparse_category_stands_alone(columns: list[tuple[int, int]]) -> None:
    """Pooling leaves scipy's test of a table whose expected counts are all at least 5."""
    current, reference = samples(columns)
    n, m = sum(current.values()), sum(reference.values())
    if n == 0 or m == 0:
        with pytest.raises(EmptySampleError):
            chi_squared(current, reference)
        return
    test = chi_squared(current, reference)
    order = sorted((c for c in columns if sum(c)), key=sum)
    pooled = len(order) - test.degrees_of_freedom
    merged = [tuple(np.sum(order[:pooled], axis=0)), *order[pooled:]]
    if len(merged) > 1:
        theirs = stats.chi2_contingency(np.array(merged).T, correction=False)
        assert theirs.expected_freq.min() >= 5 - 1e-9
        assert test.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
        assert test.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    else:
        assert (test.p_value, test.cramers_v) == (1.0, 0.0)


@given(columns=any_counts)
def test_the_effect_size_stays_within_its_range(columns: list[tuple[int, int]]) -> None:
    """V lies in [0, 1]."""
    current, reference = samples(columns)
    if any(current.values()) and any(reference.values()):
        assert 0 <= chi_squared(current, reference, minimum_expected=0.0).cramers_v <= 1 + 1e-9


def test_a_new_category_is_seen() -> None:
    """A category the reference never had is significant and has an effect."""
    test = chi_squared({"DE": 60, "XX": 40}, {"DE": 100})
    assert test.p_value < 1e-6
    assert test.cramers_v == pytest.approx(0.5)
