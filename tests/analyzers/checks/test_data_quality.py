"""Data quality on values with a known answer."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline, CategoryBaseline
from mlmon.analyzers.checks.data_quality import DataQuality

Make = Callable[..., list[Any]]
Rows = dict[str, Any]


def judge(
    profiles: list[Any], baseline: Baseline | None, start: datetime, hours: int
) -> list[Finding]:
    """Return the findings of the last of two days and so many hours."""
    known = {baseline.model: baseline} if baseline else {}
    period = Window(start + 2 * DAY, start + 2 * DAY + hours * HOUR)
    return list(DataQuality().evaluate(AnalysisContext(period, profiles, known)))


def since(hour: int, act: Callable[[Rows], None]) -> Callable[[int, Rows], None]:
    """Change the rows from an hour on."""
    return lambda now, rows: act(rows) if now >= hour else None


def lose_ratings(rows: Rows) -> None:
    """Lose four in ten ratings."""
    rows["rating"][: len(rows["rating"]) * 4 // 10] = np.nan


def tenfold_prices(rows: Rows) -> None:
    """Put a fifth of the prices beyond anything training saw."""
    rows["price"][::5] = 1e6


def new_country(rows: Rows) -> None:
    """Send a fifth of the traffic from a new country."""
    rows["country"][::5] = "XX"


def test_values_as_in_training(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Two days of the training's own values: no alarm in any hour."""
    found = judge(steady_hours(96), baseline, start, 48)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert len(found) == 48 * 8


@pytest.mark.parametrize(
    ("act", "metric", "feature", "value", "says"),
    [
        (lose_ratings, "missing.rate", "rating", 0.43, "of rating is missing"),
        (tenfold_prices, "out_of_range.rate", "price", 0.2, "lies outside of"),
        (new_country, "unseen_category.rate", "country", 0.2, "XX: 20"),
    ],
)
def test_a_fault_is_found_in_its_first_hour(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    act: Callable[[Rows], None],
    metric: str,
    feature: str,
    value: float,
    says: str,
) -> None:
    """Only the feature at fault alarms, critical at once, with the share and which values."""
    profiles = steady_hours(52, change=since(50, act))
    alarms = [
        finding for finding in judge(profiles, baseline, start, 4) if finding.severity.alarming
    ]
    assert [(alarm.metric, alarm.subject) for alarm in alarms] == [(metric, feature)] * 2
    assert alarms[0].start == start + 50 * HOUR
    assert alarms[0].severity is Severity.CRITICAL
    assert alarms[0].value == pytest.approx(value, abs=0.06)
    assert says in alarms[0].reason


