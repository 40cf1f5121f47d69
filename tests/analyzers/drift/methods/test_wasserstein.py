"""The Wasserstein interval holds scipy's distance of the raw rows."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.drift.methods.wasserstein import normed_wasserstein, wasserstein
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError


@given(data=st.data())
def test_the_interval_holds_scipys_distance(pairs: Any, data: st.DataObject) -> None:
    """Heavy tails, ties, point masses, constants, 1e9: scipy's value is inside, to its rounding."""
    current, reference, f, g = data.draw(pairs)
    scale = max(np.abs(current).max(), np.abs(reference).max())
    # Beyond, scipy's own differences overflow.
    assume(scale < 1e300)
    theirs = float(stats.wasserstein_distance(current, reference))
    assert wasserstein(f, g).contains(theirs, rounding=1e-12 * float(scale))


@pytest.mark.parametrize("scale", [5e-324, 1e-163, 1e-162, 1e-155, 8e307, sys.float_info.max])
def test_the_ends_of_the_doubles_are_inside(scale: float) -> None:
    """Where squares round to zero, or widths pass the greatest double, the distance is inside."""
    random = np.random.default_rng(7)
    for _ in range(50):
        current, reference = (
            random.integers(-4, 5, size) * (scale if scale < 1 else scale / 4)
            for size in random.integers(1, 20, 2)
        )
        edges = tuple(np.unique(random.choice(reference, 3)).tolist())
        samples = (Buckets.from_values(rows, edges) for rows in (current, reference))
        interval, exact = wasserstein(*samples), exact_distance(current, reference)
        assert Fraction(interval.low) <= exact
        assert math.isinf(interval.high) or exact <= Fraction(interval.high)


def exact_distance(current: Any, reference: Any) -> Fraction:
    """The integral of the difference in exact arithmetic."""
    points = np.unique([*current, *reference])
    f, g = (np.searchsorted(np.sort(of), points, side="right") for of in (current, reference))
    gaps = [
        abs(Fraction(int(a), len(current)) - Fraction(int(b), len(reference)))
        for a, b in zip(f, g, strict=True)
    ]
    widths = [Fraction(high) - Fraction(low) for low, high in pairwise(points.tolist())]
    return sum((w * gap for w, gap in zip(widths, gaps, strict=False)), Fraction(0))


def test_unknown_extremes_leave_the_high_end_open() -> None:
    """Rows beyond the last edge may lie anywhere if no maximum was taken."""
    edges = (0.0, 1.0)
    interval = wasserstein(Buckets(edges, (0, 2, 2)), Buckets(edges, (0, 4, 0)))
    assert interval.high == math.inf
    closed = wasserstein(Buckets(edges, (0, 2, 0)), Buckets(edges, (0, 4, 0)))
    assert closed.high == pytest.approx(1.0)


def test_a_shift_is_known_by_the_means() -> None:
    """A pure shift of 2 has distance 2, and the low end shows it with any buckets."""
    rows = np.random.default_rng(3).normal(size=5_000)
    edges = quantile_edges(rows, buckets=5)
    interval = wasserstein(Buckets.from_values(rows + 2, edges), Buckets.from_values(rows, edges))
    assert interval.low == pytest.approx(2.0, rel=1e-9)


def test_the_normed_distance_has_no_unit() -> None:
    """In standard deviations of the reference the unit of the feature drops out."""
    random = np.random.default_rng(4)
    reference, current = random.normal(size=2_000), random.normal(0.5, size=2_000)
    found = []
    for factor in (1.0, 1_000.0):
        edges = quantile_edges(reference * factor)
        f = Buckets.from_values(current * factor, edges)
        g = Buckets.from_values(reference * factor, edges)
        interval = normed_wasserstein(f, g)
        theirs = stats.wasserstein_distance(current, reference) / reference.std(ddof=1)
        assert interval.contains(theirs, rounding=1e-12)
        found.append(interval)
    assert found[0].low == pytest.approx(found[1].low, rel=1e-6)


def test_equal_constants_are_no_distance() -> None:
    """Where nothing can be hidden the interval is one number."""
    sample = Buckets.from_values([3.0] * 9, quantile_edges([3.0]))
    interval = wasserstein(sample, sample)
    assert (interval.low, interval.high) == (0.0, 0.0)


def test_a_constant_reference_has_no_unit_to_norm_by() -> None:
    """A reference without variation raises instead of dividing by zero."""
    sample = Buckets.from_values([5.0, 5.0], (5.0,))
    with pytest.raises(EmptySampleError, match="varying"):
        normed_wasserstein(sample, sample)
