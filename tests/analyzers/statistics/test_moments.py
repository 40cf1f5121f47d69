"""Mean and variance of sums: rounding is within the interval, even where no digit is left."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.moments import (
    Moments,
    mean_error,
    unseen_variance,
    variance_interval,
)


def exact_variance(rows: list[float]) -> Fraction:
    """The unbiased variance in exact arithmetic."""
    values = [Fraction(row) for row in rows]
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


@given(
    base=st.sampled_from([0.0, 1.0, 1e6, 1e9, -1e15]),
    noise=st.lists(st.floats(-10, 10), min_size=2, max_size=30),
)
def test_the_interval_holds_the_exact_variance(base: float, noise: list[float]) -> None:
    """Far from zero the formula loses its digits; the interval then is wide, and right."""
    rows = [base + value for value in noise]
    sample = Moments.of(Buckets.from_values(rows, (0.0,)))
    assert sample.variance().contains(float(exact_variance(rows)))
    assert sample.deviation().contains(math.sqrt(exact_variance(rows)))
    assert sample.mean == pytest.approx(np.mean(rows), rel=1e-12, abs=1e-9)


@given(data=st.data())
def test_moments_add_up(rows: Any, data: st.DataObject) -> None:
    """The sum of two windows' moments is the moments of all rows."""
    first = np.clip(data.draw(rows), -1e6, 1e6)
    second = np.clip(data.draw(rows), -1e6, 1e6)
    both = np.append(first, second)
    parts = [Moments.of(Buckets.from_values(part, (0.0,))) for part in (first, second)]
    total = parts[0] + parts[1]
    assert total.rows == both.size
    assert total.mean == pytest.approx(both.mean(), rel=1e-9, abs=1e-6)
    assert total.variance().contains(both.var(ddof=1), rounding=1e-9 * both.var())


@pytest.mark.parametrize("scale", [5e-324, 2e-162, 1e-158])
def test_squares_below_the_normal_doubles_are_allowed_for(scale: float) -> None:
    """Squares lose their digits there; the interval holds the exact variance all the same."""
    random = np.random.default_rng(7)
    for size in range(3, 40):
        rows = (random.normal(size=size) * scale).tolist()
        exact = float(exact_variance(rows))
        assert Moments.of(Buckets.from_values(rows, (0.0,))).variance().contains(exact)


def test_near_zero_the_interval_is_narrow() -> None:
    """For standardised rows the variance is known to fourteen digits."""
    rows = np.random.default_rng(0).normal(size=1_000)
    assert Moments.of(Buckets.from_values(rows, (0.0,))).variance().width < 1e-14


@pytest.mark.parametrize("total", [None, 5.0])
def test_unknown_sums_are_an_error(total: float | None) -> None:
    """A sample whose sums were not taken has no moments to guess."""
    with pytest.raises(EmptySampleError, match="sums are not known"):
        Moments.of(Buckets((0.0,), (1, 2), total=total))


def test_one_row_has_no_variance() -> None:
    """Variance takes two rows, a mean one."""
    sample = Moments(1, 3.0, 9.0)
    assert sample.mean == 3.0
    with pytest.raises(EmptySampleError, match="variance"):
        sample.variance()
    with pytest.raises(EmptySampleError, match="moments"):
        Moments(0, 0.0, 0.0)


def test_the_mean_errs_as_by_scipy() -> None:
    """The standard error of the mean is `scipy.stats.sem` of the raw rows."""
    rows = np.random.default_rng(1).lognormal(size=500)
    sample = Buckets.from_values(rows, quantile_edges(rows))
    assert mean_error(sample) == pytest.approx(stats.sem(rows), rel=1e-12)


