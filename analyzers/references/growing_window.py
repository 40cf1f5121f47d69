"""Windows that grow from a day to two weeks where a day holds too little for a verdict.

With little traffic a day's sample cannot show a critical drift; and a lasting shift near a limit
stays within a day's sampling error. Then the days before are added until there is a verdict.
What is added are profiles that are stored already, over the edges of the same baseline.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mlmon.analyzers.base.window import DAY, Window, floor
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.buckets import merge as merge_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.profiles.kinds.prediction import Categories, PredictionProfile

T = TypeVar("T")

LENGTHS = (2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY)
POOLED = LENGTHS[-1]


def longer_windows(end: datetime, lengths: Iterable[timedelta] = LENGTHS) -> Iterator[Window]:
    """Yield the windows longer than a day that end at a moment, shortest first."""
    for length in lengths:
        if length > DAY:
            yield Window(end - length, end)


class PooledHours:
    """The numbers and categories of consecutive hours, any span of which is added when asked for.

    Whole days are added once and kept.

    Args:
        hours: Predictions over the edges of one baseline, in order of time.
    """

    def __init__(self, hours: Iterable[PredictionProfile]) -> None:
        self._hours: dict[datetime, list[PredictionProfile]] = defaultdict(list)
        for hour in hours:
            self._hours[hour.window.start].append(hour)
        self._days: dict[datetime, list[datetime]] = defaultdict(list)
        for start in self._hours:
            self._days[floor(start, DAY)].append(start)
        # A span costs what lies in it, however long the whole time is.
        self._starts = sorted(self._hours)
        self._day_starts = sorted(self._days)
        self._compared: dict[Any, tuple[object, Any]] = {}
        self._numbers: dict[tuple[datetime, str], Buckets | None] = {}
        self._categories: dict[tuple[datetime, str], Categories | None] = {}

    def within(self, window: Window) -> list[PredictionProfile]:
        """Return the hours that start in a window, in order of time."""
        first, last = self.span(window)
        return [hour for start in self._starts[first:last] for hour in self._hours[start]]

    def span(self, window: Window) -> tuple[int, int]:
        """Return the places of a window's hours: equal for windows of the same hours."""
        first = bisect_left(self._starts, window.start)
        return first, bisect_left(self._starts, window.end)

    def compared(self, key: Any, window: Window, reference: object, compare: Callable[[], T]) -> T:
        """Return a comparison of a window: one of the same hours as before is not made again.

        Args:
            key: What is compared, and how.
            window: The window.
            reference: What it is compared with; with another one it is made again.
            compare: Makes the comparison; it must depend on nothing else.
        """
        place = key, self.span(window)
        of, found = self._compared.get(place, (None, None))
        if of is not reference:
            found = compare()
            self._compared[place] = reference, found
        return cast("T", found)

    def numbers(
        self, window: Window, name: str, of: Callable[[PredictionProfile], Buckets | None]
    ) -> Buckets | None:
        """Return the sum of the numbers in a window, None without any.

        Args:
            window: The window.
            name: What they are called; `of` must depend on nothing else.
            of: The numbers of an hour.
        """
        parts = []
        for start, length in self._pieces(window):
            if length == DAY:
                if (start, name) not in self._numbers:
                    self._numbers[start, name] = self._merged(self._days[start], of)
                parts.append(self._numbers[start, name])
            else:
                parts.append(self._merged([start], of))
        known = [part for part in parts if part is not None]
        return merge_numbers(known) if known else None

    def categories(self, window: Window, feature: str) -> Categories | None:
        """Return the sum of a categorical feature in a window, None without any."""
        parts = []
        for start, length in self._pieces(window):
            if length == DAY:
                if (start, feature) not in self._categories:
                    found = self._counted(self._days[start], feature)
                    self._categories[start, feature] = merge(found) if found else None
                parts.append(self._categories[start, feature])
            else:
                parts += self._counted([start], feature)
        known = [part for part in parts if part is not None]
        return merge(known) if known else None

    def _merged(
        self, starts: Iterable[datetime], of: Callable[[PredictionProfile], Buckets | None]
    ) -> Buckets | None:
        found = [part for start in starts for hour in self._hours[start] if (part := of(hour))]
        return merge_numbers(found) if found else None

    def _counted(self, starts: Iterable[datetime], feature: str) -> Sequence[Categories]:
        return [
            hour.categorical[feature]
            for start in starts
            for hour in self._hours[start]
            if feature in hour.categorical
        ]

    def _pieces(self, window: Window) -> Iterator[tuple[datetime, timedelta]]:
        """Yield days that lie in a window completely, and the hours of the others."""
        first = bisect_left(self._day_starts, floor(window.start, DAY))
        for day in self._day_starts[first : bisect_left(self._day_starts, window.end)]:
            if window.start <= day and day + DAY <= window.end:
                yield day, DAY
            else:
                yield from (
                    (start, window.length * 0)
                    for start in self._days[day]
                    if window.start <= start < window.end
                )
