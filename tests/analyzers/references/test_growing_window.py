"""Spans of pooled hours hold what lies in them, and are equal where no hour lies between."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.drift import feature_comparison
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.growing_window import PooledHours
from tests.support.contexts import context_of

Make = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 96), (1, 95), (23, 73), (24, 72), (30, 31), (40, 40), (90, 200)]
)
def test_a_span_is_the_sum_of_its_hours(
    steady_hours: Make, start: datetime, first: int, last: int
) -> None:
    """Whole days, parts of days and no hours at all, where every third hour has predictions."""
    hours = steady_hours(96, 5)[::3]
    pool = PooledHours(hours)
    window = Window(start + first * HOUR, start + last * HOUR)
    inside = [hour for hour in hours if window.start <= hour.window.start < window.end]
    assert pool.within(window) == inside
    numbers = pool.numbers(window, "price", lambda hour: hour.numeric["price"])
    categories = pool.categories(window, "country")
    if not inside:
        assert (numbers, categories) == (None, None)
        return
    whole = merge(inside)
    assert numbers is not None
    assert numbers.counts == whole.numeric["price"].counts
    assert categories == whole.categorical["country"]


def test_hours_without_predictions_cost_no_comparison(
    steady_hours: Make, baseline: Baseline, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two predictions every sixth hour: longer windows are compared when their hours change."""
    made = []

    def counted(*given: Any) -> Any:
        made.append(given[2])
        return compare(*given)

    compare = feature_comparison._of_window
    monkeypatch.setattr(feature_comparison, "_of_window", counted)
    hours = steady_hours(20 * 24, 2)[::6]
    period = Window(start + 18 * DAY, start + 19 * DAY)
    found = list(
        FeatureDrift().evaluate(
            context_of(FeatureDrift(), period, {"prediction": hours}, {baseline.model: baseline})
        )
    )
    features = len(baseline.features)
    assert len(found) == 24 * features
    # An hour enters and one leaves four times a day, at the same time: 4 windows, 5 sets of hours.
    assert len(made) <= 4 * 5 * features
    ends = {window.end for window in made}
    assert max(ends) - min(ends) >= timedelta(hours=18)