@pytest.mark.parametrize("name", ["norm", "uniform", "expon", "laplace"])
def test_the_variance_is_held_as_often_as_claimed(name: str) -> None:
    """Of 300 samples, at least 95 % have the process's variance in their interval of 95 %."""
    process, rng = getattr(stats, name), np.random.default_rng(2)
    edges = quantile_edges(process.rvs(size=5_000, random_state=rng))
    held = [
        variance_interval(
            Buckets.from_values(process.rvs(size=400, random_state=rng), edges), 0.95
        ).contains(process.var())
        for _ in range(300)
    ]
    assert np.mean(held) >= 0.94


def test_the_fourth_moment_is_bounded_from_above() -> None:
    """The interval is at least as wide as with the rows' own fourth moment, and not ten times."""
    rows = np.random.default_rng(3).normal(size=2_000)
    sample = Buckets.from_values(rows, quantile_edges(rows))
    moments = ((rows - rows.mean()) ** 4).mean() - rows.var(ddof=1) ** 2
    exact = 2 * stats.norm.ppf(0.9995) * np.sqrt(moments / rows.size)
    assert exact <= variance_interval(sample, 0.999).width < 3 * exact


def test_one_outlier_makes_nothing_certain() -> None:
    """With one value of 1e9 the mean lies one standard error away; the variance may be zero."""
    rows = np.append(np.random.default_rng(4).normal(size=5_000), 1e9)
    sample = Buckets.from_values(rows, quantile_edges(rows[:-1]))
    assert rows.mean() / mean_error(sample) == pytest.approx(1, abs=0.01)
    assert variance_interval(sample, 0.999).low == 0


def test_a_constant_has_no_variance() -> None:
    """Of 50 equal rows both ends are zero, without minimum and maximum as well."""
    for ends in ({"minimum": 3.0, "maximum": 3.0}, {}):
        sample = Buckets((0.0,), (0, 50), total=150.0, sum_of_squares=450.0, **ends)
        interval = variance_interval(sample, 0.999)
        assert interval.low == 0
        assert interval.high == pytest.approx(0, abs=1e-12) or not ends


def test_one_row_has_no_error() -> None:
    """A single row says nothing of its spread, and is refused."""
    with pytest.raises(EmptySampleError):
        mean_error(Buckets.from_values([1.0], (0.0,)))


@pytest.mark.parametrize("set_in", [0.002, 0.02, 0.1])
@pytest.mark.parametrize("rows", [30, 144, 1_000])
def test_a_rare_value_that_a_sample_lacks_is_allowed_for(set_in: float, rows: int) -> None:
    """A flag, or a rare amount beside noise: the bound holds the variance in any sample."""
    rng = np.random.default_rng(5)
    edges = (0.0, np.nextafter(0.0, 1.0), 1.0, 50.0, np.nextafter(50.0, 51.0))

    def draw(size: int, noise: float) -> Buckets:
        amounts = np.where(rng.random(size) < set_in, 50.0, noise * rng.random(size))
        return Buckets.from_values(amounts, edges)

    for noise in (0.0, 0.5):
        training = draw(50_000, noise)
        process = Moments.of(training).variance().middle
        for _ in range(200):
            sample = draw(rows, noise)
            seen = variance_interval(sample, 0.999)
            assert seen.high + unseen_variance(sample, training, 0.999) >= process / 4


def test_a_rare_value_that_is_certainly_gone_is_not_allowed_for() -> None:
    """Of 2,400 rows none has what one in twenty had: at most 0.3 % can, a seventeenth of it."""
    edges = (0.0, np.nextafter(0.0, 1.0), 50.0)
    training = Buckets.from_values(np.repeat([0.0, 50.0], [19_000, 1_000]), edges)
    sample = Buckets.from_values(np.zeros(2_400), edges)
    upper = stats.binomtest(0, 2_400).proportion_ci(0.999, method="exact").high
    added = unseen_variance(sample, training, 0.999)
    assert added == pytest.approx(upper / 0.05 * 0.05 * 50.0**2, rel=0.01)
    assert unseen_variance(training, training, 0.999) == 0.0
