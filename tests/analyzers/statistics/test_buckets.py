"""Buckets count as Elasticsearch's range aggregation does, and add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.buckets import Buckets, merge


@given(data=st.data())
def test_counts_follow_the_range_semantics(pairs: Any, data: st.DataObject) -> None:
    """A bucket holds exactly the rows at or above its lower edge and below its upper edge."""
    current, _, buckets, _ = data.draw(pairs)
    ends = [-math.inf, *buckets.edges, math.inf]
    for count, low, high in zip(buckets.counts, ends[:-1], ends[1:], strict=True):
        assert count == sum(low <= value < high for value in current)
    assert buckets.n == len(current)


@given(data=st.data())
def test_a_bucket_spans_its_rows(pairs: Any, data: st.DataObject) -> None:
    """Every row lies between the least and the greatest value its bucket can hold."""
    current, _, buckets, _ = data.draw(pairs)
    place = np.searchsorted(buckets.edges, current, side="right")
    assert (buckets.lowest()[place] <= current).all()
    assert (current <= buckets.highest()[place]).all()
    assert (buckets.cumulative()[:-1] == [np.sum(current < e) for e in buckets.edges]).all()


@given(data=st.data())
def test_a_sum_of_buckets_is_the_buckets_of_all_rows(pairs: Any, data: st.DataObject) -> None:
    """Adding profiles equals profiling the rows together: counts, ends, missing, sums."""
    current, reference, first, second = data.draw(pairs)
    both = Buckets.from_values([*current, *reference, None], first.edges)
    total = first + second + Buckets.from_values([None], first.edges)
    assert (total.counts, total.missing) == (both.counts, both.missing)
    assert (total.minimum, total.maximum) == (both.minimum, both.maximum)
    if both.total is not None and total.total is not None:
        assert total.total == pytest.approx(both.total, rel=1e-12, abs=1e-15 * _mass(both))


def _mass(buckets: Buckets) -> float:
    return max(abs(buckets.minimum or 0.0), abs(buckets.maximum or 0.0)) * buckets.n


def test_an_empty_sample_is_neutral() -> None:
    """Adding a window without rows changes nothing."""
    sample = Buckets.from_values([1.0, 2.5], (0.0, 2.0))
    assert sample + Buckets.empty(sample.edges) == sample


def test_the_greatest_double_overflows_to_unknown() -> None:
    """A sum past the greatest double is unknown, not infinite; the counts stand."""
    sample = Buckets.from_values([1.7e308, 1.7e308], (0.0,))
    assert sample.total is None
    assert sample.sum_of_squares is None
    assert (sample + sample).counts == (0, 4)


def test_unknown_ends_stay_unknown() -> None:
    """A minimum that one sample did not take is not known of the sum."""
    known = Buckets.from_values([1.0], (0.0,))
    assert (known + Buckets((0.0,), (0, 3))).minimum is None


@pytest.mark.parametrize(
    ("edges", "counts", "message"),
    [
        ((), (1,), "ascending"),
        ((1.0, 1.0), (0, 0, 0), "ascending"),
        ((math.nan,), (0, 0), "finite"),
        ((0.0, math.inf), (0, 0, 0), "finite"),
        ((0.0,), (1,), "need 2 counts"),
        ((0.0,), (1, -1), "negative"),
    ],
)
def test_malformed_buckets_are_refused(
    edges: tuple[float, ...], counts: tuple[int, ...], message: str
) -> None:
    """Edges and counts that mean nothing are refused by name of the fault."""
    with pytest.raises(ValueError, match=message):
        Buckets(edges, counts)


def test_different_edges_do_not_add() -> None:
    """Samples over different edges are refused, not added bucket by bucket."""
    with pytest.raises(ValueError, match="different edges"):
        merge([Buckets.empty((0.0,)), Buckets.empty((1.0,))])


@given(data=st.data())
def test_coarser_edges_keep_every_row(pairs: Any, data: st.DataObject) -> None:
    """Buckets over some of the edges are what counting over those gives."""
    current, _, buckets, _ = data.draw(pairs)
    edges = sorted(data.draw(st.sets(st.sampled_from(buckets.edges), min_size=1)))
    assert buckets.coarsened(edges) == Buckets.from_values(current, edges)


def test_a_bucket_is_never_cut() -> None:
    """Edges that are none of the sample's own are refused."""
    with pytest.raises(ValueError, match="some of the sample's own"):
        Buckets.empty((0.0, 1.0)).coarsened((0.5,))
