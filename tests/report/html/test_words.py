"""Numbers, spans and moments in words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.report.html.axis import MOST_TICKS, ticks
from mlmon.report.words import clock, many, moment, number, rounded, span, words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "\u2013"),
        (0.0, "", "0"),
        (0.12345, "ratio", "12.3 %"),
        (82.46, "ms", "82.5 ms"),
        (123456.0, "", "123,000"),
        (18_200_000.0, "ns", "18.2 ms"),
        (33.7e9, "ns", "33.7 s"),
        (416e9, "ns", "6.93 min"),
        (0.00012345, "", "0.000123"),
        (999.6, "ms", "1,000 ms"),
    ],
)
def test_a_value_is_written_with_three_digits_and_its_unit(
    value: float | None, unit: str, text: str
) -> None:
    """Shares become percentages; nothing is written with more digits than it deserves."""
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (86_400, "1 d"), (97_200, "1 d 3 h")],
)
def test_a_span_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    """Days with hours, hours with minutes."""
    assert span(seconds) == text


def test_moments_are_utc() -> None:
    """A moment reads the same wherever the report is made."""
    seconds = datetime(2026, 1, 2, 14, 5, tzinfo=UTC).timestamp()
    assert clock(seconds) == "2 Jan 14:05"
    assert moment(seconds) == "2 Jan 2026, 14:05"


def test_counts_and_names_are_words() -> None:
    """One check, two checks; a name from code is a heading."""
    assert (many(1, "check"), many(1200, "check"), words("service_health")) == (
        "1 check",
        "1,200 checks",
        "Service health",
    )


@given(st.floats(-1e12, 1e12, allow_subnormal=False))
def test_rounding_keeps_four_significant_digits(value: float) -> None:
    """What is drawn differs from what was found by less than a thousandth."""
    assert rounded(value) == pytest.approx(value, rel=6e-4, abs=0)


@given(st.floats(1e9, 2e9), st.floats(60, 4e8))
def test_ticks_are_few_and_inside(since: float, length: float) -> None:
    """No more than fit, in order, none outside the range."""
    found = ticks(since, since + length)
    places = [tick.percent for tick in found]
    assert len(found) <= MOST_TICKS
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)
