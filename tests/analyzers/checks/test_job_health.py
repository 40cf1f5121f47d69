"""Job health on runs with a known answer."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.checks.job_health.job_health import CYCLE_JOB, JobHealth
from mlmon.analyzers.checks.job_health.job_runs import runs
from mlmon.analyzers.profiles.kinds.job import profiles

Events = list[dict[str, Any]]
RunsOf = Callable[..., Events]
Run = tuple[float, bool, float | None]


def judge(events: Events, start: datetime, first: int, last: int) -> list[Finding]:
    """Return the findings of the hours that end after `first` until `last`."""
    period = Window(start + first * HOUR, start + last * HOUR)
    return list(JobHealth().evaluate(AnalysisContext(period, list(profiles(events)))))


def hourly(hours: Iterable[int], seconds: float = 30.0) -> list[Run]:
    """Return successful runs at the full hours."""
    return [(float(hour), True, seconds) for hour in hours]


def of(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric at the hours' ends."""
    return [
        finding
        for finding in findings
        if finding.metric == metric and finding.window.length == HOUR
    ]


def at_once(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric between the hours' ends."""
    return [
        finding for finding in findings if finding.metric == metric and finding.window.length < HOUR
    ]


def test_a_job_as_usual(runs_of: RunsOf, start: datetime) -> None:
    """A job that runs every hour, a little late at times, is ok once its rhythm is known."""
    on_time = [(hour + 0.01 * (hour % 7), True, 30.0 + hour % 5) for hour in range(48)]
    found = judge(runs_of("refresh", on_time), start, 6, 48)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert {finding.metric for finding in found} == set(JobHealth.limits) - {
        "records.ratio",
        "records.trend",
    }


def test_jobs_of_two_services_with_one_name_are_two(runs_of: RunsOf, start: datetime) -> None:
    """One stops while the other runs on; one fails while the other succeeds."""
    stopping = runs_of("refresh", hourly(range(20)))
    going_on = runs_of("refresh", [(hour + 0.5, hour != 25, 30.0) for hour in range(30)])
    events = stopping + [event | {"service.name": "pricing"} for event in going_on]
    found = judge(sorted(events, key=lambda event: event["@timestamp"]), start, 18, 30)
    missed = {one.service for one in of(found, "missed.runs") if one.severity.alarming}
    failed = {one.service for one in of(found, "failed.runs") if one.severity.alarming}
    assert (missed, failed) == ({"scheduler"}, {"pricing"})


def test_a_job_that_stops(runs_of: RunsOf, start: datetime) -> None:
    """The first hour without its run warns, the third is critical, and it stays so."""
    missed = of(judge(runs_of("refresh", hourly(range(20))), start, 18, 30), "missed.runs")
    assert [finding.value for finding in missed] == [0, 0, *range(1, 11)]
    assert missed[2].severity is Severity.WARNING
    assert missed[4].severity is Severity.CRITICAL
    assert "has not started since 2026-03-02 19:00 UTC" in missed[2].reason
    assert missed[0].lines_since is None
    assert missed[2].lines_since == start + 19 * HOUR


def test_failures_in_a_row(runs_of: RunsOf, start: datetime) -> None:
    """One failure warns, the third in a row is critical, a success ends it."""
    planned = [(float(hour), not 10 <= hour < 14, 30.0) for hour in range(20)]
    failed = of(judge(runs_of("train", planned), start, 8, 16), "failed.runs")
    assert [finding.value for finding in failed] == [0, 0, 1, 2, 3, 4, 0, 0]
    assert failed[2].severity is Severity.WARNING
    assert failed[4].severity is Severity.CRITICAL
    assert "no connection" in failed[4].reason
    assert "3 times in a row" in failed[4].reason


def test_one_failed_cycle_of_mlmon_is_no_alarm(runs_of: RunsOf, start: datetime) -> None:
    """A receiver was away for a moment; the second in a row warns as any other job's would."""
    planned = [(float(hour), hour not in (10, 12, 13, 14), 30.0) for hour in range(20)]
    failed = of(judge(runs_of(CYCLE_JOB, planned), start, 8, 16), "failed.runs")
    assert [finding.value for finding in failed] == [0, 0, 1, 0, 1, 2, 3, 0]
    severities = [finding.severity.value for finding in failed]
    assert severities == ["ok", "ok", "ok", "ok", "ok", "warning", "critical", "ok"]


def test_a_failure_is_known_within_a_second(runs_of: RunsOf, start: datetime) -> None:
    """The second after a failed run's last line, it warns; a success says nothing in between."""
    planned = [(hour + 0.3, hour != 10, 30.0) for hour in range(12)]
    found = judge(runs_of("train", planned), start, 8, 12)
    (finding,) = at_once(found, "failed.runs")
    failed = start + timedelta(hours=10.3, seconds=30)
    assert failed < finding.end <= failed + timedelta(seconds=1)
    assert finding.severity is Severity.WARNING
    assert not at_once(judge(runs_of("train", planned), start, 11, 12), "failed.runs")


def test_a_killed_run_is_known_when_it_is_overdue(runs_of: RunsOf, start: datetime) -> None:
    """A run without an end warns once it passes three times the usual duration, not at the hour."""
    hanging = [*hourly(range(10), seconds=600.0), (10.0, True, None)]
    (finding,) = at_once(judge(runs_of("refresh", hanging), start, 10, 12), "duration.ratio")
    overdue = start + timedelta(hours=10, seconds=1_800)
    assert overdue < finding.end <= overdue + timedelta(seconds=1)


def test_a_missed_run_is_known_when_it_is_overdue(runs_of: RunsOf, start: datetime) -> None:
    """A job that runs every hour is missed an hour and a half after its last start."""
    (finding,) = at_once(judge(runs_of("refresh", hourly(range(20))), start, 18, 30), "missed.runs")
    assert finding.end == start + timedelta(hours=20.5, seconds=1)


def test_what_is_judged_at_once_does_not_depend_on_the_period(
    runs_of: RunsOf, start: datetime
) -> None:
    """Judged in parts of ten minutes, a history gives the same findings as judged at once."""
    planned = [
        (hour + 0.3, hour % 7 != 5, 30.0 if hour % 11 else 9_000.0)
        for hour in range(40)
        if hour != 30
    ]
    events = runs_of("train", planned)
    full = judge(events, start, 20, 40)
    parts = [
        finding
        for part in range(120)
        for finding in JobHealth().evaluate(
            AnalysisContext(
                Window(
                    start + 20 * HOUR + part * timedelta(minutes=10),
                    start + 20 * HOUR + (part + 1) * timedelta(minutes=10),
                ),
                list(profiles(events)),
            )
        )
    ]
    assert sorted(one.key for one in parts) == sorted(one.key for one in full)
    assert len(at_once(full, "failed.runs")) == 2
    assert at_once(full, "duration.ratio")


def test_retries_do_not_make_a_weekly_job_hourly(runs_of: RunsOf, start: datetime) -> None:
    """Hourly retries after a failure are no rhythm: a day later nothing is missed."""
    weekly = [(168.0 * week, True, 300.0) for week in range(4)]
    retries = [(168.0 * 4 + hour, hour == 5, 300.0) for hour in range(6)]
    found = judge(runs_of("train", weekly + retries), start, 680, 720)
    assert {finding.severity for finding in of(found, "missed.runs")} == {Severity.OK}
    late = judge(runs_of("train", weekly + retries), start, 672 + 252, 672 + 300)
    assert any(finding.severity.alarming for finding in of(late, "missed.runs"))


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
    assert [finding.value for finding in found] == [6.0, 12.0, 18.0]
    assert found[1].severity is Severity.CRITICAL
    assert "has been running for" in found[1].reason


def test_what_was_not_yet_known_is_not_judged(runs_of: RunsOf, start: datetime) -> None:
    """An hour is judged by what had happened by its end, whatever is known by now."""
    planned = [*hourly(range(10), seconds=600.0), (10.5, False, 7_200.0)]
    found = judge(runs_of("refresh", planned), start, 10, 13)
    assert [finding.value for finding in of(found, "duration.ratio")] == [3.0, 9.0, 12.0]
    assert [finding.end - start for finding in of(found, "failed.runs")] == [13 * HOUR]


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


def test_a_job_that_never_ran_again(runs_of: RunsOf, start: datetime) -> None:
    """It is critical for 150 days after its last start, then counts as retired."""
    found = judge(
        runs_of("refresh", [(24.0 * day, True, 30.0) for day in range(30)]), start, 0, 4300
    )
    missed = of(found, "missed.runs")
    alarms = [finding for finding in missed if finding.severity.alarming]
    last = start + timedelta(days=29)
    assert alarms[0].end == last + timedelta(hours=36)
    critical = [finding for finding in missed if finding.severity is Severity.CRITICAL]
    assert critical[-1].end > last + timedelta(days=146)
    assert missed[-1].end == last + timedelta(days=150)


def test_a_job_that_rests_at_weekends(runs_of: RunsOf, start: datetime) -> None:
    """Four weeks of working days: a weekend is calm, a Tuesday without its run is not."""
    days = [7 * week + day for week in range(4) for day in range(5)]
    planned = [(24.0 * day + 8, True, 60.0) for day in days]
    calm = judge(runs_of("report", planned), start, 21 * 24, 28 * 24 + 8)
    assert {finding.severity for finding in of(calm, "missed.runs")} == {Severity.OK}
    monday = [*planned, (24.0 * 28 + 8, True, 60.0)]
    missed = of(judge(runs_of("report", monday), start, 28 * 24 + 8, 31 * 24), "missed.runs")
    first = next(finding for finding in missed if finding.severity.alarming)
    assert first.end == start + timedelta(days=29, hours=20)
    assert "in each of the 3 weeks before it started once in that time" in first.reason


def test_a_daily_job_that_runs_once_more_on_sundays(runs_of: RunsOf, start: datetime) -> None:
    """Without Sunday's second run a run is missed until the next one starts."""
    daily = [24.0 * day + 3 for day in range(34)]
    sundays = [24.0 * (7 * week + 6) + 15 for week in range(4)]
    planned = [(hour, True, 60.0) for hour in sorted(daily + sundays)]
    missed = of(judge(runs_of("refresh", planned), start, 28 * 24, 36 * 24), "missed.runs")
    sunday = [finding for finding in missed if finding.end <= start + timedelta(days=34)]
    assert {finding.severity for finding in sunday} == {Severity.OK}
    # The last run was Saturday's at 3: Sunday's first is due at 3, its second at 15.
    values = {finding.end - start: finding.value for finding in missed}
    assert values[timedelta(days=34, hours=8)] == 0
    assert values[timedelta(days=34, hours=22)] == 2


def test_a_weekly_job_is_missed_half_a_day_later(runs_of: RunsOf, start: datetime) -> None:
    """Not half a week later: three weeks show when it is due."""
    planned = [(168.0 * week + 8, True, 300.0) for week in range(5)]
    missed = of(judge(runs_of("train", planned), start, 34 * 24, 37 * 24), "missed.runs")
    first = next(finding for finding in missed if finding.severity.alarming)
    assert first.end == start + timedelta(days=35, hours=8 + 12)


def test_a_job_without_a_rhythm(runs_of: RunsOf, start: datetime) -> None:
    """Started by hand, within an hour or after days, it is not missed before its longest pause."""
    hours = [0, 1, 2, 50, 51, 53, 170, 171, 174, 300, 301, 302, 420]
    planned = [(float(hour), True, 60.0) for hour in hours]
    missed = of(judge(runs_of("backfill", planned), start, 310, 620), "missed.runs")
    first = next(finding for finding in missed if finding.severity.alarming)
    assert first.end == start + timedelta(hours=420 + 1.5 * 126 + 1)
    assert first.value == 1


def test_a_run_that_hangs_next_to_others(runs_of: RunsOf, start: datetime) -> None:
    """Once others have started and three usual durations have passed, it counts as failed."""
    planned = [*hourly(range(10), seconds=1_500.0), (10.0, True, None), (11.0, True, 1_500.0)]
    failed = of(judge(runs_of("refresh", planned), start, 9, 14), "failed.runs")
    assert [(finding.end - start, finding.value) for finding in failed] == [
        (10 * HOUR, 0),
        (12 * HOUR, 1),
    ]
    assert "its end was never logged" in failed[1].reason


def test_a_job_that_is_killed_each_time(runs_of: RunsOf, start: datetime) -> None:
    """A job whose every run is killed fails, though no end is ever logged."""
    killed = [(float(hour), True, None) for hour in range(10, 16)]
    found = judge(runs_of("train", [*hourly(range(10)), *killed]), start, 10, 16)
    failed = of(found, "failed.runs")
    assert [finding.value for finding in failed] == [1, 2, 3, 4, 5]
    assert failed[-1].severity is Severity.CRITICAL
    never = of(judge(runs_of("train", killed), start, 10, 16), "failed.runs")
    assert never[-1].severity is Severity.CRITICAL
    assert "no run is known to have succeeded" in never[-1].reason


def test_runs_that_overlap_are_not_given_up(runs_of: RunsOf, start: datetime) -> None:
    """Runs of 90 minutes that start every hour run next to each other and do not fail."""
    found = judge(runs_of("train", hourly(range(30), seconds=5_400.0)), start, 6, 30)
    assert {finding.severity for finding in of(found, "failed.runs")} == {Severity.OK}


def with_records(events: Events, records: Iterable[int | None]) -> Events:
    """Return the events with the records of each run at its end."""
    numbers = iter(records)
    ends = {id(event): next(numbers) for event in events if event["event.action"] == "ended"}
    return [
        event | ({} if (known := ends.get(id(event))) is None else {"ml.job.records": known})
        for event in events
    ]


def test_a_run_with_few_records(runs_of: RunsOf, start: datetime) -> None:
    """Less than 60 % of the median warns, less than a tenth is critical, more is fine."""
    records = [1_000, 1_050, 980, 1_010, 990, 400, 60, 3_000, 1_000]
    events = with_records(runs_of("assemble", hourly(range(9))), records)
    found = of(judge(events, start, 0, 9), "records.ratio")
    assert [finding.severity for finding in found] == [
        *[Severity.UNKNOWN] * 4,
        Severity.OK,
        Severity.WARNING,
        Severity.CRITICAL,
        Severity.OK,
        Severity.OK,
    ]
    assert found[5].value == pytest.approx(0.4, abs=0.01)
    assert "processed 400 records, usually 1,005" in found[5].reason


def test_records_that_always_vary(runs_of: RunsOf, start: datetime) -> None:
    """A job that has a hundredth at night is judged by its nights; none at all still alarms."""
    records = [1_000 if hour % 24 > 8 else 10 for hour in range(72)]
    calm = with_records(runs_of("sync", hourly(range(72))), records)
    found = of(judge(calm, start, 24, 72), "records.ratio")
    assert {finding.severity for finding in found} == {Severity.OK}
    empty = with_records(runs_of("sync", hourly(range(72))), [*records[:71], 0])
    assert of(judge(empty, start, 71, 72), "records.ratio")[0].severity is Severity.CRITICAL


def test_a_job_that_often_has_no_records(runs_of: RunsOf, start: datetime) -> None:
    """Where every third run finds nothing to do, nothing is usual."""
    events = with_records(runs_of("poll", hourly(range(30))), [7 * (n % 3) for n in range(30)])
    found = of(judge(events, start, 10, 30), "records.ratio")
    assert {finding.severity for finding in found} == {Severity.OK}


def test_records_that_are_no_longer_logged(runs_of: RunsOf, start: datetime) -> None:
    """A run without it is unknown where runs before it had it; else nothing is reported."""
    events = with_records(runs_of("assemble", hourly(range(9))), [*[100] * 8, None])
    (found,) = of(judge(events, start, 8, 9), "records.ratio")
    assert found.severity is Severity.UNKNOWN
    assert "logged no number of records" in found.reason
    silent = judge(runs_of("assemble", hourly(range(9))), start, 0, 9)
    assert of(silent, "records.ratio") == []


def test_long_errors_are_cut(runs_of: RunsOf, start: datetime) -> None:
    """An error of pages does not make a sentence of pages."""
    events = runs_of("train", [(1.0, False, 30.0)])
    events[1]["error.message"] = "no room " * 500 + "\nTraceback"
    (found,) = of(judge(events, start, 1, 2), "failed.runs")
    assert len(found.reason) < 400


def test_a_failure_that_was_repeated_within_the_hour(runs_of: RunsOf, start: datetime) -> None:
    """A success does not hide that runs of the same hour failed before it."""
    planned = [(hour / 12, hour % 12 in (0, 11), 30.0) for hour in range(36)]
    failed = of(judge(runs_of("poll", planned), start, 0, 3), "failed.runs")
    assert [(finding.value, finding.severity) for finding in failed] == [
        (10, Severity.CRITICAL)
    ] * 3
    assert "last succeeded 2026-03-02 02:55 UTC" in failed[-1].reason


@pytest.mark.parametrize("before", [5, 20, 60])
def test_records_that_halve_in_five_runs(runs_of: RunsOf, start: datetime, before: int) -> None:
    """Falling run by run to half, they alarm: the reference does not learn the decline."""
    noise = np.random.default_rng(7).normal(1, 0.02, before)
    falling = [871, 758, 660, 574, 500, 500, 500, 500]
    records = [*(round(1_000 * factor) for factor in noise), *falling]
    runs = len(records)
    events = with_records(runs_of("assemble", hourly(range(runs))), records)
    found = of(judge(events, start, 0, runs), "records.ratio")
    assert not any(finding.severity.alarming for finding in found[:before])
    assert all(finding.severity.alarming for finding in found[before + 4 :])
    limits = [finding.warning for finding in found[before + 1 :]]
    assert min(limit for limit in limits if limit is not None) >= 0.5


def test_records_that_fall_slowly(runs_of: RunsOf, start: datetime) -> None:
    """By two percent a run, to 55 % in 30 runs: no run alarms by itself, the trend does."""
    noise = np.random.default_rng(8).normal(1, 0.01, 30)
    records = [round(1_000 * 0.98**run * factor) for run, factor in enumerate(noise)]
    events = with_records(runs_of("assemble", hourly(range(30))), records)
    (found,) = of(judge(events, start, 29, 30), "records.trend")
    assert found.severity is Severity.WARNING, found.reason
    assert found.value == pytest.approx(0.98**29, abs=0.02)
    steady = [round(1_000 * factor) for factor in noise]
    events = with_records(runs_of("assemble", hourly(range(30))), steady)
    calm = of(judge(events, start, 8, 30), "records.trend")
    assert {finding.severity for finding in calm} == {Severity.OK}
