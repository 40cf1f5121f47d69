"""How far numbers lie from those of the same time of past weeks: a change that is no rhythm. Pure.

A window is compared with the sum of the same windows of the four weeks before it, without the one
it is least like. So a week in which something was wrong raises no alarm when its hour comes again,
and hides none. A change that lasts has become usual after
three weeks. The window is the last hour, six hours or day, the shortest that holds enough rows.

Each model version is counted over its own edges. Weeks in which other versions served are compared
as the parts they are (statistics/probability_box.py).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.drift.drift import KS_LIMITS, Drift
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import (
    drift_of_parts,
    ks_distance_of_parts,
    rows_needed,
)
from mlmon.analyzers.drift.moved import SIGNIFICANT
from mlmon.analyzers.references.seasons import past_weeks
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.finding import Finding

PAST_WEEKS, FEWEST_WEEKS = 4, 3
LENGTHS = (HOUR, 6 * HOUR, DAY)


@dataclass(frozen=True, slots=True)
class VersionBuckets:
    """Numbers of one model version over one set of edges."""

    version: str
    numbers: Buckets


class Hours:
    """Hours of numbers, any span of which is a difference of two sums for each set of edges.

    Args:
        hours: When each begins, the model version, and its numbers, in order of time.
    """

    def __init__(self, hours: Iterable[tuple[datetime, str, Buckets]]) -> None:
        known: dict[tuple[str, tuple[float, ...]], list[tuple[datetime, tuple[int, ...]]]] = {}
        for start, version, numbers in hours:
            known.setdefault((version, numbers.edges), []).append((start, numbers.counts))
        self._of = [(*of, _Sums(counts)) for of, counts in known.items()]

    def within(self, window: Window) -> list[VersionBuckets]:
        """Return the sums of the hours that start in a window, those that have rows."""
        sums = ((version, edges, sums.within(window)) for version, edges, sums in self._of)
        return [
            VersionBuckets(version, Buckets(edges, of)) for version, edges, of in sums if any(of)
        ]


class _Sums:
    def __init__(self, hours: Sequence[tuple[datetime, tuple[int, ...]]]) -> None:
        self._starts = [start for start, _ in hours]
        counts = np.array([of for _, of in hours], dtype=np.int64)
        self._sums = np.vstack([np.zeros_like(counts[:1]), np.cumsum(counts, axis=0)])

    def within(self, window: Window) -> tuple[int, ...]:
        first, last = (bisect_left(self._starts, moment) for moment in (window.start, window.end))
        return tuple((self._sums[last] - self._sums[first]).tolist())


@dataclass(frozen=True, slots=True)
class WeeklyDrift:
    """A window compared with the same windows of past weeks.

    Args:
        window: The last hour, six hours, or day.
        current: Its numbers.
        usual: Those of the past weeks, without the one they are least like.
        weeks: In how many past weeks there are any.
        needed: Rows of the window at which a critical distance would be found nine times in ten,
            None where the past weeks are too few rows for that.
        drift: Their distance; of too few rows None, unless it alarms.
    """

    window: Window
    current: Sequence[VersionBuckets]
    usual: Sequence[VersionBuckets]
    weeks: int
    needed: int | None
    drift: Drift | None

    @property
    def enough(self) -> bool:
        """Whether a critical distance would be detected with a power of 0.9."""
        return self.needed is not None and self.rows >= self.needed

    @property
    def rows(self) -> int:
        """Of the window."""
        return rows_of(self.current)

    @property
    def usual_rows(self) -> int:
        """Of the past weeks that count."""
        return rows_of(self.usual)


def weekly_drift(end: datetime, hours: Hours, past: Hours) -> WeeklyDrift | None:
    """Compare the time before a moment; None where fewer than three past weeks have any rows.

    Args:
        end: The moment.
        hours: What is compared.
        past: What it is compared with.
    """
    found = None
    for length in LENGTHS:
        found = compared(Window(end - length, end), hours, past) or found
        if found is not None and found.drift is not None:
            return found
    return found and _alarm_of_few(found)


def _alarm_of_few(found: WeeklyDrift) -> WeeklyDrift:
    """Return a day of too few rows with its distance where that alarms all the same."""
    if not (found.rows and found.usual_rows):
        return found
    drift = drift_of_parts(buckets_of(found.current), buckets_of(found.usual))
    return replace(found, drift=drift) if drift.severity.alarming else found


def compared(window: Window, hours: Hours, past: Hours) -> WeeklyDrift | None:
    """Compare a window; None where fewer than three past weeks have any rows."""
    weeks = [week for time in past_weeks(window, PAST_WEEKS) if (week := past.within(time))]
    if len(weeks) < FEWEST_WEEKS:
        return None
    current, counted = hours.within(window), weeks
    if current:
        farthest = max(
            weeks, key=lambda week: ks_distance_of_parts(buckets_of(current), buckets_of(week)).low
        )
        counted = [week for week in weeks if week is not farthest]
    usual = [part for week in counted for part in week]
    needed = rows_needed(KS_LIMITS.critical, rows_of(usual))
    found = WeeklyDrift(window, current, usual, len(weeks), needed, None)
    if not found.enough:
        return found
    return replace(found, drift=drift_of_parts(buckets_of(current), buckets_of(usual)))


def with_past_weeks(finding: Finding, hours: Hours) -> Finding:
    """Return an alarm, with a note where the same day of past weeks was like its day."""
    found = compared(finding.window, hours, hours)
    if found is None or found.drift is None:
        return finding
    # A note next to an alarm, not a verdict: it is left out where the weeks certainly differed.
    if found.drift.severity is not Severity.OK and found.drift.p_value <= SIGNIFICANT:
        return finding
    alike = f"The same day of past weeks was like it (distance {number(found.drift.value)})."
    return replace(finding, reason=f"{finding.reason} {alike}")


def buckets_of(parts: Sequence[VersionBuckets]) -> list[Buckets]:
    """Return the numbers of some parts."""
    return [part.numbers for part in parts]


def rows_of(parts: Sequence[VersionBuckets]) -> int:
    """Return how many rows some parts have."""
    return sum(part.numbers.n for part in parts)
