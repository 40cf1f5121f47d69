"""Feature drift on features with a known answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, WEEK, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster

Make = Callable[..., list[Any]]
Rows = dict[str, Any]


def judge(
    profiles: list[Any], baselines: list[Baseline], start: datetime, end: datetime
) -> list[Finding]:
    """Return the findings of a period."""
    known = {baseline.model: baseline for baseline in baselines}
    ordered = sorted(profiles, key=lambda profile: profile.window)
    return list(FeatureDrift().evaluate(AnalysisContext(Window(start, end), ordered, known)))


def test_traffic_as_in_training(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Four days of the training's own distribution: every feature is ok in every window."""
    found = judge(steady_hours(96), [baseline], start + DAY, start + 4 * DAY)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert {finding.subject for finding in found} == {"price", "rating", "country"}
    assert len(found) == 3 * 72


def test_a_change_with_the_hour_of_the_day_is_no_drift(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Prices that double at noon and halve at night look like training over a whole day."""

    def tide(hour: int, rows: Rows) -> None:
        # Sorted in, the hours of a day share out the day's prices between them.
        rows["price"] = np.sort(np.random.default_rng(hour // 24).lognormal(3.0, 0.8, 2_400))[
            hour % 24 * 100 : (hour % 24 + 1) * 100
        ]

    found = judge(steady_hours(96, change=tide), [baseline], start + DAY, start + 4 * DAY)
    assert {finding.severity for finding in found} == {Severity.OK}


def test_a_number_in_another_unit(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Half of the prices in cents: found in hours, named with where they lie and since when."""

    def cents(hour: int, rows: Rows) -> None:
        if hour >= 50:
            rows["price"][::2] *= 100

    found = judge(steady_hours(72, change=cents), [baseline], start + DAY, start + 3 * DAY)
    alarms = [finding for finding in found if finding.severity.alarming]
    assert {(alarm.metric, alarm.subject) for alarm in alarms} == {("ks.distance", "price")}
    begin = start + 50 * HOUR
    assert begin < alarms[0].end <= begin + timedelta(hours=9)
    assert alarms[-1].severity is Severity.CRITICAL
    assert f"since about {begin:%Y-%m-%d %H:%M} UTC" in alarms[-1].reason
    assert "in training" in alarms[-1].reason


def test_a_new_category(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """A quarter of the traffic from a new country: total variation of a quarter, and its name."""

    def new(_hour: int, rows: Rows) -> None:
        rows["country"][::4] = "XX"

    found = judge(steady_hours(24, change=new), [baseline], start + 23 * HOUR, start + DAY)
    (alarm,) = [finding for finding in found if finding.severity.alarming]
    assert (alarm.metric, alarm.subject) == ("total_variation", "country")
    assert alarm.value == pytest.approx(0.25, abs=0.001)
    assert "'XX'" in alarm.reason
    assert "Cramér's V" in alarm.reason


def test_significance_alone_is_no_alarm(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A shift of a few percent in a large sample has p far below any level, and stays ok."""

    def little(_hour: int, rows: Rows) -> None:
        rows["price"] *= 1.08

    profiles = steady_hours(24, per_hour=2_000, change=little)
    found = judge(profiles, [baseline], start + 23 * HOUR, start + DAY)
    (price,) = [finding for finding in found if finding.subject == "price"]
    assert price.q_value is not None
    assert price.q_value < 1e-6
    assert price.severity is Severity.OK


def test_p_values_are_corrected_for_the_number_of_features(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Each q-value is at least its p-value and at most three times as large for three features."""
    found = judge(steady_hours(24), [baseline], start + 23 * HOUR, start + DAY)
    for finding in found:
        assert finding.p_value is not None
        assert finding.q_value is not None
        assert finding.p_value <= finding.q_value <= min(1.0, 3 * finding.p_value) + 1e-12


def test_the_first_day_is_not_judged(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Before most of a day is known there is one finding an hour that says since when."""
    found = judge(steady_hours(24), [baseline], start, start + 12 * HOUR)
    assert [(finding.severity, finding.subject) for finding in found] == [
        (Severity.UNKNOWN, None)
    ] * 12
    assert f"known since {start:%Y-%m-%d %H:%M} UTC" in found[0].reason


def test_a_new_version_is_judged_with_the_traffic_before_it(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """From its first hour on, a version's inputs are judged over the whole day."""
    second = replace(baseline, model_version="2", rows=19_000)
    before = steady_hours(48)
    over_second = steady_hours(72, baseline=second)
    by_first = [
        replace(
            profile, profile_key=replace(profile.profile_key, series=("autobid", "1", second.id))
        )
        for profile in over_second[:48]
    ]
    by_second = [
        replace(
            profile, profile_key=replace(profile.profile_key, series=("autobid", "2", second.id))
        )
        for profile in over_second[48:]
    ]
    found = judge(
        [*before, *by_first, *by_second],
        [baseline, second],
        start + 2 * DAY,
        start + 2 * DAY + HOUR,
    )
    assert {(finding.model_version, finding.severity) for finding in found} == {("2", Severity.OK)}
    assert {finding.sample_count for finding in found if finding.subject == "price"} == {2_400}


def test_a_feature_nobody_trained_on(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A feature of the log that the baseline lacks is named, not passed over."""
    profiles = [
        replace(hour, present={"ml.features.numeric.tip": 100}) for hour in steady_hours(24)
    ]
    found = judge(profiles, [baseline], start + 23 * HOUR, start + DAY)
    (tip,) = [finding for finding in found if finding.subject == "tip"]
    assert tip.severity is Severity.UNKNOWN
    assert "not in the training set" in tip.reason


def test_a_feature_that_disappeared(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Without any value of a feature nothing is computed, and how many it takes is reported."""

    def gone(_hour: int, rows: Rows) -> None:
        rows["price"][:] = np.nan

    found = judge(steady_hours(24, change=gone), [baseline], start + 23 * HOUR, start + DAY)
    (price,) = [finding for finding in found if finding.subject == "price"]
    assert price.severity is Severity.UNKNOWN
    assert "0 predictions with a value of price" in price.reason


def test_a_feature_that_changed_its_type(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A number that arrives as text is named with the type it has now."""
    profiles = [
        replace(hour, present={"ml.features.categorical.price": 100}) for hour in steady_hours(24)
    ]
    found = judge(profiles, [baseline], start + 23 * HOUR, start + DAY)
    (changed,) = [finding for finding in found if finding.subject == "price (categorical)"]
    assert "arrives as categorical" in changed.reason


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("since", "alike"), [(0, True), (4 * 168, False)])
def test_an_alarm_shows_whether_past_weeks_were_alike(
    steady_hours: Make, baseline: Baseline, start: datetime, since: int, *, alike: bool, own: bool
) -> None:
    """Prices that triple at weekends are unlike training; past weekends were so, or were not.

    Past weeks count although another version served in them, counted over edges of its own.
    """

    def weekend(hour: int, rows: Rows) -> None:
        if hour >= since and hour // 24 % 7 >= 5:
            rows["price"] *= 3.0

    saturday = start + 4 * WEEK + 6 * DAY
    hours = 4 * 168 + 6 * 24
    baselines, profiles = [baseline], steady_hours(hours, 20, change=weekend)
    if not own:
        # The version before it had other edges: those between which others of the baseline lie.
        numbers = baseline.numeric["price"]
        coarse = numbers.coarsened(numbers.edges[::2])
        before = replace(baseline, model_version="0", numeric={"price": coarse})
        baselines = [baseline, before]
        profiles[:-24] = [
            replace(
                profile,
                profile_key=replace(profile.profile_key, series=(*before.model, before.id)),
                numeric={"price": profile.numeric["price"].coarsened(coarse.edges)},
            )
            for profile in profiles[:-24]
        ]
    found = judge(profiles, baselines, saturday - HOUR, saturday)
    (price,) = [one for one in found if one.subject == "price" and not one.certain]
    assert price.severity is Severity.CRITICAL
    assert ("The same day of past weeks was like it" in price.reason) == alike


@pytest.mark.parametrize(("factor", "numbers"), [(1.0, 0), (3.0, 2)])
def test_past_weeks_are_read_where_an_alarm_asks(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    start: datetime,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    *,
    factor: float,
    numbers: int,
) -> None:
    """On a real cluster: none while all is as in training; early windows read two weeks back.

    Of the weeks before those, numbers alone are read.
    """

    def dear(_hour: int, rows: Rows) -> None:
        rows["price"] *= factor

    BaselineStore(cluster, namespace).write([baseline])
    for week in range(5):
        ship(predictions_of(24, 20, first=start + week * WEEK, change=dear))
    end = start + 4 * WEEK + DAY
    past, read = list[PredictionProfile](), ProfileStore.read

    def reading(*words: Any) -> list[Any]:
        profiles = read(*words)
        past.extend(
            profile
            for profile in profiles
            if isinstance(profile, PredictionProfile) and profile.window.start < end - 2 * DAY
        )
        return profiles

    monkeypatch.setattr(ProfileStore, "read", reading)
    analyze(cluster, namespace, Window(end - HOUR, end), now=end, analyzers=[FeatureDrift()])
    assert max(len(profile.numeric) for profile in past) == numbers
    earlier = [profile for profile in past if profile.window.start < end - 2 * WEEK - 2 * DAY]
    assert {len(profile.categorical) for profile in earlier} == {0}
    found = FindingStore(cluster, namespace).search(analyzer="feature_drift")
    (price,) = [of for of in found if of.subject == "price" and not of.certain]
    assert price.severity.alarming == (numbers > 0)
    assert ("The same day of past weeks was like it" in price.reason) == (numbers > 0)


def test_features_whose_names_are_made_of_values(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Twenty are named one by one, of a thousand more the number is reported; known ones all."""
    names = [f"ml.features.numeric.user{number:04}" for number in range(1_020)]
    present = dict.fromkeys([*names, "ml.features.categorical.price"], 3)
    profiles = [replace(hour, present=present) for hour in steady_hours(24)]
    found = judge(profiles, [baseline], start + 23 * HOUR, start + DAY)
    new = {finding.subject: finding for finding in found if finding.severity is Severity.UNKNOWN}
    assert len(new) == 22
    assert "arrives as categorical in 72 predictions" in new["price (categorical)"].reason
    assert "user0000" in new
    assert "1,000 more features" in new["(other features)"].reason
    assert "such as user0020" in new["(other features)"].reason


def by_tests(
    tests: ChosenTests, profiles: list[Any], baseline: Baseline, period: Window
) -> list[Finding]:
    """Return the findings by some drift tests."""
    context = AnalysisContext(period, profiles, {baseline.model: baseline})
    return list(FeatureDrift(tests).evaluate(context))


@pytest.mark.parametrize("name", ["psi", "jensen_shannon", "wasserstein"])
def test_another_drift_test_judges(
    name: str, steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """By any test training's own traffic is calm, and prices in cents are critical by its limits.

    A lognormal tail in few buckets leaves a Wasserstein distance open to 0.27: that is no proof.
    """

    def cents(hour: int, rows: Rows) -> None:
        if hour >= 48:
            rows["price"] *= 100

    method = drift_methods()[name]
    period = Window(start + DAY, start + 3 * DAY)
    found = by_tests(ChosenTests(method), steady_hours(72, change=cents), baseline, period)
    prices = [finding for finding in found if finding.subject == "price"]
    assert {finding.metric for finding in prices} == {name}
    first, last = prices[0], prices[-1]
    calm = Severity.UNKNOWN if name == "wasserstein" else Severity.OK
    assert (first.severity, last.severity) == (calm, Severity.CRITICAL)
    assert ("because buckets leave" in first.reason) == (calm is Severity.UNKNOWN)
    assert (last.warning, last.critical) == (method.limits.warning, method.limits.critical)
    assert last.low is not None
    assert last.low >= method.limits.critical
    assert method.title in last.reason
    others = [finding for finding in found if finding.subject != "price"]
    assert {finding.severity for finding in others} == {Severity.OK}
    expected = name if method.categorical else "total_variation"
    assert {finding.metric for finding in others if finding.subject == "country"} == {expected}


def test_one_feature_has_a_test_of_its_own(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """The chosen feature is judged by its test, the others as by default; panels follow."""
    tests = ChosenTests(features={"price": drift_methods()["wasserstein"]})
    found = by_tests(tests, steady_hours(48), baseline, Window(start + DAY, start + 2 * DAY))
    assert {(finding.subject, finding.metric) for finding in found} == {
        ("price", "wasserstein"),
        ("rating", "ks.distance"),
        ("country", "total_variation"),
    }
    analyzer = FeatureDrift(tests)
    names = ["ks.distance", "total_variation", "wasserstein"]
    assert [metric.name for metric in analyzer.metrics] == list(analyzer.limits) == names
    assert [metric.name for metric in FeatureDrift(ChosenTests()).metrics] == names[:2]


def test_a_test_for_another_type_is_reported(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A feature of categories cannot be judged by Wasserstein: unknown, with the reason."""
    tests = ChosenTests(features={"country": drift_methods()["wasserstein"]})
    found = by_tests(tests, steady_hours(48), baseline, Window(start + DAY, start + 2 * DAY))
    (reason,) = {finding.reason.split(",")[0] for finding in found if finding.subject == "country"}
    assert reason == "The drift test wasserstein of country is for numeric features only"


def test_the_days_before_are_read_where_a_day_is_too_little(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    start: datetime,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[..., None],
) -> None:
    """On a real cluster, 144 predictions a day get a verdict over three days, from profiles."""
    BaselineStore(cluster, namespace).write([baseline])
    ship(predictions_of(72, 6, first=start))
    end = start + 3 * DAY
    analyze(cluster, namespace, Window(end - HOUR, end), now=end, analyzers=[FeatureDrift()])
    cluster.refresh(f"mlmon-findings-{namespace}-*")
    findings = {finding.subject: finding for finding in FindingStore(cluster, namespace).search()}
    assert findings["price"].severity is Severity.OK, findings["price"].reason
    assert findings["price"].window == Window(start + DAY, end)
    assert findings["price"].sample_count == 288


def early(findings: list[Finding]) -> list[Finding]:
    """Return the findings that leave no doubt."""
    return [finding for finding in findings if finding.certain]


def half_in_cents(hour: int, rows: Rows) -> None:
    """Give half of the prices in cents, from the 172nd hour on."""
    if hour >= 172:
        rows["price"][::2] *= 100


def stuck(hour: int, rows: Rows) -> None:
    """Give one price to all, from the 172nd hour on."""
    if hour >= 172:
        rows["price"][:] = 39.9


def other_country(hour: int, rows: Rows) -> None:
    """Send three quarters of the traffic from the rarest country, from the 172nd hour on."""
    if hour >= 172:
        rows["country"][: len(rows["country"]) * 3 // 4] = "US"


@pytest.mark.parametrize(
    ("change", "subject"),
    [(half_in_cents, "price"), (stuck, "price"), (other_country, "country")],
)
def test_a_large_drift_is_certain_after_two_hours(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    change: Callable[[int, Rows], None],
    subject: str,
) -> None:
    """Long before a day is full of it: one window is enough, and it says why."""
    profiles = steady_hours(178, change=change)
    found = early(judge(profiles, [baseline], start + 170 * HOUR, start + 178 * HOUR))
    assert {alarm.subject for alarm in found} == {subject}
    first = found[0]
    assert first.window == Window(start + 172 * HOUR, start + 174 * HOUR)
    assert first.severity.alarming
    assert "from the same hours of the 7 days before" in first.reason
    assert first.onset_start is not None
    assert first.onset_start >= start + 172 * HOUR


@pytest.mark.parametrize("sort", ["hours", "days"])
def test_hours_that_differ_each_day_are_not_certain(
    steady_hours: Make, baseline: Baseline, start: datetime, sort: str
) -> None:
    """Each hour lies far from training: always alike, or by another share of each day's prices."""

    def tide(hour: int, rows: Rows) -> None:
        if sort == "hours":
            rows["price"] *= 0.2 if hour % 24 < 12 else 5.0
            return
        of_day = np.sort(np.random.default_rng(hour // 24).lognormal(3.0, 0.8, 2_400))
        rows["price"] = of_day[hour % 24 * 100 : (hour % 24 + 1) * 100]

    found = judge(steady_hours(240, change=tide), [baseline], start + 8 * DAY, start + 10 * DAY)
    assert not early(found)


def test_the_first_weekend_of_another_sort_is_not_certain(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Prices that triple at weekends: not before a weekend is known, and not after it."""

    def weekend(hour: int, rows: Rows) -> None:
        if hour // 24 % 7 >= 5:
            rows["price"] *= 3.0

    profiles = steady_hours(14 * 24, change=weekend)
    for day in (5, 12):
        found = judge(profiles, [baseline], start + day * DAY, start + (day + 1) * DAY)
        assert not early(found)


def test_one_hours_batch_is_no_certain_drift(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """All prices of a single hour are a hundred times too large."""

    def batch(hour: int, rows: Rows) -> None:
        if hour == 172:
            rows["price"] *= 100

    profiles = steady_hours(178, change=batch)
    assert not early(judge(profiles, [baseline], start + 170 * HOUR, start + 178 * HOUR))


def test_a_drift_without_days_before_is_not_certain(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """After six days nobody knows what a weekend is like."""
    profiles = steady_hours(150, change=lambda hour, rows: half_in_cents(hour + 28, rows))
    assert not early(judge(profiles, [baseline], start + 140 * HOUR, start + 150 * HOUR))
