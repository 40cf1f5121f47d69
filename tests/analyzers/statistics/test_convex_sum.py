"""The bounds on a convex function's sum hold, and are of second order where sums are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.convex_sum import convex_sum

FUNCTIONS = st.sampled_from([np.square, np.exp, lambda x: -np.log(x + 0.01), lambda x: 1 - x])


@given(
    f=FUNCTIONS,
    rows=st.lists(st.floats(0, 1), min_size=1),
    buckets=st.integers(1, 8),
    known=st.sampled_from(["sums", "no sums", "one sum missing"]),
)
def test_the_sum_of_the_rows_is_inside(
    f: object, rows: list[float], buckets: int, known: str
) -> None:
    """Whatever the rows, the sum over them lies within the bounds, with and without their sums."""
    assert callable(f)
    edges = np.linspace(0, 1, buckets + 1)
    place = np.minimum(np.searchsorted(edges, rows, side="right") - 1, buckets - 1)
    counts = np.bincount(place, minlength=buckets)
    sums = np.bincount(place, weights=rows, minlength=buckets)
    if known == "one sum missing":
        sums[place[0]] = np.nan
    given_sums = None if known == "no sums" else sums
    interval = convex_sum(f, counts, edges[:-1], edges[1:], given_sums)
    assert interval.contains(float(np.sum(f(np.array(rows)))), rounding=1e-9)


def test_half_the_width_has_a_quarter_of_the_gap() -> None:
    """With sums the gap falls with the square of the bucket's width, without with the width."""
    rows = np.random.default_rng(1).random(10_000)
    gaps = []
    for buckets in (10, 20):
        edges = np.linspace(0, 1, buckets + 1)
        counts, _ = np.histogram(rows, edges)
        sums, _ = np.histogram(rows, edges, weights=rows)
        gaps.append(convex_sum(np.square, counts, edges[:-1], edges[1:], sums).width)
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.01)
