"""Scores of young versions against those of earlier ones, on series with a known change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.score_shift.score_shift import WEEKLY, ScoreShift
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import ks_distance_of_parts
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from tests.support.contexts import context_of

Scores = np.ndarray[Any, np.dtype[np.float64]]
Shape = Callable[[int, Scores], Scores]
WEEK = 168


def rhythm(hour: int, scores: Scores) -> Scores:
    """Fall by half at night, and to a quarter at weekends (the first hour is a Monday's)."""
    weekend = hour // 24 % 7 >= 5
    return scores * (0.25 if weekend else 0.5 if hour % 24 < 6 else 1.0)


class Retrained:
    """Hours of a model that is retrained again and again, each version over its own edges.

    Args:
        start: When the first version comes.
        hours: How many.
        lives: For how many hours each version serves.
        shape: Of the live scores.
        moved: By what factor a version moves all scores, in training as live.
        per_hour: Predictions.
    """

    def __init__(
        self,
        start: datetime,
        hours: int,
        lives: int,
        shape: Shape,
        moved: Callable[[int], float],
        per_hour: int = 400,
    ) -> None:
        self.start, rng = start, np.random.default_rng(8)
        self.baselines = []
        for version in range(-(-hours // lives)):
            trained = rng.beta(2.0, 5.0, 5_000) * moved(version)
            score = Buckets.from_values(trained, quantile_edges(trained))
            created = start + version * lives * HOUR
            known = {"rows": 5_000, "created": created, "source": "x", "score": score}
            self.baselines.append(Baseline("autobid", str(version + 1), **known))
        self.scores: list[Scores] = []
        self.profiles: list[PredictionProfile] = []
        for hour in range(hours):
            version, begins = divmod(hour, lives)
            scores = shape(hour, rng.beta(2.0, 5.0, per_hour)) * moved(version)
            self.scores.append(scores)
            # The day before a version comes is profiled over its edges too.
            coming = [version + 1] if begins >= lives - 24 else []
            for over in (version, *coming):
                if over < len(self.baselines):
                    self.profiles.append(self.profile(hour, version, over, scores))

    def profile(self, hour: int, version: int, over: int, scores: Scores) -> PredictionProfile:
        """Return a version's hour over some version's edges."""
        baseline = self.baselines[over]
        window = Window(self.start + hour * HOUR, self.start + (hour + 1) * HOUR)
        assert baseline.score is not None
        return PredictionProfile(
            ProfileKey("prediction", window, ("autobid", str(version + 1), baseline.id)),
            SourceWatermark(len(scores), window.end),
            service="api",
            score=Buckets.from_values(scores, baseline.score.edges),
        )

    def judge(self, first: int, last: int) -> list[Finding]:
        """Return the weekly findings of the windows that end after an hour and until another."""
        period = Window(self.start + first * HOUR, self.start + last * HOUR)
        baselines = {baseline.model: baseline for baseline in self.baselines}
        context = context_of(ScoreShift(), period, {"prediction": self.profiles}, baselines)
        return [finding for finding in ScoreShift().evaluate(context) if finding.metric == WEEKLY]


@pytest.fixture
def retrained(start: datetime) -> Callable[..., Retrained]:
    """Make five weeks of a model that is retrained every week and does not change."""

    def make(
        lives: int = WEEK,
        shape: Shape = rhythm,
        moved: Callable[[int], float] = lambda _version: 1.0,
        weeks: int = 5,
        **known: int,
    ) -> Retrained:
        return Retrained(start, weeks * WEEK, lives, shape, moved, **known)

    return make


def test_retraining_without_change_is_ok(retrained: Callable[..., Retrained]) -> None:
    """Every hour of a version's first week is judged against the versions before it, as usual.

    At weekends scores fall to a quarter, into the few lowest buckets of training, which leave some
    hours open. All others are calm.
    """
    found = retrained().judge(4 * WEEK, 5 * WEEK)
    assert [finding.end - finding.start for finding in found] == [HOUR] * WEEK
    assert not any(finding.severity.alarming for finding in found)
    unproven = [finding for finding in found if finding.severity is Severity.UNKNOWN]
    assert len(unproven) <= 24
    saturday = 5
    for finding in unproven:
        assert finding.start.weekday() >= saturday
        assert "because buckets leave" in finding.reason
    assert {finding.model_version for finding in found} == {"5"}
    assert "past weeks under versions " in found[0].reason
    assert "of which the training sets explain up to 0.0" in found[0].reason


def test_scores_that_move_on_purpose_are_no_alarm(retrained: Callable[..., Retrained]) -> None:
    """A version that was trained to score far lower does so, and nobody is called."""
    found = retrained(moved=lambda version: 0.4 if version == 4 else 1.0).judge(4 * WEEK, 5 * WEEK)
    assert len(found) == WEEK
    assert min(finding.value or 0.0 for finding in found) > 0.4
    assert {finding.severity for finding in found} == {Severity.OK}
    # A retraining back to where it was is none either.
    back = retrained(moved=lambda version: 0.4 if version in {1, 3} else 1.0)
    assert {finding.severity for finding in back.judge(4 * WEEK, 5 * WEEK)} == {Severity.OK}


def test_a_change_beyond_retraining_is_a_warning(retrained: Callable[..., Retrained]) -> None:
    """An hour of a young version that is unlike past weeks is found, alone, and never critical."""
    odd = 4 * WEEK + 24 + 12
    moved = {4: 0.9}
    changed = retrained(
        shape=lambda hour, scores: rhythm(hour, scores) * (0.1 if hour == odd else 1.0),
        moved=lambda version: moved.get(version, 1.0),
    )
    alarms = [finding for finding in changed.judge(4 * WEEK, 5 * WEEK) if finding.severity.alarming]
    assert [alarm.start for alarm in alarms] == [changed.start + odd * HOUR]
    (finding,) = alarms
    assert finding.severity is Severity.WARNING
    now, weeks = changed.scores[odd], [changed.scores[odd - WEEK * back] for back in range(1, 5)]
    distances = [stats.ks_2samp(now, week).statistic for week in weeks]
    weeks.pop(int(np.argmax(distances)))
    exact = stats.ks_2samp(now, np.concatenate(weeks)).statistic
    assert finding.value == pytest.approx(exact, abs=0.02)
    young, *old = (trained.score for trained in (changed.baselines[4], *changed.baselines[:4]))
    assert young is not None
    purpose = [ks_distance_of_parts([young], [score]) for score in old if score]
    chance = 1.9495 / np.sqrt(300)
    assert finding.low == pytest.approx(exact - chance, abs=0.03)
    assert finding.warning == pytest.approx(0.1 + purpose[0].high, abs=0.03)
    assert finding.low - purpose[0].high > 0.2
    assert "differ from past weeks" in finding.reason
    assert "in past weeks" in finding.reason


def test_a_version_a_day_is_judged(retrained: Callable[..., Retrained]) -> None:
    """Twenty-eight versions, one a day: each hour is compared with the same hour of past weeks."""
    odd = 25 * 24 + 12
    daily = retrained(
        24, lambda hour, scores: rhythm(hour, scores) * (0.2 if hour == odd else 1.0), weeks=4
    )
    found = daily.judge(24 * 24, 27 * 24)
    assert len(found) == 72
    assert [finding.start for finding in found if finding.severity.alarming] == [
        daily.start + odd * HOUR
    ]


def test_parts_judge_as_the_whole(retrained: Callable[..., Retrained]) -> None:
    """Two days judged at once or in parts, each given what it asks for: the same findings."""
    steady = retrained(per_hour=150)
    whole = steady.judge(4 * WEEK - 12, 4 * WEEK + 36)
    parts = [steady.judge(4 * WEEK - 12, 4 * WEEK + 9), steady.judge(4 * WEEK + 9, 4 * WEEK + 36)]
    assert [*parts[0], *parts[1]] == whole


def test_hours_of_the_day_are_not_mistaken_for_a_change(
    retrained: Callable[..., Retrained],
) -> None:
    """A window that a version has not served in full is left alone: its hours are not the day's."""
    shapes = retrained(per_hour=20, shape=lambda hour, scores: scores * (0.1 + hour % 24 / 24))
    first = shapes.judge(4 * WEEK, 4 * WEEK + 23)
    assert first == []
    (day,) = shapes.judge(4 * WEEK + 23, 4 * WEEK + 24)
    assert (day.start, day.severity) == (shapes.start + 4 * WEEK * HOUR, Severity.OK)


def test_a_share_of_the_traffic_is_enough(retrained: Callable[..., Retrained]) -> None:
    """A version that is tried together with another one is compared by its own scores."""
    steady = retrained(lives=4 * WEEK, weeks=5)
    hour, scores = 4 * WEEK - 6, np.full(400, 0.01)
    steady.profiles.append(steady.profile(hour, 1, 1, scores))
    steady.profiles.sort(key=lambda profile: profile.profile_key.window)
    found = [finding for finding in steady.judge(hour, hour + 1) if finding.model_version == "2"]
    assert [(finding.severity, finding.sample_count) for finding in found] == [
        (Severity.WARNING, 400)
    ]


def test_without_an_earlier_baseline_nothing_is_reported(
    retrained: Callable[..., Retrained],
) -> None:
    """Where nobody knows how an earlier version scored in training, the purpose is not known."""
    steady = retrained()
    steady.baselines[:2] = [replace(baseline, score=None) for baseline in steady.baselines[:2]]
    assert steady.judge(4 * WEEK, 4 * WEEK + 5) == []
