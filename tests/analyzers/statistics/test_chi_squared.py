"""Chi-squared agrees with scipy where categories are well filled, and pools where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import contingency

from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.total_variation import total_variation

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
    merged = [tuple(np.sum(order[: test.pooled + 1], axis=0)), *order[test.pooled + 1 :]]
    if len(merged) > 1:
        theirs = stats.chi2_contingency(np.array(merged).T, correction=False)
        assert theirs.expected_freq.min() >= 5 - 1e-9
        assert test.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
        assert test.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    else:
        assert (test.p_value, test.cramers_v) == (1.0, 0.0)


@given(columns=any_counts)
def test_effect_sizes_stay_within_their_range(columns: list[tuple[int, int]]) -> None:
    """V, the corrected and the balanced V lie in [0, 1]; balanced V lies by total variation."""
    current, reference = samples(columns)
    if not any(current.values()) or not any(reference.values()):
        return
    test = chi_squared(current, reference, minimum_expected=0.0)
    distance = total_variation(current, reference).low
    assert 0 <= test.cramers_v_corrected <= 1 + 1e-9
    assert 0 <= test.cramers_v <= 1 + 1e-9
    assert distance**2 - 1e-9 <= test.cramers_v_balanced**2 <= distance + 1e-9


@given(columns=filled, factor=st.integers(2, 1_000))
def test_the_balanced_effect_ignores_the_samples_sizes(
    columns: list[tuple[int, int]], factor: int
) -> None:
    """A reference made larger by a factor leaves the balanced V as it is."""
    current, reference = samples(columns)
    larger = {k: count * factor for k, count in reference.items()}
    first, second = chi_squared(current, reference, 0.0), chi_squared(current, larger, 0.0)
    assert second.cramers_v_balanced == pytest.approx(first.cramers_v_balanced, abs=1e-9)


def test_a_new_category_is_seen() -> None:
    """A category the reference never had is significant and has an effect."""
    test = chi_squared({"DE": 60, "XX": 40}, {"DE": 100})
    assert test.p_value < 1e-6
    assert test.cramers_v == pytest.approx(0.5)


def test_bergsmas_correction_removes_the_bias() -> None:
    """Over samples of one distribution the corrected V averages far below the plain one."""
    random = np.random.default_rng(4)
    draws = random.multinomial(200, [0.1] * 10, size=(200, 2)).transpose(0, 2, 1)
    tests = [chi_squared(*samples(draw.tolist())) for draw in draws]
    plain = np.mean([t.cramers_v for t in tests])
    corrected = np.mean([t.cramers_v_corrected for t in tests])
    assert plain == pytest.approx(math.sqrt(9 / 400), rel=0.1)
    assert corrected < plain / 2
