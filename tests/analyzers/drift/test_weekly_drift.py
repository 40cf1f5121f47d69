"""Scores against the same hours of past weeks, on series with a known rhythm and a known change."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, WEEK, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.score_shift.score_shift import METRIC, WEEKLY, ScoreShift
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster
from tests.support.contexts import context_of

Scores = np.ndarray[Any, np.dtype[np.float64]]
Shape = Callable[[int, Scores], Scores]
OK = Severity.OK


def rhythm(hour: int, scores: Scores) -> Scores:
    """Fall by half at night, and to a quarter at weekends (the first hour is a Monday's)."""
    weekend = hour // 24 % 7 >= 5
    return scores * (0.25 if weekend else 0.5 if hour % 24 < 6 else 1.0)


class Series:
    """Hours of scores and the profiles of them."""

    def __init__(
        self, baseline: Baseline, start: datetime, hours: int, per_hour: int, shape: Shape
    ) -> None:
        assert baseline.score is not None
        self.baseline, self.start, rng = baseline, start, np.random.default_rng(8)
        self.scores = [shape(hour, rng.beta(2.0, 5.0, per_hour)) for hour in range(hours)]
        self.profiles = [
            PredictionProfile(
                ProfileKey("prediction", self.window(hour), (*baseline.model, baseline.id)),
                SourceWatermark(per_hour, self.window(hour).end),
                service="api",
                score=Buckets.from_values(scores, baseline.score.edges),
            )
            for hour, scores in enumerate(self.scores)
        ]

    def window(self, hour: int) -> Window:
        """Return the window of an hour."""
        return Window(self.start + hour * HOUR, self.start + (hour + 1) * HOUR)

    def judge(self, first: int, last: int, metric: str = WEEKLY) -> list[Finding]:
        """Return the findings of the windows that end after an hour and until another."""
        period = Window(self.start + first * HOUR, self.start + last * HOUR)
        baselines = {self.baseline.model: self.baseline}
        context = context_of(ScoreShift(), period, {"prediction": self.profiles}, baselines)
        return [finding for finding in ScoreShift().evaluate(context) if finding.metric == metric]


@pytest.fixture
def series(baseline: Baseline, start: datetime) -> Callable[..., Series]:
    """Make hours of scores, by default 400 an hour with a rhythm and no change."""

    def make(weeks: float, per_hour: int = 400, shape: Shape = rhythm) -> Series:
        return Series(baseline, start, round(weeks * 168), per_hour, shape)

    return make


def calm(findings: list[Finding]) -> int:
    """Return how many are ok; the others lie above the limit within their sampling error."""
    for finding in findings:
        assert finding.value is not None
        over = finding.value >= 0.1
        assert finding.severity is (Severity.UNKNOWN if over else OK), finding.reason
        assert not over or "may be sampling error" in finding.reason
    return sum(finding.severity is OK for finding in findings)


def test_a_rhythm_without_change_is_ok(series: Callable[..., Series]) -> None:
    """Weekends differ from training beyond every limit, and not from past weekends."""
    steady = series(5)
    weekly = steady.judge(4 * 168, 5 * 168)
    assert [finding.end - finding.start for finding in weekly] == [HOUR] * 168
    assert calm(weekly) >= 160
    # At weekends scores lie in the few lowest buckets of training; else even chance is rare.
    workdays = [finding for finding in weekly if finding.start.weekday() < 5]
    assert calm(workdays) >= len(workdays) - 1
    saturday = steady.judge(4 * 168 + 5 * 24 + 23, 4 * 168 + 6 * 24, METRIC)
    assert [finding.severity for finding in saturday] == [Severity.CRITICAL]
    assert "The same day of past weeks was like it (distance 0.0" in saturday[0].reason


def test_a_change_at_one_hour_of_the_week_is_found(series: Callable[..., Series]) -> None:
    """A Tuesday's 03:00 that differs is found at once, alone, where the whole day shows nothing."""
    odd = 4 * 168 + 24 + 3

    def shape(hour: int, scores: Scores) -> Scores:
        return scores if hour == odd else rhythm(hour, scores)

    changed = series(5, shape=shape)
    alarms = [finding for finding in changed.judge(4 * 168, 5 * 168) if finding.severity.alarming]
    assert [alarm.start for alarm in alarms] == [changed.window(odd).start]
    assert "differ from past weeks" in alarms[0].reason
    assert "in past weeks" in alarms[0].reason
    day = changed.judge(odd, odd + 24, METRIC)
    # A day that is near the limit is looked at with the days before, a weekend among them.
    whole = [finding for finding in day if finding.end - finding.start == DAY]
    assert calm(whole) == len([finding for finding in whole if (finding.value or 0) < 0.1])


def test_a_day_unlike_training_and_past_weeks_is_not_called_usual(
    series: Callable[..., Series],
) -> None:
    """An alarm names past weeks only where they were alike."""
    fallen = series(5, shape=lambda hour, scores: scores * (0.2 if hour >= 4 * 168 else 1.0))
    found = fallen.judge(4 * 168 + 47, 4 * 168 + 48, METRIC)
    (finding,) = (of_day for of_day in found if not of_day.certain)
    assert finding.severity is Severity.CRITICAL
    assert "past weeks" not in finding.reason


def test_the_distance_is_that_of_the_raw_rows(series: Callable[..., Series]) -> None:
    """The interval holds scipy's distance from three weeks, without the one that is farthest."""
    hour = 4 * 168 + 12
    changed = series(5, shape=lambda at, scores: scores * (0.6 if at == hour else 1.0))
    (finding,) = changed.judge(hour, hour + 1)
    now, weeks = changed.scores[hour], [changed.scores[hour - 168 * back] for back in range(1, 5)]
    distances = [stats.ks_2samp(now, week).statistic for week in weeks]
    weeks.pop(int(np.argmax(distances)))
    exact = stats.ks_2samp(now, np.concatenate(weeks)).statistic
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low < exact < finding.high
    assert finding.value == pytest.approx(exact, abs=0.01)
    assert (finding.sample_count, finding.baseline_count) == (400, 1_200)
    assert finding.low == pytest.approx(exact - 1.9495 / np.sqrt(300), abs=0.01)


def test_an_incident_neither_echoes_nor_hides(series: Callable[..., Series]) -> None:
    """A week after an incident its hour is ok; another incident then is found."""
    first = 3 * 168 + 24 + 3
    once = series(5, shape=lambda hour, scores: scores * (0.1 if hour == first else 1.0))
    (later,) = once.judge(first + 168, first + 169)
    assert later.severity is OK
    twice = series(
        5, shape=lambda hour, scores: scores * (0.1 if hour in {first, first + 168} else 1.0)
    )
    (later,) = twice.judge(first + 168, first + 169)
    assert later.severity.alarming


def test_what_lasts_becomes_usual(series: Callable[..., Series]) -> None:
    """Scores that fall for good are unusual for two weeks, after three weeks they are usual."""
    fallen = series(7.2, 400, lambda hour, scores: scores * (0.2 if hour >= 4 * 168 else 1.0))
    days = [fallen.judge(week * 168, week * 168 + 24) for week in (4, 5, 7)]
    assert [{finding.severity.alarming for finding in day} for day in days] == [
        {True},
        {True},
        {False},
    ]


@pytest.mark.parametrize(("per_hour", "length"), [(400, HOUR), (60, 6 * HOUR), (20, DAY)])
def test_windows_grow_where_traffic_is_small(
    series: Callable[..., Series], per_hour: int, length: Any
) -> None:
    """The shortest window that would show a critical distance nine times in ten is taken."""
    found = series(4.5, per_hour).judge(4 * 168, 4 * 168 + 24)
    assert {finding.end - finding.start for finding in found} == {length}
    assert {finding.severity for finding in found} == {OK}


def test_too_few_scores_are_reported(series: Callable[..., Series]) -> None:
    """Where even a day holds too few, nothing is reported, and how many it takes."""
    found = series(4.5, 5).judge(4 * 168, 4 * 168 + 24)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "120 scores" in found[0].reason
    assert "are needed to detect a distance of 0.2" in found[0].reason


def test_few_scores_alarm_where_they_fell_far(series: Callable[..., Series]) -> None:
    """120 scores a day at a fifth of past weeks' alarm, though more are needed for calm."""
    fallen = series(
        4.5, 5, lambda hour, scores: rhythm(hour, scores) * (0.2 if hour >= 4 * 168 else 1.0)
    )
    last = fallen.judge(4 * 168 + 23, 4 * 168 + 24)
    assert [finding.severity for finding in last] == [Severity.CRITICAL]
    assert last[0].sample_count == 120
    assert last[0].end - last[0].start == DAY


def test_nothing_is_reported_before_three_weeks_are_known(series: Callable[..., Series]) -> None:
    """The first finding is of the first hour that has three hours of past weeks before it."""
    found = series(4).judge(0, 4 * 168)
    assert found[0].start == found[0].end - HOUR
    assert found[0].start == series(1).start + 3 * WEEK


def test_parts_judge_as_the_whole(series: Callable[..., Series]) -> None:
    """A week judged at once or in parts, each given what it asks for: the same findings."""
    steady = series(5, 150)
    whole = steady.judge(4 * 168, 5 * 168)
    parts = [steady.judge(4 * 168, 4 * 168 + 50), steady.judge(4 * 168 + 50, 5 * 168)]
    assert [*parts[0], *parts[1]] == whole


def test_past_weeks_are_read_without_features(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    start: datetime,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a real cluster an hour is judged against past weeks, of which only scores are fetched."""
    BaselineStore(cluster, namespace).write([baseline])
    for week in range(5):
        ship(predictions_of(1, 400, first=start + week * WEEK))
    read = ProfileStore.read
    fetched: list[PredictionProfile] = []

    def reading(*words: Any) -> list[Any]:
        profiles = read(*words)
        fetched.extend(profile for profile in profiles if isinstance(profile, PredictionProfile))
        return profiles

    monkeypatch.setattr(ProfileStore, "read", reading)
    hour = Window(start + 4 * WEEK, start + 4 * WEEK + HOUR)
    analyze(cluster, namespace, hour, now=hour.end, analyzers=[ScoreShift()])
    (finding,) = FindingStore(cluster, namespace).search(metric=WEEKLY)
    assert (finding.severity, finding.start, finding.end) == (OK, hour.start, hour.end)
    assert (finding.sample_count, finding.baseline_count) == (400, 1_200)
    assert {profile.window.start: len(profile.numeric) for profile in fetched} == {
        start + week * WEEK: 2 if week == 4 else 0 for week in range(5)
    }
    assert {profile.predictions for profile in fetched} == {400}
