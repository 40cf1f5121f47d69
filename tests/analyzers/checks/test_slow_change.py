"""Slow changes of latency and traffic with a known answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.checks.slow_change import SlowChange
from mlmon.analyzers.profiles.kinds.access import AccessProfile, Endpoint

Make = Callable[..., list[AccessProfile]]
PER_DAY = 288


def judge(profiles: list[AccessProfile], end: datetime) -> dict[str, Finding]:
    """Return the findings of the day that ends at a moment, by metric."""
    found = SlowChange().evaluate(AnalysisContext(Window(end - DAY, end), profiles))
    return {finding.metric: finding for finding in found}


def test_a_latency_that_creeps(access_profiles: Make, start: datetime) -> None:
    """From 50 to 161 ms in 12 days, by 11 % a day: a warning or worse that names both ends."""
    profiles = access_profiles(12, scale=lambda index: (161 / 50) ** (index // PER_DAY / 11))
    found = judge(profiles, start + 12 * DAY)
    creep = found["latency.p99.trend"]
    assert creep.severity.alarming, creep.reason
    assert creep.value == pytest.approx(161 / 50, rel=0.1)
    assert "it rises steadily" in creep.reason
    assert creep.low is not None
    assert creep.high is not None
    assert creep.low <= 161 / 50 <= creep.high
    assert not found["traffic.trend"].severity.alarming
    # Nine days of it, to 50 * 2.5 ms, suffice.
    early = judge(profiles[: 9 * PER_DAY], start + 9 * DAY)["latency.p99.trend"]
    assert early.severity.alarming, early.reason


def test_a_path_of_two_services_is_two_paths(access_profiles: Make, start: datetime) -> None:
    """The latency of one creeps and that of the other does not: each has a verdict of its own."""
    creeping = access_profiles(12, scale=lambda index: (161 / 50) ** (index // PER_DAY / 11))
    steady = {profile.window: profile for profile in access_profiles(12)}
    both = [
        replace(
            profile,
            paths={
                **profile.paths,
                **{
                    Endpoint("other", endpoint.path): replace(access, service="other")
                    for endpoint, access in steady[profile.window].paths.items()
                },
            },
        )
        for profile in creeping
        if profile.window in steady
    ]
    end = start + 12 * DAY
    found = [
        finding
        for finding in SlowChange().evaluate(AnalysisContext(Window(end - DAY, end), both))
        if finding.metric == "latency.p99.trend"
    ]
    assert {finding.service: finding.severity.alarming for finding in found} == {
        "api": True,
        "other": False,
    }


def test_weeks_without_a_trend(access_profiles: Make, start: datetime) -> None:
    """Four weeks of quiet weekends and the same latencies: nothing is called a trend."""

    def requests(index: int) -> int:
        return 4 if index // PER_DAY % 7 >= 5 else 8

    profiles = access_profiles(29, requests=requests)
    for day in range(9, 30, 4):
        found = judge(profiles, start + day * DAY)
        assert {finding.severity for finding in found.values()} == {Severity.OK}


def test_a_traffic_that_declines(access_profiles: Make, start: datetime) -> None:
    """By three percent a day, to less than half in four weeks: a warning, named with its factor."""

    def requests(index: int) -> int:
        return round(40 * 0.97 ** (index / PER_DAY)) if index % 4 == 0 else 0

    profiles = access_profiles(28, requests=requests)
    decline = judge(profiles, start + 28 * DAY)["traffic.trend"]
    assert decline.severity is Severity.WARNING, decline.reason
    assert decline.value == pytest.approx(0.97**27, rel=0.1)


@pytest.mark.parametrize("weeks", [1, 3])
def test_half_the_traffic_alarms(access_profiles: Make, start: datetime, weeks: int) -> None:
    """114 requests an hour become 57: a warning at the end of that day."""
    days = 7 * weeks + 1

    def requests(index: int) -> int:
        return (19 if index // PER_DAY < days - 1 else 9) if index % 2 == 0 else 0

    profiles = access_profiles(days, requests=requests)
    half = judge(profiles, start + days * DAY)["traffic.day"]
    assert half.severity is Severity.WARNING, half.reason
    assert half.value == pytest.approx(9 / 19, abs=0.01)
