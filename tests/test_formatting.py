"""Numbers, durations, times and names as people read them."""

import doctest
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlmon.formatting
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.formatting import (
    axis_unit,
    compact_duration,
    count,
    duration,
    heading,
    machine_moment,
    moment,
    number,
    parse_duration,
    rounded,
    short_moment,
    span,
)


def test_the_examples_of_the_docstrings_hold() -> None:
    """Each `>>>` line gives what stands below it."""
    failed, tried = doctest.testmod(mlmon.formatting)
    assert (failed, tried > 10) == (0, True)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "\u2013"),
        (0.0, "", "0"),
        (0.12345, "ratio", "12.3 %"),
        (82.46, "ms", "82.5 ms"),
        (123456.0, "", "123,456"),
        (18_200_000.0, "ns", "18.2 ms"),
        (33.7e9, "ns", "33.7 s"),
        (416e9, "ns", "6 min 56 s"),
        (432_000.0, "s", "5 d"),
        (2_500_000.0, "bytes", "2.5 MB"),
        (0.00012345, "", "0.000123"),
    ],
)
def test_a_value_is_written_with_three_digits_and_its_unit(
    value: float | None, unit: str, text: str
) -> None:
    """Shares become percentages, durations their readable unit; a missing value is a dash."""
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.97, "1 min"),
        (300, "5 min"),
        (3599.8, "1 h"),
        (12_000, "3 h 20 min"),
        (86_399.9, "1 d"),
        (97_200, "1 d 3 h"),
        (-90, "-1 min 30 s"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    """Days with hours, hours with minutes; what rounds up to a unit is written in that unit."""
    assert duration(seconds) == text
    assert duration(timedelta(seconds=seconds)) == text


@given(st.integers(1, 10**8).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_compact_duration_is_read_as_what_was_written(length: timedelta) -> None:
    """Reading gives the duration back in any unit."""
    text = compact_duration(length)
    if len(text) <= 7:  # six digits and a unit: the most that is read
        assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 minutes", "0s", "1e3s", "5m5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number and one unit, longer than nothing."""
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@given(st.floats(1e-6, 1e9), st.sampled_from([("ns", 1e9), ("s", 1.0)]))
def test_an_axis_of_durations_has_readable_numbers(seconds: float, unit: tuple[str, float]) -> None:
    """The greatest value is the same duration in the axis' unit, below 7,200 of it but for days."""
    name, per_second = unit
    divisor, shown = axis_unit(seconds * per_second, name)
    value = seconds * per_second / divisor
    size = {"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86_400}[shown]
    assert value * size == pytest.approx(seconds)
    assert value < 7_200 or shown == "d"


def test_moments_are_utc() -> None:
    """A moment reads the same wherever it is written and in whichever zone it was given."""
    there = datetime(2026, 1, 2, 16, 5, tzinfo=timezone(timedelta(hours=2)))
    seconds = datetime(2026, 1, 2, 14, 5, tzinfo=UTC).timestamp()
    assert {short_moment(there), short_moment(seconds)} == {"2 Jan 14:05"}
    assert {moment(there), moment(seconds)} == {"2026-01-02 14:05 UTC"}
    assert {machine_moment(there), machine_moment(seconds)} == {"2026-01-02T14:05:00Z"}


def test_a_time_range_names_each_day_once() -> None:
    """Within a day only the hours stand twice; a full day is its date."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert span(Window(noon, noon + HOUR)) == "from 12:00 to 13:00 UTC on 2026-03-02"
    assert span(Window(noon - 12 * HOUR, noon + 12 * HOUR)) == "on 2026-03-02 (UTC)"
    assert span(Window(noon - HOUR, noon + 13 * HOUR)) == (
        "from 2026-03-02 11:00 UTC to 2026-03-03 01:00 UTC"
    )


def test_counts_and_names_are_words() -> None:
    """One check, two checks; a name from code is a heading."""
    assert (count(1, "check"), count(1200, "check"), heading("service_health")) == (
        "1 check",
        "1,200 checks",
        "Service health",
    )


@given(st.floats(-1e12, 1e12, allow_subnormal=False))
def test_rounding_keeps_four_significant_digits(value: float) -> None:
    """What is drawn differs from what was found by less than a thousandth."""
    assert rounded(value) == pytest.approx(value, rel=6e-4, abs=0)
