"""Feature statistics on features with a known answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.feature_statistics import FeatureStatistics
from mlmon.analyzers.statistics.buckets import Buckets

Make = Callable[..., list[Any]]
Rows = dict[str, Any]


def judge(
    profiles: list[Any], baseline: Baseline, start: datetime, hours: float = 24, since: float = 23
) -> list[Finding]:
    """Return the findings of a period, by default of the day's end."""
    period = Window(start + since * HOUR, start + hours * HOUR)
    return list(
        FeatureStatistics().evaluate(AnalysisContext(period, profiles, {baseline.model: baseline}))
    )


def by_metric(found: list[Finding], subject: str) -> dict[str, Finding]:
    """Return a subject's findings by metric."""
    return {finding.metric: finding for finding in found if finding.subject == subject}


def test_statistics_are_those_of_pandas(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Shifts and ratio come from the mean, median, deviation, minimum and maximum of the rows."""
    logged: list[pd.Series] = []

    def keep(_hour: int, rows: Rows) -> None:
        rows["price"] = rows["price"] * 1.1 + 1
        logged.append(pd.Series(rows["price"]))

    found = by_metric(judge(steady_hours(24, change=keep), baseline, start), "price")
    now, training = pd.concat(logged), baseline.numeric["price"]
    law = stats.lognorm(0.8, scale=np.exp(3.0))
    unit = (law.ppf(0.9) - law.ppf(0.1)) / (2 * stats.norm.ppf(0.9))
    assert training.total is not None
    mean = training.total / training.n
    value = {name: finding.value for name, finding in found.items()}
    assert value["mean.shift"] == pytest.approx((now.mean() - mean) / unit, abs=0.02)
    assert value["median.shift"] == pytest.approx((now.median() - law.median()) / unit, abs=0.03)
    assert value["minimum.shift"] == pytest.approx((now.min() - training.minimum) / unit, abs=0.02)
    # The unit comes from buckets of one percent of the rows.
    assert value["maximum.shift"] == pytest.approx((now.max() - training.maximum) / unit, rel=0.06)
    deviation = np.sqrt(training.sum_of_squares / training.n - mean**2)
    assert value["spread.ratio"] == pytest.approx(now.std() / deviation, rel=1e-3)
    for finding in found.values():
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= finding.value <= finding.high


def test_shares_are_counted(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Each category's share is compared with its share in training."""

    def more(_hour: int, rows: Rows) -> None:
        rows["country"][:] = ["DE"] * 60 + ["FR"] * 25 + ["US"] * 15

    found = judge(steady_hours(24, change=more), baseline, start)
    shares = {
        finding.subject: finding.value for finding in found if finding.metric == "category.share"
    }
    assert shares == {"country: DE": 0.6, "country: FR": 0.25, "country: US": 0.15}
    usual = by_metric(found, "country: DE")["category.share"].baseline_value
    assert usual == pytest.approx(0.5, abs=0.02)


def test_steady_traffic_alarms_nobody(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Over eight days as in training everything is ok, with four findings a day of each kind."""
    found = judge(steady_hours(192), baseline, start, 192, 24)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert len(found) == 7 * 4 * (2 * 7 + 3 + 2)


@pytest.mark.parametrize("outliers", [1, 3])
def test_an_outlier_alarms_nobody(
    steady_hours: Make, baseline: Baseline, start: datetime, outliers: int
) -> None:
    """Values of 1e9 in a day move mean and spread by a thousandfold, and nothing is proven."""

    def far(hour: int, rows: Rows) -> None:
        if hour % 24 < outliers:
            rows["price"][0] = 1e9

    found = judge(steady_hours(24, change=far), baseline, start)
    unproven = {"mean.shift", "spread.ratio"}
    for finding in found:
        moved = finding.subject == "price" and finding.metric in unproven
        assert finding.severity is (Severity.UNKNOWN if moved else Severity.OK)
    mean = by_metric(found, "price")["mean.shift"]
    assert mean.value is not None
    assert mean.value > 1_000
    assert "beyond the limit, not proven" in mean.reason
    assert by_metric(found, "price")["median.shift"].value == pytest.approx(0, abs=0.1)


def test_an_outlier_of_the_training_set(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A value of 1e9 in the training set neither alarms nor hides that the tail has moved."""
    numbers = baseline.numeric["price"]
    assert numbers.total is not None
    assert numbers.sum_of_squares is not None
    spoilt = replace(
        numbers,
        counts=(*numbers.counts[:-1], 1),
        maximum=1e9,
        total=numbers.total + 1e9,
        sum_of_squares=numbers.sum_of_squares + 1e18,
    )
    other = replace(baseline, numeric={**baseline.numeric, "price": spoilt})
    found = judge(steady_hours(24, baseline=other), other, start)
    assert {finding.severity for finding in found} == {Severity.OK}


def test_a_tail_that_no_distance_sees(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Four percent of prices in cents: the distance stays at 0.04, mean and spread are critical."""

    def cents(_hour: int, rows: Rows) -> None:
        rows["price"][:4] = 3_000.0

    found = by_metric(judge(steady_hours(24, change=cents), baseline, start), "price")
    alarms = {name for name, finding in found.items() if finding.severity.alarming}
    assert alarms == {"mean.shift", "spread.ratio"}
    assert found["mean.shift"].severity is Severity.CRITICAL
    assert "few outliers cause it" in found["mean.shift"].reason
    assert "3,000" in found["mean.shift"].reason


def test_what_drift_sees_is_left_to_it(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """With half of the prices in cents the numbers are shown; the alarm is feature_drift's."""

    def cents(_hour: int, rows: Rows) -> None:
        rows["price"][::2] *= 100

    found = by_metric(judge(steady_hours(24, change=cents), baseline, start), "price")
    assert {finding.severity for finding in found.values()} == {Severity.OK}
    assert "the distribution drifted, see feature_drift" in found["mean.shift"].reason


def test_values_that_vanish_from_a_rare_class(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Where training has one row in twenty above zero and the day none, the spread is critical."""
    rare = np.where(np.arange(20_000) % 20 == 0, 50.0, 0.0)
    numbers = Buckets.from_values(rare, (0.0, np.nextafter(0.0, 1), 50.0, np.nextafter(50, 51)))
    other = replace(baseline, numeric={**baseline.numeric, "price": numbers})

    def none(_hour: int, rows: Rows) -> None:
        rows["price"][:] = 0.0

    hours = steady_hours(24, 200, change=none, baseline=other)
    found = by_metric(judge(hours, other, start), "price")
    assert found["spread.ratio"].severity is Severity.CRITICAL
    assert found["spread.ratio"].value == 0


def test_a_rare_value_that_a_small_day_lacks_is_no_alarm(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A flag set in 2 % of training: every twentieth day of 144 rows has none, and is calm."""
    flag = np.where(np.arange(20_000) % 50 == 0, 1.0, 0.0)
    numbers = Buckets.from_values(flag, (0.0, np.nextafter(0.0, 1), 1.0, np.nextafter(1, 2)))
    other = replace(baseline, numeric={**baseline.numeric, "price": numbers})

    def none(_hour: int, rows: Rows) -> None:
        rows["price"][:] = 0.0

    hours = steady_hours(24, per_hour=6, change=none, baseline=other)
    found = by_metric(judge(hours, other, start), "price")
    assert found["spread.ratio"].value == 0
    assert not found["spread.ratio"].severity.alarming, found["spread.ratio"].reason


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        (Buckets.from_values([5.0] * 200, (5.0, np.nextafter(5, 6))), "constant in training"),
        (Buckets.from_values([1.0, 2.0], (1.0, 2.0)), "has 2 values"),
    ],
)
def test_a_baseline_that_cannot_be_compared(
    steady_hours: Make, baseline: Baseline, start: datetime, numbers: Buckets, says: str
) -> None:
    """A constant or nearly empty column of the training set is unknown, with the reason."""
    other = replace(baseline, numeric={**baseline.numeric, "price": numbers})
    found = judge(steady_hours(24, baseline=other), other, start)
    price = by_metric(found, "price")["mean.shift"]
    assert price.severity is Severity.UNKNOWN
    assert says in price.reason


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "0 predictions with a value"), (1e200, "too large to be summed")]
)
def test_a_day_that_cannot_be_compared(
    steady_hours: Make, baseline: Baseline, start: datetime, value: float, says: str
) -> None:
    """Missing values and values whose squares pass all doubles are unknown, with the reason."""

    def spoil(_hour: int, rows: Rows) -> None:
        rows["price"][:] = value

    found = judge(steady_hours(24, change=spoil), baseline, start)
    price = by_metric(found, "price")["mean.shift"]
    assert price.severity is Severity.UNKNOWN
    assert says in price.reason
