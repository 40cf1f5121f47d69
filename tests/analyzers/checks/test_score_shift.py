"""Score shift on scores with a known answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift

Make = Callable[..., list[Any]]


def judge(
    profiles: list[Any], baseline: Baseline | None, start: datetime, end: datetime
) -> list[Finding]:
    """Return the findings of a period."""
    baselines = {baseline.model: baseline} if baseline else {}
    return list(ScoreShift().evaluate(AnalysisContext(Window(start, end), profiles, baselines)))


def lower(since: int) -> Callable[[int, dict[str, Any]], None]:
    """Halve the scores of four in ten predictions from an hour on."""

    def change(hour: int, rows: dict[str, Any]) -> None:
        if hour >= since:
            rows["score"][: len(rows["score"]) * 4 // 10] *= 0.2

    return change


def test_scores_as_in_training(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Four days of scores from the training's distribution: ok throughout."""
    found = judge(steady_hours(96), baseline, start + DAY, start + 4 * DAY)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert len(found) == 72
    assert max(finding.value or 0 for finding in found) < 0.06


def test_scores_that_fall(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """A fall is found within hours, grows critical, and its begin is named to the hour."""
    profiles = steady_hours(72, change=lower(48))
    found = judge(profiles, baseline, start + DAY, start + 3 * DAY)
    alarms = [finding for finding in found if finding.severity.alarming]
    begin = start + 48 * HOUR
    assert all(alarm.end > begin for alarm in alarms)
    assert alarms[0].end - begin <= timedelta(hours=12)
    assert alarms[-1].severity is Severity.CRITICAL
    assert f"since about {begin:%Y-%m-%d %H:%M} UTC" in alarms[-1].reason


@pytest.mark.parametrize(
    ("lost", "severity", "says"),
    [
        (60, Severity.UNKNOWN, "60 % of 2,400 predictions have no score, too many"),
        (2, Severity.OK, "2 % of 2,400 predictions have no score"),
    ],
)
def test_scores_of_a_part_of_the_traffic_are_not_called_unchanged(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    lost: int,
    severity: Severity,
    says: str,
) -> None:
    """Of 100 predictions an hour so many are NaN, the others are as in training and past weeks."""

    def change(hour: int, rows: dict[str, Any]) -> None:
        if hour >= 24 * 35:
            rows["score"][:lost] = np.nan

    profiles = steady_hours(24 * 36, change=change)
    found = judge(profiles, baseline, start + 36 * DAY - HOUR, start + 36 * DAY)
    assert {finding.metric for finding in found} == {"ks.distance", "weekly.ks.distance"}
    assert {finding.severity for finding in found} == {severity}
    [day] = [finding for finding in found if finding.metric == "ks.distance"]
    assert says in day.reason
    assert all(f"{lost} % of " in finding.reason for finding in found)


def test_scores_that_fall_are_an_alarm_beside_missing_ones(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Missing scores take nothing from what the others show."""

    def change(_hour: int, rows: dict[str, Any]) -> None:
        rows["score"] *= 0.2
        rows["score"][:50] = np.nan

    found = judge(steady_hours(48, change=change), baseline, start + DAY, start + 2 * DAY)
    assert {finding.severity for finding in found} == {Severity.CRITICAL}
    assert "50 % of 2,400 predictions have no score" in found[-1].reason


def test_the_interval_holds_the_exact_distance(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """For scores that all lie above training's, the distance is 1 and the interval says so."""

    def top(_hour: int, rows: dict[str, Any]) -> None:
        rows["score"][:] = np.linspace(0.999, 1.0, len(rows["score"]))

    (finding,) = judge(steady_hours(24, change=top), baseline, start + 23 * HOUR, start + DAY)
    assert finding.low is not None
    assert finding.low > 0.95
    assert finding.high == 1.0
    assert finding.p_value is not None
    assert finding.p_value < 1e-9


@pytest.mark.parametrize("per_hour", [1, 5])
def test_too_few_scores(
    steady_hours: Make, baseline: Baseline, start: datetime, per_hour: int
) -> None:
    """Below the sample that would show a critical shift only the size needed is reported."""
    found = judge(steady_hours(24, per_hour), baseline, start, start + DAY)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "are needed to detect a distance of 0.2" in found[-1].reason


def test_no_baseline(steady_hours: Make, start: datetime) -> None:
    """Without a baseline the finding is unknown and names the command that makes one."""
    found = judge(steady_hours(24, baseline=None), None, start, start + DAY)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "mlmon baseline create" in found[0].reason


def test_a_training_set_without_scores(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A baseline from a table without scores is reported to have none."""
    bare = replace(baseline, score=None)
    (finding, *_) = judge(steady_hours(24, baseline=bare), bare, start + 23 * HOUR, start + DAY)
    assert "holds no scores" in finding.reason


def test_profiles_over_another_baseline(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Windows whose logs are gone cannot be counted over a newer baseline's edges, and say so."""
    newer = replace(baseline, rows=19_999)
    (finding, *_) = judge(steady_hours(24), newer, start + 23 * HOUR, start + DAY)
    assert finding.severity is Severity.UNKNOWN
    assert "another baseline" in finding.reason


def test_a_day_without_predictions(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Once a whole day is empty, each hour says so instead of saying nothing."""
    found = judge(steady_hours(24), baseline, start + 2 * DAY, start + 2 * DAY + 3 * HOUR)
    assert [finding.severity for finding in found] == [Severity.UNKNOWN] * 3
    assert "made no predictions" in found[0].reason


def test_scores_that_fall_are_certain_after_two_hours(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Long before a day is full of it; a single hour is not enough."""

    def certain(profiles: list[Any]) -> list[Finding]:
        found = judge(profiles, baseline, start + 170 * HOUR, start + 178 * HOUR)
        return [finding for finding in found if finding.certain]

    profiles = steady_hours(178, change=lower(172))
    first, *_ = certain(profiles)
    assert first.window == Window(start + 172 * HOUR, start + 174 * HOUR)
    assert first.severity.alarming
    assert "from the same hours of the 7 days before" in first.reason
    once = steady_hours(
        178, change=lambda hour, rows: lower(172)(hour, rows) if hour == 172 else None
    )
    assert not certain(once)
