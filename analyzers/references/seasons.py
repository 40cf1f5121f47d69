"""The same time of past days or weeks: a baseline that follows the rhythm of traffic. Pure.

Traffic follows the day and the week. A window compared with the same hours of past days, or better
of past weeks, differs from them by what has changed and not by its hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, WEEK, Window

if TYPE_CHECKING:
    from datetime import timedelta


def past_days(window: Window, days: int) -> list[Window]:
    """Return the same time of the day on so many days before, the last one first.

    >>> from mlmon.analyzers.base.window import EPOCH, HOUR
    >>> [window.end.day for window in past_days(Window(EPOCH + 9 * DAY, EPOCH + 9 * DAY + HOUR), 3)]
    [9, 8, 7]
    """
    return _earlier(window, days, DAY)


def past_weeks(window: Window, weeks: int) -> list[Window]:
    """Return the same time of the week in so many weeks before, the last one first."""
    return _earlier(window, weeks, WEEK)


def _earlier(window: Window, times: int, step: timedelta) -> list[Window]:
    return [
        Window(window.start - back * step, window.end - back * step) for back in range(1, times + 1)
    ]
