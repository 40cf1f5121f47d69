"""The interval of the Kolmogorov-Smirnov distance holds what the raw rows give."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from scipy import special, stats

from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.doubles import next_above
from mlmon.analyzers.statistics.edges import quantile_edges, split_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.interval import Decision

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exact_distance(current: NDArray[np.float64], reference: NDArray[np.float64]) -> Fraction:
    """The distance of raw rows in exact arithmetic."""
    points = np.unique([*current, *reference])
    f = np.searchsorted(np.sort(current), points, side="right")
    g = np.searchsorted(np.sort(reference), points, side="right")
    n, m = len(current), len(reference)
    return max(abs(Fraction(int(a), n) - Fraction(int(b), m)) for a, b in zip(f, g, strict=True))


# scipy warns of its p-value for tiny samples; only its statistic is compared here.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(data=st.data())
def test_the_interval_holds_the_exact_distance(pairs: Any, data: st.DataObject) -> None:
    """Heavy tails, ties, point masses, constants, 1e9: the raw rows' distance is inside."""
    current, reference, f, g = data.draw(pairs)
    interval = ks.ks_distance(f, g)
    assert interval.contains(float(exact_distance(current, reference)))
    scipys = stats.ks_2samp(current, reference, method="asymp").statistic
    assert interval.contains(float(scipys), rounding=1e-12)


@given(data=st.data())
def test_the_distance_is_symmetric_and_zero_only_of_equals(pairs: Any, data: st.DataObject) -> None:
    """Exchanging the samples changes nothing; a sample against itself has lower end zero."""
    _, _, f, g = data.draw(pairs)
    assert ks.ks_distance(f, g) == ks.ks_distance(g, f)
    assert ks.ks_distance(f, f).low == 0.0


@given(data=st.data())
def test_buckets_leave_open_no_more_than_the_fullest_one_of_the_reference(
    pairs: Any, data: st.DataObject
) -> None:
    """So a reference in a hundred buckets leaves open a hundredth, however small the sample is."""
    _, _, f, g = data.draw(pairs)
    interval = ks.ks_distance(f, g)
    assert interval.high - interval.low <= max(g.counts) / g.n + 1e-12


@given(data=st.data())
def test_counts_beyond_64_bits_give_the_same_interval(pairs: Any, data: st.DataObject) -> None:
    """Python's integers and 64 bits: multiplying all counts changes no distance."""
    _, _, f, g = data.draw(pairs)
    times = 2**40
    many = [replace(of, counts=tuple(count * times for count in of.counts)) for of in (f, g)]
    assert f.n * g.n < ks.EXACT_INTEGERS <= many[0].n * many[1].n
    small, large = ks.ks_distance(f, g), ks.ks_distance(*many)
    assert (small.low, small.high) == (large.low, large.high)


@given(data=st.data(), limit=st.floats(0.01, 1.0))
def test_undecided_buckets_are_named_while_it_matters(
    pairs: Any, data: st.DataObject, limit: float
) -> None:
    """Buckets are named exactly while the interval straddles the limit; all, while it has width."""
    _, _, f, g = data.draw(pairs)
    interval = ks.ks_distance(f, g)
    straddles = interval.decided(limit) is Decision.UNDECIDED
    assert bool(ks.undecided_buckets(f, g, limit)) == straddles
    assert bool(ks.undecided_buckets(f, g)) == (interval.width > 0)


@given(data=st.data())
def test_refining_the_undecided_reaches_the_exact_distance(pairs: Any, data: st.DataObject) -> None:
    """Splitting just the undecided buckets, round by round, ends at the raw rows' distance."""
    current, reference, f, g = data.draw(pairs)
    for _ in range(25):
        undecided = ks.undecided_buckets(f, g)
        if not undecided:
            break
        finer = [*f.edges]
        for k in undecided:
            low = min(f.lowest()[k], g.lowest()[k])
            high = next_above(max(f.highest()[k], g.highest()[k]))
            finer += split_edges(low, float(high))
        edges = tuple(np.unique(finer).tolist())
        f, g = Buckets.from_values(current, edges), Buckets.from_values(reference, edges)
    assert ks.ks_distance(f, g).width == 0
    assert ks.ks_distance(f, g).low == float(exact_distance(current, reference))


def test_a_constant_column_is_exact() -> None:
    """Two constant columns have distance 0 or 1, with certainty, not NaN."""
    edges = quantile_edges([5.0] * 10)
    same = Buckets.from_values([5.0] * 7, edges)
    other = Buckets.from_values([6.0] * 7, edges)
    reference = Buckets.from_values([5.0] * 10, edges)
    assert (ks.ks_distance(same, reference).low, ks.ks_distance(same, reference).high) == (0, 0)
    assert (ks.ks_distance(other, reference).low, ks.ks_distance(other, reference).high) == (1, 1)


