"""Spells: when a check was in alarm, and since when."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.report.html.series import record
from mlmon.report.html.severity import CRITICAL, WARNING
from mlmon.report.html.spells import PATIENCE, Spell, spells

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


def spells_of(letters: str) -> tuple[Spell, ...]:
    """Return the spells of such findings."""
    return spells(record(windows(letters)).series)


def test_a_spell_spans_from_the_first_window_in_alarm_to_the_last() -> None:
    """Since is the first alarming window's start, until the last one's end; quiet is outside."""
    (spell,) = spells_of("oowwcwooo")
    assert spell.since == (START + 2 * HOUR).timestamp()
    assert spell.until == (START + 6 * HOUR).timestamp()
    assert (spell.windows, spell.alarms, spell.severity) == (4, 4, CRITICAL)
    assert spell.worst.reason == "window 4"


def test_a_value_that_hovers_at_its_limit_makes_one_spell() -> None:
    """A pause of up to `PATIENCE` windows does not end a spell, a longer one does."""
    assert len(spells_of("w" + "o" * PATIENCE + "w" + "o" * 5)) == 1
    assert len(spells_of("w" + "o" * (PATIENCE + 1) + "w" + "o" * 5)) == 2


def test_a_spell_lasts_until_the_check_was_quiet_for_longer_than_a_pause() -> None:
    """It is ongoing while its last alarm lies within the last `PATIENCE` windows."""
    assert [spell.ongoing for spell in spells_of("ooww")] == [True]
    assert [spell.ongoing for spell in spells_of("oow" + "o" * PATIENCE)] == [True]
    assert [spell.ongoing for spell in spells_of("oow" + "o" * (PATIENCE + 1))] == [False]


def test_unknown_is_no_alarm_and_no_end_of_one() -> None:
    """Windows without a verdict neither open a spell, nor count in one, nor say that it is over."""
    assert spells_of("uuuu") == ()
    assert [spell.alarms for spell in spells_of("wuuuuuuw")] == [2]
    assert [spell.ongoing for spell in spells_of("wuuuuuu")] == [True]


def daily(letters: str) -> list[Finding]:
    """Return findings of one hour a day, such as a job's that runs at night."""
    return [
        replace(one, start=one.start + 23 * place * HOUR, end=one.end + 23 * place * HOUR)
        for place, one in enumerate(windows(letters))
    ]


def test_a_job_that_fails_each_night_has_one_spell() -> None:
    """Between the runs nothing is known, so that nothing ends; the first good run ends it."""
    (spell,) = spells(record(daily("oowww")).series)
    assert (spell.alarms, spell.ongoing) == (3, True)
    first, second = spells(record(daily("owwow")).series)
    assert (first.alarms, first.ongoing, second.alarms) == (2, False, 1)


def test_a_sliding_windows_spell_begins_where_its_window_was_new() -> None:
    """Of the last 24 hours, judged hourly, only the last hour is news: the spell begins there."""
    sliding = [replace(one, start=one.end - 24 * HOUR) for one in windows("ooowwooooo")]
    (spell,) = spells(record(sliding).series)
    assert spell.since == (START + 3 * HOUR).timestamp()
    assert (spell.window, spell.ongoing) == (3600.0, False)


def test_where_low_is_bad_the_worst_is_the_lowest() -> None:
    """A critical limit below the warning one makes the least value of a spell its worst."""
    findings = [
        Finding.of(
            analyzer="service_health", metric="traffic.rpm", subject="/", reason=str(value),
            start=START + place * HOUR, end=START + (place + 1) * HOUR,
            severity=Severity.WARNING, value=value, warning=30, critical=5,
        )
        for place, value in enumerate((20.0, 8.0, 12.0))
    ]  # fmt: skip
    (spell,) = spells(record(findings).series)
    assert spell.worst.value == 8.0


@given(st.text(alphabet="ouwc", min_size=1, max_size=60))
def test_every_alarm_lies_in_exactly_one_spell(letters: str) -> None:
    """Spells neither lose nor double an alarm, and do not overlap."""
    found = spells_of(letters)
    assert sum(spell.alarms for spell in found) == sum(letter in "wc" for letter in letters)
    assert all(one.until < two.since for one, two in pairwise(found))
    assert all(spell.severity >= WARNING for spell in found)
    worst = max((spell.severity for spell in found), default=0)
    assert (worst == CRITICAL) == ("c" in letters)
