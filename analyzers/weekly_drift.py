"""How far numbers lie from those of the same time of past weeks: a change that is no rhythm. Pure.

A window is compared with the sum of the same windows of the four weeks before it, without the one
it is least like. So a week in which something was wrong raises no alarm when its hour comes again,
and hides none. A change that lasts has become usual after
three weeks. The window is the last hour, six hours or day, the shortest that holds enough rows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analyzers.drift import LIMITS, Drift, numeric_drift, rows_needed
from analyzers.profile.seasons import past_weeks
from analyzers.statistics.buckets import Buckets, merged
from analyzers.window import DAY, HOUR, Window
from analyzers.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analyzers.finding import Finding

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
        usual: Those of the past weeks, without the one they are least like.
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
        found = compared(Window(end - length, end), hours) or found
        if found is not None and found.drift is not None:
            return found
    return found


def compared(window: Window, hours: PastHours) -> WeeklyDrift | None:
    """Compare a window; None where fewer than three past weeks have any rows."""
    weeks = [each for past in past_weeks(window, WEEKS) if (each := hours.within(past)).n]
    if len(weeks) < FEWEST_WEEKS:
        return None
    current = hours.within(window)
    usual = merged(weeks)
    if current.n:
        farthest = max(weeks, key=lambda each: _apart(current, each))
        usual = merged(each for each in weeks if each is not farthest)
    needed = rows_needed(LIMITS.critical, usual.n)
    enough = needed is not None and current.n >= needed
    drift = numeric_drift(current, usual) if enough else None
    return WeeklyDrift(window, current, usual, len(weeks), needed, drift)


def beside_past_weeks(finding: Finding, hours: PastHours) -> Finding:
    """Return an alarm, which says so where the same day of past weeks was like its day."""
    found = compared(finding.window, hours)
    if found is None or found.drift is None:
        return finding
    if LIMITS.judge(found.drift.low, found.drift.high).alarming:
        return finding
    alike = f"The same day of past weeks was like it (distance {number(found.drift.value)})."
    return replace(finding, reason=f"{finding.reason} {alike}")


def _apart(current: Buckets, other: Buckets) -> float:
    """Return the greatest difference of the shares below an edge."""
    gaps = current.cumulative() / current.n - other.cumulative() / other.n
    return float(np.abs(gaps).max())
