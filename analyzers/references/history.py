"""Baselines from the past: values of past windows, and shares pooled over them.

The recent past learns a fault that lasts. So what is usual is also read from the day before it, the
and the better of the two counts: no fault is learned before it has lasted as long as the reach.
What alarms is compared with the same time a week before, too: weekends are usual.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.limits import CONFIDENCE
from mlmon.analyzers.base.window import DAY, WEEK, Window
from mlmon.analyzers.statistics.wilson import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from numpy.typing import NDArray

    from mlmon.analyzers.base.limits import Limits


class _WindowRange:
    """Consecutive windows, of which a moment sees those before it, within reach."""

    def __init__(self, windows: list[Window], reach: timedelta) -> None:
        self._starts = [window.start for window in windows]
        self._ends = [window.end for window in windows]
        self._reach = reach

    def span(self, moment: datetime) -> tuple[int, int]:
        """Return the first window seen and the one after the last; none reaches past the moment."""
        first = bisect_left(self._starts, moment - self._reach)
        return first, max(first, bisect_right(self._ends, moment))

    def day_before(self, moment: datetime) -> tuple[int, int]:
        """Return the same of the windows in the day before the reach."""
        end = moment - self._reach
        return self.inside(Window(end - DAY, end))

    def inside(self, window: Window) -> tuple[int, int]:
        """Return the same of those that lie in a window."""
        first = bisect_left(self._starts, window.start)
        return first, max(first, bisect_right(self._ends, window.end))


class ValueHistory:
    """Values of consecutive windows in order of time, as seen from a moment.

    Args:
        values: (window, value); windows whose value is None are left out.
        reach: How far back a moment looks.
    """

    def __init__(self, values: Iterable[tuple[Window, float | None]], reach: timedelta) -> None:
        known = [(window, value) for window, value in values if value is not None]
        self._past = _WindowRange([window for window, _ in known], reach)
        self._values = np.array([value for _, value in known], dtype=np.float64)

    def before(self, moment: datetime) -> NDArray[np.float64]:
        """Return the values of the windows that lie before a moment, within reach."""
        first, last = self._past.span(moment)
        return self._values[first:last]

    def highest_within(self, window: Window) -> float | None:
        """Return the highest value of the windows that lie in a window, None without any."""
        first, last = self._past.inside(window)
        return float(self._values[first:last].max()) if first < last else None

    def quantile_before(self, moment: datetime, part: float, fewest: int) -> float | None:
        """Return a quantile of the values before a moment, or of those of the day before if lower.

        Args:
            moment: The moment.
            part: Which quantile, 0 to 1.
            fewest: So many values are needed; None where there are fewer.
        """
        spans = self._past.span(moment), self._past.day_before(moment)
        known = (self._values[slice(*span)] for span in spans)
        quantiles = [float(np.quantile(values, part)) for values in known if len(values) >= fewest]
        return min(quantiles, default=None)


class ShareHistory:
    """A share (part of whole) in consecutive windows, pooled as seen from a moment.

    Args:
        counts: (window, part, whole) in order of time.
        reach: How far back a moment looks.
    """

    def __init__(self, counts: Iterable[tuple[Window, int, int]], reach: timedelta) -> None:
        known = list(counts)
        self._past = _WindowRange([window for window, _, _ in known], reach)
        self._parts = list(accumulate((part for _, part, _ in known), initial=0))
        self._wholes = list(accumulate((whole for _, _, whole in known), initial=0))

    def before(self, moment: datetime) -> tuple[float, int]:
        """Return (share, whole) over the windows before a moment, within reach; 0 of 0 is 0."""
        return self._share(*self._past.span(moment))

    def usual(self, moment: datetime) -> float:
        """Return the same share, or the most that the day before the reach allows if that is less.

        That is the upper end of the interval of the day's share.
        """
        share, _ = self.before(moment)
        return at_most(share, *self.day_before(moment))

    def share_within(self, window: Window) -> float:
        """Return the share over the windows that lie in a window; 0 of 0 is 0."""
        return self._share(*self._past.inside(window))[0]

    def day_before(self, moment: datetime) -> tuple[int, int]:
        """Return (part, whole) over the day before the reach."""
        first, last = self._past.day_before(moment)
        return self._parts[last] - self._parts[first], self._wholes[last] - self._wholes[first]

    def _share(self, first: int, last: int) -> tuple[float, int]:
        whole = self._wholes[last] - self._wholes[first]
        return (self._parts[last] - self._parts[first]) / whole if whole else 0.0, whole


def at_most(share: float, part: int, whole: int) -> float:
    """Return a share, or the upper end of the interval of another one (part of whole) if lower."""
    return min(share, wilson_interval(part, whole, CONFIDENCE).high) if whole else share


def week_before(window: Window) -> Window:
    """Return the same time a week before."""
    return Window(window.start - WEEK, window.end - WEEK)


def unlike_last_week(
    limits: Limits, value: float | None, history: ValueHistory, window: Window
) -> Limits:
    """Return limits of a value that alarms, moved where it was so a week before at this time."""
    if value is None or not limits.judge(value, value).alarming:
        return limits
    then = history.highest_within(week_before(window))
    return limits if then is None else limits.relative_to(then)