def test_one_outlier_hides_nothing() -> None:
    """A value of 1e9 in the reference leaves the interval as narrow as before (NannyML lost it)."""
    random = np.random.default_rng(3)
    reference = np.append(random.normal(size=20_000), 1e9)
    current = random.normal(0.5, size=20_000)
    edges = quantile_edges(reference)
    interval = ks.ks_distance(
        Buckets.from_values(current, edges), Buckets.from_values(reference, edges)
    )
    assert interval.contains(stats.ks_2samp(current, reference).statistic, rounding=1e-12)
    assert interval.low > 0.18
    assert interval.width < 0.02


def test_an_empty_side_is_an_error() -> None:
    """No rows have no distance; the error says which sample is empty."""
    sample, empty = Buckets.from_values([1.0], (0.0,)), Buckets.empty((0.0,))
    with pytest.raises(EmptySampleError, match="current"):
        ks.ks_distance(empty, sample)
    with pytest.raises(EmptySampleError, match="reference"):
        ks.ks_distance(sample, empty)


def test_a_million_rows() -> None:
    """A million rows each: scipy's distance is inside, 16 verdicts take under 0.2 s of CPU."""
    random = np.random.default_rng(11)
    reference, current = random.lognormal(size=10**6), random.lognormal(0.01, size=10**6)
    edges = quantile_edges(reference)
    f, g = Buckets.from_values(current, edges), Buckets.from_values(reference, edges)
    distance = stats.ks_2samp(current, reference, method="asymp").statistic
    assert ks.ks_distance(f, g).contains(distance, rounding=1e-12)
    started = time.process_time()
    for _ in range(16):
        interval = ks.ks_distance(f, g)
        ks.undecided_buckets(f, g, 0.1)
        ks.p_value(interval.low, f.n, g.n)
    assert time.process_time() - started < 0.2


@given(data=st.data())
def test_small_p_values_are_exact(data: st.DataObject) -> None:
    """For small samples the p-value is scipy's exact one."""
    n, m = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 60))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shift = data.draw(st.sampled_from([0.0, 0.5, 2.0]))
    try:
        test = stats.ks_2samp(random.normal(size=n), random.normal(shift, size=m), method="exact")
    except RuntimeWarning:  # where its exact p-value rounds to over one, scipy gives up
        reject()
    assert ks.p_value(test.statistic, n, m) == pytest.approx(test.pvalue, rel=1e-6, abs=1e-10)


@pytest.mark.parametrize(("n", "m"), [(3, 200_000), (20, 50_000)])
@pytest.mark.parametrize("scaled", [0.8, 1.36, 1.95])
def test_a_small_sample_against_a_large_one_is_exact(n: int, m: int, scaled: float) -> None:
    """Scipy's exact p-value is taken, of which the limit law is far off."""
    root = np.sqrt(n * m / (n + m))
    distance = min(0.9, scaled / root)
    now = distance + (1 - distance) * (np.arange(n) + 0.5) / n
    test = stats.ks_2samp(now, np.arange(m) / m, method="exact")
    assert special.kolmogorov(test.statistic * root) > 1.05 * test.pvalue
    assert ks.p_value(test.statistic, n, m) == pytest.approx(test.pvalue, rel=1e-6, abs=1e-10)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (300, 2_000), (1_000, 700)])
@pytest.mark.parametrize("scaled", [0.8, 1.0, 1.36, 1.63])
def test_large_p_values_are_near_the_exact_ones(n: int, m: int, scaled: float) -> None:
    """For larger samples the limit law is within -0.3 % and +19 % of scipy's exact p-value."""
    random = np.random.default_rng(5)
    shift = scaled / np.sqrt(n * m / (n + m))
    test = stats.ks_2samp(random.normal(size=n), random.normal(shift, size=m), method="exact")
    assert 0.997 <= ks.p_value(test.statistic, n, m) / test.pvalue <= 1.19


@pytest.mark.parametrize(
    ("alpha", "coefficient"), [(0.10, 1.224), (0.05, 1.358), (0.01, 1.628), (0.001, 1.949)]
)
def test_critical_distances_are_the_published_ones(alpha: float, coefficient: float) -> None:
    """Smirnov's table (1948): the limit law's quantiles over the root of the effective rows."""
    critical = ks.critical_distance(20_000, 20_000, alpha)
    assert critical * 100 == pytest.approx(coefficient, abs=6e-4)


def test_the_minimum_rows_have_the_power_stated() -> None:
    """At the minimum number of rows, a shift of the stated distance is significant often enough."""
    rows = ks.minimum_rows(0.15, reference_rows=2_000, alpha=0.05, power=0.9)
    assert rows is not None
    random = np.random.default_rng(23)
    # A mean shift by d moves the normal law by 2 * Phi(d / 2) - 1 = 0.15.
    shift = 2 * stats.norm.ppf(0.575)
    found = 0
    for _ in range(200):
        reference = random.normal(size=2_000)
        distance = stats.ks_2samp(random.normal(shift, size=rows), reference).statistic
        found += ks.p_value(distance, rows, 2_000) < 0.05
    assert found / 200 >= 0.9


def test_a_small_reference_can_never_have_the_power() -> None:
    """With 100 reference rows no current sample shows a distance of 0.05 with power 0.9."""
    assert ks.minimum_rows(0.05, reference_rows=100) is None
