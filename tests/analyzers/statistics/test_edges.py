"""Edges from quantiles stay even under any distribution, and finer ones always arrive."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import even_edges, quantile_edges, split_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError


@given(data=st.data(), buckets=st.integers(1, 20))
def test_no_bucket_is_crowded(rows: Any, data: st.DataObject, buckets: int) -> None:
    """A bucket of the reference with two distinct values holds at most 2 n / buckets + 1 rows."""
    values = data.draw(rows)
    edges = quantile_edges(values, buckets)
    place = np.searchsorted(edges, values, side="right")
    for k in np.unique(place):
        inside = values[place == k]
        if np.unique(inside).size > 1:
            assert inside.size <= 2 * values.size / buckets + 1
    assert len(edges) <= 3 * buckets + 2


@given(data=st.data())
def test_the_outer_buckets_hold_what_is_out_of_range(rows: Any, data: st.DataObject) -> None:
    """Outside the edges lies no reference row, and every current row outside of its range."""
    reference, current = data.draw(rows), data.draw(rows)
    edges = quantile_edges(reference)
    sample = Buckets.from_values(reference, edges)
    assert sample.counts[0] == 0
    assert edges[0] == reference.min()
    if reference.max() < 1.7e308:
        assert sample.counts[-1] == 0
        out_of_range = (current < reference.min()) | (current > reference.max())
        counts = Buckets.from_values(current, edges).counts
        assert counts[0] + counts[-1] == out_of_range.sum()


def test_one_outlier_moves_no_inner_edge() -> None:
    """A value of 1e9 in ten thousand rows leaves the other edges where they were."""
    values = np.random.default_rng(7).normal(size=10_000)
    plain = quantile_edges(values)
    with_outlier = quantile_edges([*values, 1e9])
    assert with_outlier[-1] == math.nextafter(1e9, math.inf)
    assert np.abs(np.array(with_outlier[1:-1]) - plain[1:-1]).max() < 0.05


def test_a_dominant_value_stands_alone() -> None:
    """A default that fills half of the rows gets a bucket which holds it and nothing else."""
    values = [0.0] * 500 + list(range(1, 501))
    edges = quantile_edges(values, buckets=10)
    assert edges[:2] == (0.0, 5e-324)
    assert Buckets.from_values(values, edges).counts[1] == 500


def test_negative_zero_is_zero() -> None:
    """An edge is never -0.0, which Elasticsearch's index orders before 0.0."""
    assert all(math.copysign(1, edge) > 0 for edge in quantile_edges([-0.0, -0.0]))


def test_nothing_has_no_edges() -> None:
    """A column without a finite value is refused as empty."""
    with pytest.raises(EmptySampleError, match="reference"):
        quantile_edges([None, math.nan, math.inf])


@given(ends=st.tuples(*[st.floats(allow_nan=False)] * 2).map(sorted), hidden=st.floats(0, 1))
def test_halving_ends_at_single_doubles(ends: list[float], hidden: float) -> None:
    """Regardless of the bucket, 16 rounds of splitting into 16 isolate any value in it."""
    low, high = ends
    least, most = max(low, -sys.float_info.max), min(high, sys.float_info.max)
    value = min(max(least * (1 - hidden) + most * hidden, least), most)
    for _ in range(17):
        inner = split_edges(low, high, parts=16)
        assert list(inner) == sorted(set(inner))
        if not inner:
            break
        assert low < inner[0]
        assert inner[-1] < high
        k = int(np.searchsorted(inner, value, side="right"))
        low, high = [low, *inner, high][k : k + 2]
    assert high <= math.nextafter(low, math.inf)


def test_an_open_bucket_can_be_split() -> None:
    """Infinite ends are read as the greatest doubles."""
    inner = split_edges(-math.inf, math.inf)
    assert all(map(math.isfinite, inner))
    assert 0.0 in inner


def test_even_edges_weigh_the_reference_evenly() -> None:
    """Ten bins out of a hundred buckets hold a tenth of the rows each, to a bucket's weight."""
    values = np.random.default_rng(6).exponential(size=5_000)
    reference = Buckets.from_values(values, quantile_edges(values))
    counts = reference.coarsened(even_edges(reference, 10)).counts
    assert len(counts) == 10
    assert max(abs(count - 500) for count in counts) <= 51
