"""The weighted slope is scipy's, and its interval honest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from mlmon.analyzers.statistics.trend import trend


def line(x: float, slope: float, start: float) -> float:
    """A straight line."""
    return slope * x + start


def test_the_slope_and_its_error_are_scipys() -> None:
    """`curve_fit` with absolute errors gives the same slope and standard error."""
    random = np.random.default_rng(2)
    x, errors = np.arange(12.0), random.uniform(0.05, 0.2, 12)
    # Values nearer to the line than their errors, so that nothing is inflated.
    y = line(x, -0.3, 2.0) + 0.5 * errors * random.choice([-1, 1], 12)
    found, covariance = optimize.curve_fit(line, x, y, sigma=errors, absolute_sigma=True)
    slope = trend(x, y, errors)
    assert slope.value == pytest.approx(found[0])
    reach = 1.959964 * np.sqrt(covariance[0, 0])
    assert slope.interval.width / 2 == pytest.approx(reach, rel=1e-5)


def test_scatter_beyond_the_errors_widens_the_interval() -> None:
    """Where values scatter more than they should, the error is `curve_fit`'s relative one."""
    random = np.random.default_rng(3)
    x, errors = np.arange(10.0), np.full(10, 0.01)
    y = line(x, 0.1, 0.0) + random.normal(0, 0.5, 10)
    _, covariance = optimize.curve_fit(line, x, y, sigma=errors)
    assert trend(x, y, errors).interval.width / 2 == pytest.approx(
        1.959964 * np.sqrt(covariance[0, 0]), rel=1e-5
    )


def test_it_covers_as_often_as_claimed() -> None:
    """Of 1,000 series of 8 days, 95 % intervals hold the true slope at least 93.5 % often."""
    random = np.random.default_rng(4)
    x, errors = np.arange(8.0), np.linspace(0.01, 0.03, 8)
    held = [
        trend(x, line(x, -0.02, 0.8) + random.normal(0, errors), errors).interval.contains(-0.02)
        for _ in range(1_000)
    ]
    assert np.mean(held) >= 0.935


@pytest.mark.parametrize("times", [[0.0, 1.0], [2.0, 2.0, 2.0]])
def test_no_trend_of_too_few_times(times: list[float]) -> None:
    """Two values, or many of one time, are an error."""
    with pytest.raises(ValueError, match="a trend needs"):
        trend(times, [0.5] * len(times), [0.1] * len(times))
