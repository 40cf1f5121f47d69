"""Fieller's interval is the set of ratios that a test does not refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.ratio import ratio


@pytest.mark.parametrize("values", [(80.0, 4.0, 100.0, 5.0), (3.0, 1.0, 9.0, 0.5)])
def test_its_ends_are_where_the_test_is_undecided(values: tuple[float, ...]) -> None:
    """At both ends (a - r b) / sqrt(s_a^2 + r^2 s_b^2) is the normal quantile."""
    a, s, b, t = values
    interval = ratio(a, s, b, t, confidence=0.9)
    for r in (interval.low, interval.high):
        score = abs(a - r * b) / math.hypot(s, r * t)
        assert score == pytest.approx(stats.norm.ppf(0.95))


def test_it_covers_as_often_as_claimed() -> None:
    """Of 2,000 pairs with a true ratio of 0.7, 95 % intervals hold 93.5 to 96.5 %."""
    random = np.random.default_rng(4)
    drawn = random.normal([70.0, 100.0], [7.0, 12.0], (2_000, 2))
    held = [ratio(a, 7.0, b, 12.0).contains(0.7) for a, b in drawn]
    assert 0.935 < np.mean(held) < 0.965


def test_a_reference_that_may_be_nothing() -> None:
    """Where the reference may be zero, nothing bounds the ratio; zero of something is zero."""
    assert ratio(5.0, 1.0, 1.0, 5.0).high == math.inf
    assert ratio(0.0, 0.0, 0.0, 0.0).high == math.inf
    assert ratio(0.0, 0.0, 10.0, 1.0).high == 0.0
