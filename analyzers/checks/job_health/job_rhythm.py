"""When a job is due, estimated from when it ran: its usual intervals, and its weeks. Pure.

Two rules, of which the one that finds more missed runs holds:

- Intervals. A regular job (nine intervals in ten below twice the median) is overdue after one and
  a half of what nine in ten took; any other after one and a half of the longest.
- Weeks. A run that started at the same time of the week in each of the past three weeks should
  have started this week too. This knows a job that rests at weekends, or runs daily and once more
  on Sundays.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEKS = 3
FEWEST_INTERVALS = 3
LATE = 1.5
REGULAR = 2.0
MOST_TOLERANCE, LEAST_TOLERANCE = 12 * HOUR, 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a job runs.

    Args:
        usual: Median interval.
        longest: Interval that is still usual.
        shortest: Interval that only one in ten is below.
    """

    usual: timedelta
    longest: timedelta
    shortest: timedelta

    @property
    def tolerance(self) -> timedelta:
        """Tolerance of a run's start against other weeks."""
        return min(max(self.shortest / 2, LEAST_TOLERANCE), MOST_TOLERANCE)


def rhythm(starts: Sequence[datetime]) -> Rhythm | None:
    """Return the rhythm of runs that succeeded, None if there are too few.

    Runs that are tried again after a failure do not make a job look hourly: give successes only.
    """
    intervals = [(b - a).total_seconds() for a, b in itertools.pairwise(starts)]
    if len(intervals) < FEWEST_INTERVALS:
        return None
    low, middle, high = np.quantile(intervals, (0.1, 0.5, 0.9))
    longest = high if high < REGULAR * middle else max(intervals)
    return Rhythm(*(timedelta(seconds=float(seconds)) for seconds in (middle, longest, low)))


def missed(
    of: Rhythm, starts: Sequence[datetime], last: datetime, now: datetime
) -> tuple[int, bool]:
    """Return how many runs did not take place, and whether that follows from past weeks.

    Args:
        of: The job's rhythm.
        starts: Starts of runs that succeeded, of three weeks before the last one at least.
        last: The last start of any run.
        now: Moment it is judged at.
    """
    waited = now - last
    by_interval = int(waited / of.longest - 0.5) if waited > LATE * of.longest else 0
    by_weeks = _due(of, starts, last, now)
    return max(by_interval, by_weeks), by_weeks > by_interval


def _due(of: Rhythm, starts: Sequence[datetime], last: datetime, now: datetime) -> int:
    """Return how many runs of last week have no counterpart this week, but two in those before."""
    week = timedelta(weeks=1)
    first = bisect_right(starts, last + of.tolerance - week)
    candidates = starts[first : bisect_right(starts, now - of.tolerance - week)]
    return sum(
        all(_near(starts, start - back * week, of.tolerance) for back in range(1, WEEKS))
        for start in candidates
    )


def _near(starts: Sequence[datetime], moment: datetime, tolerance: timedelta) -> bool:
    after = bisect_left(starts, moment - tolerance)
    return after < len(starts) and starts[after] <= moment + tolerance