def test_missing_as_often_as_in_training_is_no_fault(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A feature of which training lacked half may lack half."""
    rating = baseline.numeric["rating"]
    half = replace(rating, missing=rating.n)
    used = replace(baseline, rows=2 * rating.n, numeric={**baseline.numeric, "rating": half})
    profiles = steady_hours(52, baseline=used, change=since(0, lose_ratings))
    assert not any(finding.severity.alarming for finding in judge(profiles, used, start, 4))


def test_rare_categories_of_training_allow_for_unseen_ones(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Where a tenth of training's rows have categories of their own, new ones are expected."""
    counts = Counter({"DE": 6_000, "FR": 3_000, **{f"c{number}": 1 for number in range(1_000)}})
    rare = CategoryBaseline(counts, singletons=1_000)
    used = replace(baseline, categorical={"country": rare})
    assert rare.expected_unseen == pytest.approx(0.1)
    profiles = steady_hours(52, baseline=used, change=since(50, new_country))
    found = judge(profiles, used, start, 4)
    assert not any(finding.severity.alarming for finding in found if finding.subject == "country")


def test_a_number_that_arrives_as_text(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """It is missing where a number was expected, and the sentence says what came instead."""

    def lose(rows: Rows) -> None:
        rows["price"][:] = np.nan

    profiles = [
        replace(hour, present={"ml.features.categorical.price": 100})
        for hour in steady_hours(52, change=since(0, lose))
    ]
    found = judge(profiles, baseline, start, 1)
    (alarm,) = [finding for finding in found if finding.severity.alarming]
    assert (alarm.metric, alarm.subject) == ("missing.rate", "price")
    assert "100 came as a category" in alarm.reason


def lose_scores(share: float) -> Callable[[Rows], None]:
    """Return a change that turns a share of the scores into NaN."""

    def change(rows: Rows) -> None:
        rows["score"] = rows["score"].astype(float)
        rows["score"][: round(len(rows["score"]) * share)] = np.nan

    return change


@pytest.mark.parametrize(
    ("share", "severity"),
    [
        (0.0, Severity.OK),
        (0.04, Severity.OK),
        (0.15, Severity.WARNING),
        (0.5, Severity.CRITICAL),
        (1.0, Severity.CRITICAL),
    ],
)
def test_predictions_without_a_score(
    steady_hours: Make, baseline: Baseline, start: datetime, share: float, severity: Severity
) -> None:
    """NaN scores of the last hour: their share of its predictions is judged, and no feature's."""
    profiles = steady_hours(49, per_hour=400, change=since(48, lose_scores(share)))
    found = judge(profiles, baseline, start, 1)
    [finding] = [finding for finding in found if finding.metric == "missing_score.rate"]
    assert (finding.severity, finding.value, finding.sample_count) == (severity, share, 400)
    assert (finding.warning, finding.critical) == (0.05, 0.2)
    assert "400 predictions" in finding.reason
    others = {finding.severity for finding in found if finding.metric != "missing_score.rate"}
    assert others == {Severity.OK}


def test_a_model_without_scores_is_not_judged_on_them(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Neither one whose training set has none, nor one that logged none for two days."""
    decides = steady_hours(49, change=lambda _hour, rows: lose_scores(1.0)(rows))
    untrained = replace(baseline, score=None)
    for profiles, known in (
        (decides, baseline),
        (steady_hours(49, baseline=untrained), untrained),
    ):
        found = judge(profiles, known, start, 1)
        assert found
        assert "missing_score.rate" not in {finding.metric for finding in found}


def test_small_traffic_is_judged_over_longer_windows(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Twenty predictions an hour are judged by six hours, not by a noisier hour."""
    found = judge(steady_hours(72, per_hour=20), baseline, start, 24)
    assert {finding.window.length for finding in found} == {6 * HOUR}
    assert {finding.sample_count for finding in found if finding.metric == "missing.rate"} == {120}


def hundredfold_prices(rows: Rows) -> None:
    """Multiply every price by 100 and put it beyond what training saw."""
    rows["price"] = rows["price"] * 100 + 1e6


@pytest.mark.parametrize(
    ("act", "metric", "subject"),
    [
        (hundredfold_prices, "out_of_range.rate", "price"),
        (lose_scores(1.0), "missing_score.rate", None),
    ],
)
@pytest.mark.parametrize("per_hour", [20, 90])
def test_a_fault_without_doubt_does_not_wait_for_a_longer_window(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    per_hour: int,
    act: Callable[[Rows], None],
    metric: str,
    subject: str | None,
) -> None:
    """Where windows take six hours, a fault in all values from 1 o'clock on is known at 3."""
    profiles = steady_hours(55, per_hour=per_hour, change=since(49, act))
    found = judge(profiles, baseline, start, 6)
    early = [finding for finding in found if finding.certain]
    assert {(alarm.metric, alarm.subject) for alarm in early} == {(metric, subject)}
    ends = [(alarm.end - start - 2 * DAY) // HOUR for alarm in early]
    assert ends == [3, 4, 5, 6]
    assert all(alarm.severity is Severity.CRITICAL for alarm in early)
    assert "certain: at a usual rate of" in early[0].reason
    lengths = {finding.window.length for finding in found if not finding.certain}
    assert lengths == {6 * HOUR}


def few_extremes(rows: Rows) -> None:
    """Multiply one price in twenty by a thousand."""
    rows["price"][::20] *= 1_000


def some_new(rows: Rows) -> None:
    """Send a sixth of the traffic from a new country."""
    rows["country"][::6] = "XX"


@pytest.mark.parametrize(
    ("act", "metric", "hours"),
    [
        (few_extremes, "out_of_range.rate", 3),
        (some_new, "unseen_category.rate", 2),
        (lose_ratings, "missing.rate", 2),
    ],
)
def test_a_large_fault_is_certain_within_three_hours(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    act: Callable[[Rows], None],
    metric: str,
    hours: int,
) -> None:
    """At 90 predictions an hour, where the usual window takes six hours."""
    profiles = steady_hours(60, per_hour=90, change=since(50, act))
    early = [finding for finding in judge(profiles, baseline, start, 12) if finding.certain]
    assert {finding.metric for finding in early} == {metric}
    assert early[0].end - (start + 50 * HOUR) <= hours * HOUR


@pytest.mark.parametrize("seed", range(3))
def test_what_was_so_before_is_not_certain(
    steady_hours: Make, baseline: Baseline, start: datetime, seed: int
) -> None:
    """A rate of 0.9 %, below the limit of 1 %, for days: no early window alarms."""
    rng = np.random.default_rng(seed)

    def rarely(rows: Rows) -> None:
        rows["price"][rng.random(len(rows["price"])) < 0.009] *= 1_000

    profiles = steady_hours(48 + 96, per_hour=90, change=since(0, rarely))
    assert not any(finding.certain for finding in judge(profiles, baseline, start, 96))


def test_one_hours_batch_is_not_certain(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A client sends sixty predictions without a rating within one hour, and never again."""

    def batch(hour: int, rows: Rows) -> None:
        if hour == 50:
            rows["rating"][:60] = np.nan

    profiles = steady_hours(60, per_hour=90, change=batch)
    assert not any(finding.certain for finding in judge(profiles, baseline, start, 12))


def test_a_noisier_hour_waits_for_a_longer_window(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A tenth of one hour's values out of range is left to the six hours it is a part of."""

    def few(rows: Rows) -> None:
        rows["price"][::10] = 1e6

    profiles = steady_hours(55, per_hour=50, change=lambda now, rows: now == 50 and few(rows))
    found = judge(profiles, baseline, start, 6)
    assert {finding.window.length for finding in found} == {6 * HOUR}


def test_no_baseline(steady_hours: Make, start: datetime) -> None:
    """Without one, a finding per window names the command that makes it."""
    found = judge(steady_hours(52, baseline=None), None, start, 2)
    found = [finding for finding in found if finding.metric != "unindexed.rate"]
    assert [finding.severity for finding in found] == [Severity.UNKNOWN] * 2
    assert "mlmon baseline create" in found[0].reason


def test_features_that_are_not_indexed_are_named(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Beyond the names that are indexed no check sees a feature: the share and three names."""
    names = Counter({f"ml.features.numeric.user_{number}": 1 for number in range(5)})
    profiles = [
        replace(profile, unindexed_rows=30, unindexed=names) for profile in steady_hours(52)
    ]
    found = judge(profiles, baseline, start, 1)
    [finding] = [finding for finding in found if finding.metric == "unindexed.rate"]
    assert (finding.severity, finding.value, finding.subject) == (Severity.WARNING, 0.3, None)
    assert "30 % of 100 predictions" in finding.reason
    assert (
        "such as ml.features.numeric.user_0, ml.features.numeric.user_1, "
        "ml.features.numeric.user_2:" in finding.reason
    )
