"""Length of windows: long enough for their sample to carry a verdict.

Where traffic is small, windows grow; the rule stays as it is. The length for a day follows from the
events of the day before, so it is the same whenever and however often the day is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, floor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

CADENCES = (5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY)
WITHOUT_HISTORY = HOUR


def window_length(events: int, minimum: int, shortest: timedelta = CADENCES[0]) -> timedelta:
    """Return the shortest window that holds `minimum` events if a day holds `events` of them.

    >>> window_length(events=5_500, minimum=30)
    datetime.timedelta(seconds=900)
    """
    if events == 0:
        return max(WITHOUT_HISTORY, shortest)
    fitting = (
        length for length in CADENCES if length >= shortest and events * (length / DAY) >= minimum
    )
    return next(fitting, DAY)


def windows(
    period: Window,
    events: Callable[[Window], int],
    minimum: int,
    shortest: timedelta = CADENCES[0],
) -> Iterator[Window]:
    """Yield the windows that end in a period, each day's as long as the day before asks for.

    Args:
        period: Windows end in (start, end].
        events: How many events a window holds.
        minimum: Events a window should hold.
        shortest: Least length, that of the profiles.
    """
    day = floor(period.start, DAY)
    while day < period.end:
        length = window_length(events(Window(day - DAY, day)), minimum, shortest)
        part = Window(max(day, period.start), min(day + DAY, period.end))
        for end in part.ends(length):
            yield Window(end - length, end)
        day += DAY
