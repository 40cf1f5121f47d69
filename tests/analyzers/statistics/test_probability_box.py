"""Samples counted over different edges: the interval holds what the raw rows give."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.statistics import percentiles
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.probability_box import (
    ProbabilityBox,
    boxes,
    distance_of_boxes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rows = "NDArray[np.float64]"


def distance(current: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """The distance of raw rows, correctly rounded."""
    points = np.unique([*current, *reference])
    f, g = (np.searchsorted(np.sort(of), points, side="right") for of in (current, reference))
    n, m = len(current), len(reference)
    return max(abs(int(a) * m - int(b) * n) for a, b in zip(f, g, strict=True)) / (n * m)


@st.composite
def _parts(draw: st.DrawFn, columns: list[NDArray[np.float64]], edges: Any) -> list[Buckets]:
    """A column dealt to up to three parts, each over edges of its own, some without extremes."""
    rows = columns[0]
    count = draw(st.integers(1, 3))
    dealt = np.array(
        draw(st.lists(st.integers(0, count - 1), min_size=rows.size, max_size=rows.size))
    )
    parts = [Buckets.from_values(rows[dealt == part], draw(edges)) for part in range(count)]
    bare = [Buckets(part.edges, part.counts) for part in parts]
    return [draw(st.sampled_from(pair)) for pair in zip(parts, bare, strict=True)]


@st.composite
def _samples(
    draw: st.DrawFn, pairs: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Buckets], list[Buckets]]:
    """Two columns of rows that break careless statistics, and the parts each was counted in."""
    current, reference, f, _ = draw(pairs)
    other = draw(pairs)
    chosen = st.sampled_from(
        [f.edges, other[2].edges, quantile_edges(current, 3), quantile_edges(reference, 7)]
    )
    return current, reference, draw(_parts([current], chosen)), draw(_parts([reference], chosen))


# scipy warns of its p-value for tiny samples; only its statistic is compared here.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(data=st.data())
def test_the_interval_holds_the_distance_of_the_raw_rows(pairs: Any, data: st.DataObject) -> None:
    """Heavy tails, ties, constants, 1e9, in parts over unlike edges: scipy's distance is inside."""
    current, reference, now, before = data.draw(_samples(pairs))
    interval = ks.ks_distance_of_parts(now, before)
    assert interval.contains(distance(current, reference))
    scipys = stats.ks_2samp(current, reference, method="asymp").statistic
    assert interval.contains(float(scipys), rounding=1e-12)
    assert interval == ks.ks_distance_of_parts(before, now)


@given(data=st.data())
def test_over_one_set_of_edges_it_is_the_known_interval(pairs: Any, data: st.DataObject) -> None:
    """Parts over the same edges are their sum; the boxes say no less than the sums."""
    current, _, f, g = data.draw(pairs)
    cut = data.draw(st.integers(0, current.size))
    parts = [Buckets.from_values(rows, f.edges) for rows in (current[:cut], current[cut:])]
    known = ks.ks_distance(merge(parts), g)
    assert ks.ks_distance_of_parts(parts, [g]) == known
    general = distance_of_boxes(*boxes(parts, [g]))
    assert known.low <= general.low <= general.high <= known.high
    without = [Buckets(part.edges, part.counts) for part in (*parts, g)]
    assert distance_of_boxes(*boxes(without[:2], without[2:])) == ks.ks_distance_of_parts(
        without[:2], without[2:]
    )


@given(data=st.data(), share=st.floats(0.0, 1.0))
def test_percentiles_of_parts_hold_the_row(pairs: Any, data: st.DataObject, share: float) -> None:
    """The row that numpy finds among all lies inside; one part says what percentiles.py says."""
    current, _, parts, _ = data.draw(_samples(pairs))
    exact = np.quantile(current, share, method="inverted_cdf")
    assert ProbabilityBox.of(parts).percentile(share).contains(float(exact))
    (alone,) = [Buckets.from_values(current, parts[0].edges)]
    assert ProbabilityBox.of([alone]).percentile(share) == percentiles.percentile(alone, share)


def test_disjoint_edges_leave_everything_open_but_what_extremes_say() -> None:
    """Edges that lie apart from the rows say nothing; minimum and maximum decide all the same."""
    low, high = np.array([1.0, 2.0]), np.array([5.0, 6.0])
    far, near = (-9.0,), (0.0, 9.0)
    now, before = Buckets.from_values(low, far), Buckets.from_values(high, near)
    assert (
        ks.ks_distance_of_parts([now], [before]).low,
        ks.ks_distance_of_parts([now], [before]).high,
    ) == (1.0, 1.0)
    bare = [Buckets(box.edges, box.counts) for box in (now, before)]
    assert (
        ks.ks_distance_of_parts(bare[:1], bare[1:]).low,
        ks.ks_distance_of_parts(bare[:1], bare[1:]).high,
    ) == (0.0, 1.0)


def test_two_training_sets_leave_little_open() -> None:
    """A million rows over the quantiles of two training sets: three hundredths wide, at once."""
    random = np.random.default_rng(5)
    now, before = random.lognormal(0.2, 1.0, 10**6), random.lognormal(0.0, 1.0, 10**6)
    edges = [quantile_edges(random.lognormal(size=20_000)) for _ in range(3)]
    current = [Buckets.from_values(now, edges[0])]
    reference = [
        Buckets.from_values(rows, of)
        for rows, of in zip(np.split(before, [300_000]), edges[1:], strict=True)
    ]
    started = time.process_time()
    interval = ks.ks_distance_of_parts(current, reference)
    assert time.process_time() - started < 0.1
    exact = stats.ks_2samp(now, before, method="asymp").statistic
    assert interval.contains(exact, rounding=1e-12)
    assert interval.width < 0.04


def test_an_empty_side_is_an_error() -> None:
    """No rows have no distance; the error says which sample is empty."""
    sample, empty = Buckets.from_values([1.0], (0.0,)), Buckets.empty((1.0,))
    with pytest.raises(EmptySampleError, match="current"):
        ks.ks_distance_of_parts([empty], [sample])
    with pytest.raises(EmptySampleError, match="reference"):
        ks.ks_distance_of_parts([sample], [])
