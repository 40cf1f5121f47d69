"""Alarm periods: which windows of a check are one row of the table of findings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.report.html.alarm_periods import PATIENCE, AlarmPeriod, alarm_periods
from mlmon.report.html.series import record
from mlmon.report.html.severity import CRITICAL, WARNING

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEVERITIES = {
    "o": Severity.OK,
    "u": Severity.UNKNOWN,
    "w": Severity.WARNING,
    "c": Severity.CRITICAL,
}


def windows(letters: str, value: Callable[[int], float] = float) -> list[Finding]:
    """Return hourly findings whose severities are given by letters."""
    return [
        Finding.of(
            analyzer="feature_drift",
            metric="ks.distance",
            subject="bid_price",
            start=START + place * HOUR,
            end=START + (place + 1) * HOUR,
            severity=SEVERITIES[letter],
            reason=f"window {place}",
            value=value(place),
            warning=0.1,
            critical=0.2,
        )
        for place, letter in enumerate(letters)
    ]


def periods_of(letters: str) -> tuple[AlarmPeriod, ...]:
    """Return the periods of such findings."""
    return alarm_periods(record(windows(letters)).series)


def test_a_period_spans_from_the_first_window_in_alarm_to_the_last() -> None:
    """Since is the first alarming window's start, until the last one's end; quiet is outside."""
    (period,) = periods_of("oowwcwooo")
    assert period.since == (START + 2 * HOUR).timestamp()
    assert period.until == (START + 6 * HOUR).timestamp()
    assert (period.windows, period.alarms, period.severity) == (4, 4, CRITICAL)
    assert period.worst.reason == "window 4"


def test_a_value_that_hovers_at_its_limit_makes_one_period() -> None:
    """A pause of up to `PATIENCE` windows does not end a period, a longer one does."""
    assert len(periods_of("w" + "o" * PATIENCE + "w" + "o" * 5)) == 1
    assert len(periods_of("w" + "o" * (PATIENCE + 1) + "w" + "o" * 5)) == 2


def test_unknown_is_no_alarm_and_no_end_of_one() -> None:
    """Windows without a verdict neither open a period, nor count in one, nor end it."""
    assert periods_of("uuuu") == ()
    assert [period.alarms for period in periods_of("wuuuuuuw")] == [2]


def daily(letters: str) -> list[Finding]:
    """Return findings of one hour a day, such as a job's that runs at night."""
    return [
        replace(one, start=one.start + 23 * place * HOUR, end=one.end + 23 * place * HOUR)
        for place, one in enumerate(windows(letters))
    ]


def test_a_job_that_fails_each_night_has_one_period() -> None:
    """Between the runs nothing is known, so that nothing ends; the first good run ends it."""
    (period,) = alarm_periods(record(daily("oowww")).series)
    assert period.alarms == 3
    first, second = alarm_periods(record(daily("owwow")).series)
    assert (first.alarms, second.alarms) == (2, 1)


def test_a_sliding_windows_period_begins_where_its_window_was_new() -> None:
    """Of the last 24 hours, judged hourly, only the last hour is news: the period begins there."""
    sliding = [replace(one, start=one.end - 24 * HOUR) for one in windows("ooowwooooo")]
    (period,) = alarm_periods(record(sliding).series)
    assert period.since == (START + 3 * HOUR).timestamp()
    assert period.until == (START + 5 * HOUR).timestamp()


def test_where_low_is_bad_the_worst_is_the_lowest() -> None:
    """A critical limit below the warning one makes the least value of a period its worst."""
    findings = [
        Finding.of(
            analyzer="service_health", metric="traffic.rpm", subject="/", reason=str(value),
            start=START + place * HOUR, end=START + (place + 1) * HOUR,
            severity=Severity.WARNING, value=value, warning=30, critical=5,
        )
        for place, value in enumerate((20.0, 8.0, 12.0))
    ]  # fmt: skip
    (period,) = alarm_periods(record(findings).series)
    assert period.worst.value == 8.0


@given(st.text(alphabet="ouwc", min_size=1, max_size=60))
def test_every_alarm_lies_in_exactly_one_period(letters: str) -> None:
    """Periods neither lose nor double an alarm, and do not overlap."""
    found = periods_of(letters)
    assert sum(period.alarms for period in found) == sum(letter in "wc" for letter in letters)
    assert all(one.until < two.since for one, two in pairwise(found))
    assert all(period.severity >= WARNING for period in found)
    worst = max((period.severity for period in found), default=0)
    assert (worst == CRITICAL) == ("c" in letters)
