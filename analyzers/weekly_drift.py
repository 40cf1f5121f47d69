"""How far numbers lie from those of the same time of past weeks: a change that is no rhythm. Pure.

A window is compared with the sum of the same windows of the four weeks before it, any one of them
left out: the least of those distances counts. So a week in which something was wrong raises no
alarm when its hour comes again, and hides none. A change that lasts has become usual after
three weeks. The window is the last hour, six hours or day, the shortest that holds enough rows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyzers.drift import LIMITS, Drift, numeric_drift, rows_needed
from analyzers.profile.seasons import past_weeks
from analyzers.statistics.buckets import Buckets
from analyzers.window import DAY, HOUR, Window

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

WEEKS, FEWEST_WEEKS = 4, 3
LENGTHS = (HOUR, 6 * HOUR, DAY)


class PastHours:
    """Hours of numbers over one set of edges, any span of which is a difference of two sums.

    Args:
        edges: The edges they were counted over.
        hours: When each begins, and its counts, in order of time; at least one.
    """

    def __init__(
        self, edges: tuple[float, ...], hours: Iterable[tuple[datetime, tuple[int, ...]]]
    ) -> None:
        known = list(hours)
        self._edges = edges
        self._starts = [start for start, _ in known]
        counts = np.array([of for _, of in known], dtype=np.int64)
        self._sums = np.vstack([np.zeros_like(counts[:1]), np.cumsum(counts, axis=0)])

    def within(self, window: Window) -> Buckets:
        """Return the sum of the hours that start in a window."""
        first, last = (bisect_left(self._starts, each) for each in (window.start, window.end))
        return Buckets(self._edges, tuple((self._sums[last] - self._sums[first]).tolist()))


@dataclass(frozen=True, slots=True)
class WeeklyDrift:
    """A window beside the same windows of past weeks.

    Args:
        window: The last hour, six hours, or day.
        current: Its numbers.
        usual: Those of the past weeks, without the one whose absence brings them nearest.
        weeks: In how many past weeks there are any.
        needed: Rows of the window at which a critical distance would be found nine times in ten,
            None where the past weeks are too few rows for that.
        drift: Their distance, None where rows are too few.
    """

    window: Window
    current: Buckets
    usual: Buckets
    weeks: int
    needed: int | None
    drift: Drift | None


def weekly_drift(end: datetime, hours: PastHours) -> WeeklyDrift | None:
    """Compare the time before a moment; None where fewer than three past weeks have any rows."""
    found = None
    for length in LENGTHS:
        window = Window(end - length, end)
        weeks = [each for past in past_weeks(window, WEEKS) if (each := hours.within(past)).n]
        if len(weeks) < FEWEST_WEEKS:
            continue
        found = _compared(window, hours.within(window), weeks)
        if found.drift is not None:
            return found
    return found


def _compared(window: Window, current: Buckets, weeks: list[Buckets]) -> WeeklyDrift:
    pooled = [_sum([each for each in weeks if each is not left_out]) for left_out in weeks]
    needed = rows_needed(LIMITS.critical, min(each.n for each in pooled))
    if needed is None or current.n < needed:
        return WeeklyDrift(window, current, pooled[0], len(weeks), needed, None)
    drifts = [(numeric_drift(current, each), each) for each in pooled]
    drift, usual = min(drifts, key=lambda each: (each[0].low, each[0].value))
    return WeeklyDrift(window, current, usual, len(weeks), needed, drift)


def _sum(weeks: list[Buckets]) -> Buckets:
    counts = np.sum([each.counts for each in weeks], axis=0)
    return Buckets(weeks[0].edges, tuple(counts.tolist()))
