"""Maintenance windows hold when they should and never for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlmon.alerting.incidents.maintenance import Maintenance, held_until
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.alerting.settings import AlertingSettings
from tests.support.incident_records import incident_of

SUNDAY = datetime(2026, 11, 29, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def incident(opened: datetime) -> IncidentRecord:
    """Return an incident of a model."""
    return incident_of(opened=opened, model_name="autobid")


def test_a_weekly_window_comes_every_week() -> None:
    """It holds from Sunday two o'clock for three hours, and at no other time."""
    window = Maintenance(name="retraining", every="Sun 02:00", length="3h")
    for week in range(-2, 3):
        begin = SUNDAY + timedelta(weeks=week)
        assert window.ends(begin) == begin + 3 * HOUR
        assert window.ends(begin + 3 * HOUR) is None
        assert window.ends(begin - timedelta(seconds=1)) is None
    assert window.ends(SUNDAY + timedelta(days=1)) is None


def test_a_daily_window_may_pass_midnight() -> None:
    """At half past midnight a window from 23:00 for two hours still holds."""
    window = Maintenance(name="backup", every="23:00", length="2h")
    begin = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert window.ends(begin + 1.5 * HOUR) == begin + 2 * HOUR
    assert window.ends(begin + 2.5 * HOUR) is None


def test_only_what_opened_in_it_is_held() -> None:
    """An incident that was open before the window began is nobody's maintenance."""
    windows = [Maintenance(name="m", every="Sun 02:00", length="3h", models=("auto*",))]
    inside = incident(SUNDAY + HOUR)
    assert held_until(windows, inside, SUNDAY + 2 * HOUR) == SUNDAY + 3 * HOUR
    assert held_until(windows, inside, SUNDAY + 3 * HOUR) is None
    assert held_until(windows, incident(SUNDAY - HOUR), SUNDAY + HOUR) is None
    other = [Maintenance(name="m", every="Sun 02:00", length="3h", models=("pricing",))]
    assert held_until(other, inside, SUNDAY + HOUR) is None


@pytest.mark.parametrize(
    "known",
    [
        {"length": "3h"},
        {"every": "Sun 02:00", "start": SUNDAY, "length": "3h"},
        {"every": "Someday 02:00", "length": "3h"},
        {"every": "Sun noon", "length": "3h"},
        {"every": "Sun 02:00", "length": "3d"},
        {"every": "Sun 02:00", "length": "long"},
        {"start": datetime(2026, 11, 29), "length": "1h"},  # noqa: DTZ001 - that is the mistake
        {"every": "Sun 02:00", "length": "3h", "model": "x"},
    ],
)
def test_a_window_that_makes_no_sense_is_refused(known: dict[str, object]) -> None:
    """Neither once nor again, both, an unknown day, endless, without a zone, a misspelt key."""
    with pytest.raises(ValidationError):
        Maintenance.model_validate({"name": "m"} | known)


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def recurring(name: str, every: str, length: str, **known: object) -> dict[str, object]:
    """Return the table of a window that comes again and again."""
    return {"name": name, "every": every, "length": length, **known}


@pytest.mark.parametrize("length", ["24h", "1d", "36h", "2d", "1440m", "1439m", "1381m"])
def test_a_daily_window_that_never_ends_is_refused(length: str) -> None:
    """A day or more of each day, or all but minutes of it, would silence for ever."""
    with pytest.raises(ValidationError, match="maintenance m: no message would be sent for ever"):
        Maintenance.model_validate(recurring("m", "02:00", length))


@pytest.mark.parametrize("length", ["1m", "12h", "23h"])
def test_a_daily_window_with_a_pause_is_accepted(length: str) -> None:
    """An hour a day is left at least."""
    assert Maintenance.model_validate(recurring("m", "02:00", length)).lasts


