"""Job health on runs with a known answer."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from analyzers.evidence import Evidence
from analyzers.finding import Finding, Severity
from analyzers.job_health import JobHealth, runs
from analyzers.profile.jobs import profiles
from analyzers.window import HOUR, Window

Events = list[dict[str, Any]]
RunsOf = Callable[..., Events]
Run = tuple[float, bool, float | None]


def judge(events: Events, start: datetime, first: int, last: int) -> list[Finding]:
    """Return the findings of the hours that end after `first` until `last`."""
    period = Window(start + first * HOUR, start + last * HOUR)
    return list(JobHealth().evaluate(Evidence(period, list(profiles(events)))))


def hourly(hours: Iterable[int], seconds: float = 30.0) -> list[Run]:
    """Return successful runs at the full hours."""
    return [(float(hour), True, seconds) for hour in hours]


def of(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric."""
    return [each for each in findings if each.metric == metric]


def test_a_job_as_usual(runs_of: RunsOf, start: datetime) -> None:
    """A job that runs every hour, a little late at times, is ok once its rhythm is known."""
    on_time = [(hour + 0.01 * (hour % 7), True, 30.0 + hour % 5) for hour in range(48)]
    found = judge(runs_of("refresh", on_time), start, 6, 48)
    assert {each.severity for each in found} == {Severity.OK}
    assert {each.metric for each in found} == set(JobHealth.limits)


def test_a_job_that_stops(runs_of: RunsOf, start: datetime) -> None:
    """The first hour without its run warns, the third is critical, and it stays so."""
    missed = of(judge(runs_of("refresh", hourly(range(20))), start, 18, 30), "missed.runs")
    assert [each.value for each in missed] == [0, 0, *range(1, 11)]
    assert missed[2].severity is Severity.WARNING
    assert missed[4].severity is Severity.CRITICAL
    assert "has not started since 2026-03-02 19:00 UTC" in missed[2].reason


def test_failures_in_a_row(runs_of: RunsOf, start: datetime) -> None:
    """One failure warns, the third in a row is critical, a success ends it."""
    planned = [(float(hour), not 10 <= hour < 14, 30.0) for hour in range(20)]
    failed = of(judge(runs_of("train", planned), start, 8, 16), "failed.runs")
    assert [each.value for each in failed] == [0, 0, 1, 2, 3, 4, 0, 0]
    assert failed[2].severity is Severity.WARNING
    assert failed[4].severity is Severity.CRITICAL
    assert "no connection" in failed[4].reason
    assert "3 times in a row" in failed[4].reason


def test_retries_do_not_make_a_weekly_job_hourly(runs_of: RunsOf, start: datetime) -> None:
    """Hourly retries after a failure are no rhythm: a day later nothing is missed."""
    weekly = [(168.0 * week, True, 300.0) for week in range(4)]
    retries = [(168.0 * 4 + hour, hour == 5, 300.0) for hour in range(6)]
    found = judge(runs_of("train", weekly + retries), start, 680, 720)
    assert {each.severity for each in of(found, "missed.runs")} == {Severity.OK}
    late = judge(runs_of("train", weekly + retries), start, 672 + 252, 672 + 300)
    assert any(each.severity.alarming for each in of(late, "missed.runs"))


def test_a_run_that_takes_long(runs_of: RunsOf, start: datetime) -> None:
    """Four times the usual time warns; a few seconds more of a short job do not."""
    slow = [*hourly(range(10)), (10.0, True, 120.0)]
    (finding,) = of(judge(runs_of("refresh", slow), start, 10, 11), "duration.ratio")
    assert finding.value == pytest.approx(4.0)
    assert finding.severity is Severity.WARNING
    short = [*hourly(range(10), seconds=0.5), (10.0, True, 5.0)]
    (finding,) = of(judge(runs_of("refresh", short), start, 10, 11), "duration.ratio")
    assert finding.severity is Severity.OK


def test_a_run_that_hangs(runs_of: RunsOf, start: datetime) -> None:
    """A run that started and never ended is judged by the time it has taken so far."""
    hanging = [*hourly(range(10), seconds=600.0), (10.0, True, None)]
    found = of(judge(runs_of("refresh", hanging), start, 10, 13), "duration.ratio")
    assert [each.value for each in found] == [6.0, 12.0, 18.0]
    assert found[1].severity is Severity.CRITICAL
    assert "has been running for" in found[1].reason


def test_what_was_not_yet_known_is_not_judged(runs_of: RunsOf, start: datetime) -> None:
    """An hour is judged by what had happened by its end, whatever is known by now."""
    planned = [*hourly(range(10), seconds=600.0), (10.5, False, 7_200.0)]
    found = judge(runs_of("refresh", planned), start, 10, 13)
    assert [each.value for each in of(found, "duration.ratio")] == [3.0, 9.0, 12.0]
    assert [each.end - start for each in of(found, "failed.runs")] == [13 * HOUR]


def test_a_rhythm_takes_four_runs(runs_of: RunsOf, start: datetime) -> None:
    """With three successes, when the next is due is unknown."""
    (finding,) = of(judge(runs_of("refresh", hourly(range(3))), start, 9, 10), "missed.runs")
    assert finding.severity is Severity.UNKNOWN
    assert "3 successes of refresh known" in finding.reason


def test_an_end_whose_start_was_lost(start: datetime, runs_of: RunsOf) -> None:
    """The run began when its duration says."""
    (only_end,) = runs_of("refresh", [(1.0, True, 1_800.0)])[1:]
    (profile,) = profiles([only_end])
    (run,) = runs(profile.events)
    assert run.start == start + HOUR
    assert run.end == start + timedelta(hours=1.5)
