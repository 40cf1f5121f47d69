"""Baselines from the past: values of past windows, and shares pooled over them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from numpy.typing import NDArray

    from mlmon.analyzers.base.window import Window


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
        first, last = self._past.span(moment)
        whole = self._wholes[last] - self._wholes[first]
        return (self._parts[last] - self._parts[first]) / whole if whole else 0.0, whole