@pytest.mark.parametrize(
    ("windows", "lasting"),
    [
        ([("a", "00:00", "12h", {}), ("b", "12:00", "12h", {})], "for ever"),
        ([("a", "00:00", "13h", {}), ("b", "12:30", "12h", {})], "for ever"),
        ([(day, f"{day} 00:00", "1d", {}) for day in DAYS], "for ever"),
        ([(day, f"{day} 22:00", "2d", {}) for day in DAYS[::2]], "for ever"),
        ([("a", "Fri 00:00", "2d", {}), ("b", "Sun 00:30", "1d", {})], "for 3 d"),
        ([("a", "Sat 00:00", "2d", {}), ("b", "Mon 00:00", "1d", {})], "for 3 d"),
        ([("a", "Sat 12:00", "1d", {}), ("b", "Sun 06:00", "2d", {})], "for 2 d 18 h"),
        (
            [
                ("a", "00:00", "12h", {"models": ["auto*"]}),
                ("b", "12:00", "12h", {"models": ["*bid"]}),
            ],
            "for ever",
        ),
        (
            [("a", "00:00", "12h", {"models": ["autobid"]}), ("b", "12:00", "12h", {})],
            "for ever",
        ),
        (
            [
                ("a", "00:00", "12h", {"models": ["autobid"]}),
                ("b", "12:00", "12h", {"services": ["api"]}),
            ],
            "for ever",
        ),
    ],
    ids=str,
)
def test_windows_that_follow_each_other_too_closely_are_refused(
    windows: list[tuple[str, str, str, dict[str, object]]], lasting: str
) -> None:
    """Together they hold back the same incident for longer than one window may last."""
    tables = [recurring(*window[:3], **window[3]) for window in windows]
    with pytest.raises(ValidationError, match=f"would be sent {lasting}"):
        AlertingSettings.model_validate({"maintenance": tables})


@pytest.mark.parametrize(
    "windows",
    [
        [
            ("a", "00:00", "12h", {"models": ["autobid"]}),
            ("b", "12:00", "12h", {"models": ["pricing"]}),
        ],
        [
            ("a", "00:00", "12h", {"services": ["api"], "models": ["a*"]}),
            ("b", "12:00", "12h", {"services": ["web"], "models": ["*"]}),
        ],
        [("a", "Fri 00:00", "2d", {}), ("b", "Sun 01:00", "1d", {})],
        [("a", "Sun 02:00", "3h", {}), ("b", "23:00", "2h", {})],
        [("a", "Mon 00:00", "2d", {}), ("b", "Wed 12:00", "2d", {})],
    ],
    ids=str,
)
def test_windows_with_pauses_or_about_others_are_accepted(
    windows: list[tuple[str, str, str, dict[str, object]]],
) -> None:
    """No incident is held back by all of them, or an hour lies between."""
    tables = [recurring(*window[:3], **window[3]) for window in windows]
    once = {"name": "once", "start": SUNDAY, "length": "2d"}
    found = AlertingSettings.model_validate({"maintenance": [*tables, once]})
    assert len(found.maintenance) == len(tables) + 1


@given(
    st.lists(
        st.tuples(st.sampled_from((None, *DAYS)), st.integers(0, 23), st.integers(1, 48)),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_accepted_leaves_a_pause_after_two_days(
    chosen: list[tuple[str | None, int, int]],
) -> None:
    """Hour by hour of three weeks: no more than 48 in a row lie in a window."""
    tables = [
        recurring("m", f"{day} {hour:02}:00" if day else f"{hour:02}:00", f"{hours}h")
        for day, hour, hours in chosen
    ]
    longest = row = 0
    hours = [
        {
            (begin + step) % 168
            for begin in (
                [hour + 24 * number for number in range(7)]
                if day is None
                else [hour + 24 * DAYS.index(day)]
            )
            for step in range(lasting)
        }
        for day, hour, lasting in chosen
    ]
    held = set().union(*hours)
    for hour in range(3 * 168):
        row = row + 1 if hour % 168 in held else 0
        longest = max(longest, row)
    try:
        AlertingSettings.model_validate({"maintenance": tables})
    except ValidationError:
        assert longest > 48
    else:
        assert longest <= 48
