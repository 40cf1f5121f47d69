"""Length of windows: long enough for their sample to carry a verdict.

Where traffic is small, windows grow; the rule stays as it is. The length follows from the events of
the day before. Where the last hour is busier by far than that day (a new service), it follows from
the last hour. Nothing after a window's end counts, so it is the same whenever and however often the
window is judged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, EPOCH, HOUR, MINUTE, Window, floor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

CADENCES = (5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY)
WITHOUT_HISTORY = HOUR
MANY = 10**12
"""Events a day that any window holds enough of."""

BUSIER = 3
"""The last hour decides where it holds so many times as many events as an hour of the day before:
more than an hour of a day with a usual rush does."""


def window_length(
    events: int,
    minimum: int,
    shortest: timedelta = CADENCES[0],
    lengths: Sequence[timedelta] = CADENCES,
) -> timedelta:
    """Return the shortest window that holds `minimum` events if a day holds `events` of them.

    >>> window_length(events=5_500, minimum=30)
    datetime.timedelta(seconds=900)
    """
    allowed = [length for length in lengths if length >= shortest] or [max(shortest, *lengths)]
    if events == 0:
        return next((length for length in allowed if length >= WITHOUT_HISTORY), allowed[-1])
    fitting = (length for length in allowed if events * (length / DAY) >= minimum)
    return next(fitting, allowed[-1])


def recent_rate(events: Callable[[Window], int], end: datetime, shortest: timedelta) -> int:
    """Return the events a day would hold at the rate of the last hour, or of its end if busier.

    A service that began minutes ago has no full hour.
    """
    spans = (HOUR, min(HOUR, shortest))
    return max(events(Window(end - span, end)) * (DAY // span) for span in spans)


def windows(
    period: Window,
    events: Callable[[Window], int],
    minimum: int,
    shortest: timedelta = CADENCES[0],
    lengths: Sequence[timedelta] = CADENCES,
) -> Iterator[Window]:
    """Yield the windows that end in a period, as long as the traffic asks for.

    Args:
        period: Windows end in (start, end].
        events: How many events a window holds.
        minimum: Events a window should hold.
        shortest: Least length, that of the profiles.
        lengths: Of `CADENCES`, those that may be chosen, shortest first.
    """
    shortest = window_length(MANY, minimum, shortest, lengths)
    day = floor(period.start, DAY)
    while day < period.end:
        before = events(Window(day - DAY, day))
        usual = window_length(before, minimum, shortest, lengths)
        part = Window(max(day, period.start), min(day + DAY, period.end))
        # The shortest windows cannot be shortened: most busy days are not looked at any closer.
        for end in part.ends(usual if usual == shortest else shortest):
            length = usual
            if usual != shortest:
                busier = events(Window(end - HOUR, end)) * (DAY // HOUR) > BUSIER * before
                recent = recent_rate(events, end, shortest) if busier else before
                length = min(usual, window_length(recent, minimum, shortest, lengths))
            if (end - EPOCH) % length == timedelta(0):
                yield Window(end - length, end)
        day += DAY
