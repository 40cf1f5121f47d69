"""Windows grow where traffic is small."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.references.cadence import CADENCES, WITHOUT_HISTORY, window_length, windows

if TYPE_CHECKING:
    from collections.abc import Callable


@given(st.integers(1, 10**7), st.integers(1, 10**4))
def test_the_shortest_window_that_suffices(events: int, minimum: int) -> None:
    """The window holds enough events and no shorter one does; a day is the longest."""
    length = window_length(events, minimum)
    assert length == DAY or events * (length / DAY) >= minimum
    shorter = [short for short in CADENCES if short < length]
    assert all(events * (length / DAY) < minimum for length in shorter)


def test_windows_follow_the_traffic_of_the_day_before(start: datetime) -> None:
    """A busy day makes the next day's windows short, a day without events leaves the default."""
    busy = Window(start + DAY, start + 2 * DAY)

    def events(window: Window) -> int:
        return 288 * 50 if window == busy else 0

    found = list(windows(Window(start + DAY, start + 4 * DAY), events, 50))
    lengths = {
        day: {
            window.length
            for window in found
            if start + day * DAY < window.end <= start + (day + 1) * DAY
        }
        for day in (1, 2, 3)
    }
    assert lengths == {1: {WITHOUT_HISTORY}, 2: {5 * MINUTE}, 3: {WITHOUT_HISTORY}}


def test_a_new_service_is_judged_by_the_traffic_of_today(start: datetime) -> None:
    """Thousands of requests an hour since ten past one: windows of five minutes at once.

    So it is on the next day, though on the day before there were few.
    """
    begin = start + DAY + 23 * HOUR + 10 * MINUTE

    def events(window: Window) -> int:
        return max(0, int((window.end - max(window.start, begin)) / MINUTE) * 50)

    found = list(windows(Window(begin, begin + 26 * MINUTE), events, 30))
    assert [window.length for window in found] == [5 * MINUTE] * 5
    few = start + DAY + 23 * HOUR + 58 * MINUTE

    def late(window: Window) -> int:
        return max(0, int((window.end - max(window.start, few)) / MINUTE) * 60)

    (next_day,) = windows(Window(few + 2 * MINUTE, few + 7 * MINUTE), late, 30)
    assert next_day.length == 5 * MINUTE


def test_a_usual_rush_does_not_shorten_windows(start: datetime) -> None:
    """Twice the mean of the day before for an hour, every day: the windows are as they were."""

    def events(window: Window) -> int:
        hours = int(window.length / HOUR)
        rush = sum((window.start + hour * HOUR).hour == 12 for hour in range(hours))
        return 20 * hours + 20 * rush

    found = list(windows(Window(start + DAY, start + 3 * DAY), events, 50))
    assert {window.length for window in found} == {6 * HOUR}


@pytest.mark.parametrize("cut", [timedelta(hours=7), timedelta(hours=30), timedelta(minutes=2900)])
def test_parts_of_a_period_have_the_windows_of_the_whole(start: datetime, cut: timedelta) -> None:
    """However a period is cut, each window is judged once."""

    def events(window: Window) -> int:
        return int(window.start.timestamp()) // 3600 % 7 * 100

    def judged(begin: datetime, end: datetime) -> list[Window]:
        return list(windows(Window(begin, end), events, 20))

    end = start + 3 * DAY
    assert judged(start, start + cut) + judged(start + cut, end) == judged(start, end)


def test_profiles_bound_the_length(start: datetime) -> None:
    """No window is shorter than the profiles it is made of."""
    many: Callable[[Window], int] = lambda _window: 10**9  # noqa: E731 - a function of one line
    found = windows(Window(start, start + DAY), many, 1, shortest=HOUR)
    assert {window.length for window in found} == {HOUR}
