"""A percentile's interval holds the raw rows' one; logarithmic edges bound its relative error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.percentiles import (
    percentile,
    percentile_confidence,
    relative_middle,
)


def logarithmic(low: float, high: float, error: float) -> list[float]:
    """Edges whose neighbours' ratio allows for this relative error, and no greater one."""
    ratio = (1 + error) / (1 - error)
    buckets = math.ceil(math.log(high / low) / math.log(ratio))
    return np.geomspace(low, high, buckets + 1).tolist()


SHARES = st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]) | st.floats(0, 1)


@given(data=st.data(), share=SHARES)
def test_the_interval_holds_numpys_percentile(
    pairs: Any, data: st.DataObject, share: float
) -> None:
    """Any sample, any edges: the row of that rank lies inside."""
    current, _, buckets, _ = data.draw(pairs)
    theirs = np.quantile(current, share, method="inverted_cdf")
    assert percentile(buckets, share).contains(float(theirs))


@given(
    values=st.lists(st.floats(0.1, 99_999.0), min_size=1),
    share=SHARES,
    error=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_logarithmic_edges_keep_the_relative_error(
    values: list[float], share: float, error: float
) -> None:
    """Inside of the edges every percentile is known to the relative error asked for."""
    edges = logarithmic(0.1, 100_000.0, error)
    interval = percentile(Buckets.from_values(values, edges), share)
    theirs = float(np.quantile(values, share, method="inverted_cdf"))
    assert interval.contains(theirs)
    assert abs(relative_middle(interval) / theirs - 1) <= error * (1 + 1e-9)


def test_an_open_bucket_is_bounded_by_the_maximum() -> None:
    """Beyond the last edge the interval ends at the greatest row, or is open if that is unknown."""
    rows = Buckets.from_values([1.0, 2.0, 500.0], (0.0, 10.0))
    assert percentile(rows, 0.99).high == 500.0
    assert percentile(Buckets(rows.edges, rows.counts), 0.99).high == math.inf
    assert relative_middle(percentile(Buckets(rows.edges, rows.counts), 0.99)) == math.inf


def test_the_confidence_interval_covers_the_true_percentile() -> None:
    """In 400 samples of 200 rows the 95 % interval holds the law's own p95 at least 95 % often."""
    random = np.random.default_rng(8)
    edges = logarithmic(0.001, 10_000.0, 0.01)
    true = math.exp(1.6448536269514722)
    covered = [
        percentile_confidence(
            Buckets.from_values(random.lognormal(size=200), edges), 0.95
        ).contains(true)
        for _ in range(400)
    ]
    assert np.mean(covered) >= 0.95


@given(
    rows=st.integers(1, 300),
    share=st.sampled_from([0.25, 0.5, 0.95, 0.99]) | st.floats(0.001, 0.999),
    confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_the_ends_are_the_binomials_order_statistics(
    rows: int, share: float, confidence: float
) -> None:
    """With a bucket for each row, both ends are the least ranks that reach the binomial's tails."""
    buckets = Buckets.from_values(range(rows), range(rows + 1))
    interval = percentile_confidence(buckets, share, confidence)
    at_most = stats.binom.cdf(range(rows + 1), rows, share)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    # Between two neighbouring doubles the rank is a matter of rounding.
    if np.isclose(at_most[:, None], tails, rtol=1e-12, atol=0).any():
        reject()
    first, last = np.searchsorted(at_most, tails)
    assert interval.low == (first - 1 if first > 0 else -math.inf)
    # The bucket of the next row ends just below the one after it; the last row is the maximum.
    end = min(last + 1, rows - 1) if last < rows else math.inf
    assert interval.high == pytest.approx(end)


def test_too_few_rows_leave_an_end_open() -> None:
    """Ten rows say nothing about how great the p99 is."""
    interval = percentile_confidence(Buckets.from_values(range(10), (0.0, 100.0)), 0.99)
    assert interval.high == math.inf


def test_no_rows_are_an_error() -> None:
    """An empty sample has no percentile."""
    with pytest.raises(EmptySampleError):
        percentile(Buckets.empty((0.0,)), 0.5)
