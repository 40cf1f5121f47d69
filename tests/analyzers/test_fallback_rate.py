"""Fallbacks and ages of sources with a known answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from analyzers.evidence import Evidence
from analyzers.fallback_rate import FallbackRate
from analyzers.finding import Finding, Severity
from analyzers.window import DAY, HOUR, Window

Make = Callable[..., list[Any]]


def judge(profiles: list[Any], start: datetime, end: datetime) -> list[Finding]:
    """Return the findings of a period."""
    return list(FallbackRate().evaluate(Evidence(Window(start, end), profiles)))


def test_a_source_as_usual(steady_hours: Make, start: datetime) -> None:
    """Two in a hundred without statistics and ages below an hour: ok throughout."""
    found = judge(steady_hours(72, stale=lambda hour: 2 + hour % 2), start, start + 3 * DAY)
    assert {each.severity for each in found} == {Severity.OK}
    assert {(each.metric, each.subject) for each in found} == {
        ("fallback.rate", "stats"),
        ("source.age_hours", "stats"),
    }


def test_a_source_that_dies(steady_hours: Make, start: datetime) -> None:
    """Its age warns while its data is still used; once it is stale, all predictions fall back."""
    dead = 48
    profiles = steady_hours(
        60,
        ages=lambda hour: 1_800 + 3_600 * max(0, hour - dead + 1),
        stale=lambda hour: 100 if hour >= dead + 4 else 2,
    )
    alarms = [
        each for each in judge(profiles, start + DAY, start + 60 * HOUR) if each.severity.alarming
    ]
    ages = [each for each in alarms if each.metric == "source.age_hours"]
    rates = [each for each in alarms if each.metric == "fallback.rate"]
    assert ages[0].start == start + (dead + 1) * HOUR
    assert ages[0].value == pytest.approx(2.5)
    assert rates[0].start == start + (dead + 4) * HOUR
    assert rates[0].severity is Severity.CRITICAL
    assert "100 % of 100 predictions used defaults instead of stats (stale: 100)" in rates[0].reason
    assert "2 % in the 7 days before" in rates[0].reason


def test_a_source_refreshed_once_a_day(steady_hours: Make, start: datetime) -> None:
    """Ages up to a day are usual for it and do not alarm; two days do."""

    def age(hour: int) -> float:
        return 3_600.0 * (hour % 24 if hour < 96 else hour - 72)

    found = judge(steady_hours(140, ages=age), start + 2 * DAY, start + 140 * HOUR)
    alarms = [each for each in found if each.severity.alarming]
    assert {each.metric for each in alarms} == {"source.age_hours"}
    assert min(each.value or 0 for each in alarms) > 40


def test_a_source_that_often_falls_back(steady_hours: Make, start: datetime) -> None:
    """A tenth of fallbacks is usual for it; half is not."""
    profiles = steady_hours(72, stale=lambda hour: 50 if hour >= 70 else 10)
    found = judge(profiles, start + 2 * DAY, start + 3 * DAY)
    rates = [each for each in found if each.metric == "fallback.rate"]
    assert [each.severity.alarming for each in rates] == [False] * 22 + [True] * 2


def test_too_few_predictions(steady_hours: Make, start: datetime) -> None:
    """Below twenty predictions in a day nothing is said but how many there were."""
    profiles = steady_hours(72, per_hour=1)[::3]
    found = judge(profiles, start + DAY, start + 3 * DAY)
    assert {each.severity for each in found} == {Severity.UNKNOWN}
    assert "8 predictions used stats" in found[0].reason
