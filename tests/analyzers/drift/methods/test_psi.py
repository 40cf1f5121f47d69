"""The stability index is the sum it says, and its p-value is true under no change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.drift.methods.psi import of_numbers, psi
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError

bins = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12)


@given(columns=bins)
def test_the_sum_is_symmetric_and_finite(columns: list[tuple[int, int]]) -> None:
    """Empty bins neither divide by zero nor break the symmetry; equal shares give zero."""
    current, reference = zip(*columns, strict=True)
    if not sum(current) or not sum(reference):
        with pytest.raises(EmptySampleError):
            psi(current, reference)
        return
    index = psi(current, reference)
    assert math.isfinite(index.value)
    assert index.value >= 0
    assert index.value == pytest.approx(psi(reference, current).value, abs=1e-12)
    assert psi(current, current).value == 0
    assert 0 <= index.p_value <= 1


def test_the_definition_holds_for_filled_bins() -> None:
    """With many rows the value is the textbook sum, twice the mean relative entropy of scipy."""
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    textbook = stats.entropy(p, q) + stats.entropy(q, p)
    counts = [(shares * 10**7).astype(int).tolist() for shares in (p, q)]
    assert psi(*counts).value == pytest.approx(textbook, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(200, 2_000), (1_000, 1_000)])
def test_the_p_value_is_uniform_under_no_change(n: int, m: int) -> None:
    """Over 2,000 pairs of samples of one distribution, 5 % have a p-value below 0.05."""
    random = np.random.default_rng(12)
    draws = zip(
        random.multinomial(n, [0.1] * 10, 2_000).tolist(),
        random.multinomial(m, [0.1] * 10, 2_000).tolist(),
        strict=True,
    )
    below = np.mean([psi(current, reference).p_value < 0.05 for current, reference in draws])
    assert 0.035 <= below <= 0.065


def test_ten_bins_of_the_profile() -> None:
    """Over buckets the index is that of ten bins of the reference, counted from the raw rows."""
    random = np.random.default_rng(13)
    reference, current = random.normal(size=20_000), random.normal(0.3, size=20_000)
    edges = quantile_edges(reference)
    index = of_numbers(
        [Buckets.from_values(current, edges)], [Buckets.from_values(reference, edges)]
    )
    deciles = [-np.inf, *np.quantile(reference, np.arange(1, 10) / 10), np.inf]
    p, q = (np.histogram(rows, deciles)[0] / 20_000 for rows in (current, reference))
    assert index.value == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=0.02)


def test_one_bin_shows_nothing() -> None:
    """A constant column has no bins to move between: value 0, p-value 1."""
    index = psi([5], [7])
    assert (index.value, index.p_value) == (0.0, 1.0)
