"""Errors of mean and variance against scipy and against simulation, and with outliers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.sampling_error import mean_error, variance_interval


def test_the_mean_errs_as_scipy_says() -> None:
    """The standard error of the mean is `scipy.stats.sem` of the raw rows."""
    rows = np.random.default_rng(1).lognormal(size=500)
    sample = Buckets.from_values(rows, quantile_edges(rows))
    assert mean_error(sample) == pytest.approx(stats.sem(rows), rel=1e-12)


@pytest.mark.parametrize("name", ["norm", "uniform", "expon", "laplace"])
def test_the_variance_is_held_as_often_as_said(name: str) -> None:
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
