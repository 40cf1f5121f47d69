"""Distances from the baseline, and what is reported of them."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.baselines.baseline import CategoryBaseline
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift, rows_needed
from mlmon.analyzers.drift.methods.total_variation import categorical_drift
from mlmon.analyzers.drift.moved import categories_moved, numbers_moved, onset
from mlmon.analyzers.profiles.kinds.prediction import Categories
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_interval_holds_the_exact_distance(shift: float) -> None:
    """The distance scipy computes on the raw rows lies within low and high."""
    rng = np.random.default_rng(5)
    before, now = rng.normal(size=8_000), rng.normal(shift, size=3_000)
    edges = quantile_edges(before)
    drift = numeric_drift(Buckets.from_values(now, edges), Buckets.from_values(before, edges))
    exact = stats.ks_2samp(now, before).statistic
    assert drift.low <= exact <= drift.high
    assert drift.value == pytest.approx(exact, abs=0.01)
    assert (drift.low > 0.1) == (shift >= 0.3 and exact > 0.15)


def test_equal_samples_are_not_called_different() -> None:
    """In 300 pairs of samples of one distribution, the lower end stays at zero."""
    rng = np.random.default_rng(6)
    before = rng.normal(size=5_000)
    edges = quantile_edges(before)
    reference = Buckets.from_values(before, edges)
    lows = [
        numeric_drift(Buckets.from_values(rng.normal(size=400), edges), reference).low
        for _ in range(300)
    ]
    assert max(lows) < 0.03
    assert sum(low > 0 for low in lows) <= 3


def test_categories_are_compared_with_those_unseen() -> None:
    """A category training never saw counts in full, the others by their change."""
    known = CategoryBaseline(Counter({"a": 5_000, "b": 5_000}))
    sample = Categories(Counter({"a": 400, "b": 400}), Counter({"new": 150}), other=50)
    sides = sample.counted(known.counts), known.counted
    drift = categorical_drift(*sides)
    assert drift.value == pytest.approx(0.2)
    assert drift.low < 0.2 < drift.high
    assert drift.p_value < 1e-6
    assert "15 % of the values are 'new', in training 0 %" in categories_moved(*sides)


def test_what_training_pooled_is_no_evidence() -> None:
    """Rare categories that training may hold in its rest, as often as now: chance explains them."""
    known = CategoryBaseline(Counter({"a": 900}), rest=100)
    sample = Categories(Counter({"a": 900}), Counter({"rare": 60, "seldom": 30}), other=10)
    drift = categorical_drift(sample.counted(known.counts), known.counted)
    assert (drift.low, drift.p_value) == (0.0, 1.0)


def test_categories_that_hours_name_separately_hide_no_drift() -> None:
    """A category pooled in one hour and named in the next does not count as a rarer one."""
    hours = [
        Categories(Counter(a=50), Counter(rare=30), other=20),
        Categories(Counter(a=50), Counter(seldom=30), other=20),
    ]
    first, second = (hour.counted(["a"]) for hour in hours)
    # Of both hours 20 rows may be of what the other one named: a quarter of the rows or none.
    assert categorical_drift(first, second).value == pytest.approx((0.1 + 0.5) / 2)
    both = merge(hours).counted(["a"])
    swapped = merge(reversed(hours)).counted(["a"])
    assert categorical_drift(both, swapped).value == pytest.approx(0.1)


def test_what_moved_is_reported_where_the_distance_lies() -> None:
    """The sentence names the edge with the largest gap and both medians."""
    edges = quantile_edges(range(100), buckets=10)
    reference = Buckets.from_values(range(100), edges)
    moved = numbers_moved(Buckets.from_values([95.0] * 60 + list(range(40)), edges), reference)
    assert moved.startswith("60 % of the values lie above 90, in training 10 %; median 9")


def test_the_onset_is_found() -> None:
    """Of 24 hours of which the last 7 differ, the first of those is named."""
    rng = np.random.default_rng(7)
    reference = [1_000] * 10
    calm = [rng.multinomial(100, [0.1] * 10).tolist() for _ in range(17)]
    moved = [rng.multinomial(100, [0.02] * 5 + [0.18] * 5).tolist() for _ in range(7)]
    for ordered in (True, False):
        assert onset(calm + moved, reference, ordered=ordered) == 17


def test_a_small_baseline_cannot_judge() -> None:
    """Below so many rows of the baseline, no sample suffices, and that is reported."""
    assert rows_needed(0.2, 0) is None
    assert rows_needed(0.2, 100) is None
    needed = rows_needed(0.2, 20_000)
    assert needed is not None
    assert 100 < needed < 400


def test_the_rows_needed_have_the_power_stated() -> None:
    """With so many rows, a distance of 0.2 leaves the lower end above zero nine times in ten."""
    rng = np.random.default_rng(8)
    before = rng.random(20_000)
    edges = quantile_edges(before)
    reference = Buckets.from_values(before, edges)
    rows = rows_needed(0.2, 20_000)
    assert rows is not None
    found = 0
    for _ in range(200):
        now = np.where(rng.random(rows) < 0.2, 1.5, rng.random(rows))
        found += numeric_drift(Buckets.from_values(now, edges), reference).low > 0
    assert found >= 180
