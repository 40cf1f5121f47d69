"""Share of a window's lines that arrived; looked up for each finding.

Where a gap in a process's numbers lies between two lines of different five minutes, its lines are
taken to have been written evenly over the time between them, at most a day. A line that fills a
number counted as lost is taken off the latest such count of its process.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.log_coverage.line_counts import line_counts
from mlmon.analyzers.profiles.kinds.sequence import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mlmon.analyzers.log_coverage.line_counts import LineCount
    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile

CLOCK_AHEAD = DAY
"""A window's losses may show so long after it, when the process's next line arrives."""

COMPLETENESS_REACH = 2 * DAY
"""A window's completeness depends on lines of so long before its end: its own, and their day."""

ARRIVAL_DELAY = 8 * DAY
"""So far back numbered lines are read: of a window that is longer the last days are known."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """The lines of a window.

    Args:
        arrived: Lines there are, each counted once.
        lost: Lines that were written and did not arrive; a part of a gap may be a fraction.
    """

    arrived: int
    lost: float

    @property
    def share(self) -> float:
        """Share of the lines that arrived."""
        return self.arrived / (self.arrived + self.lost)


class LogCompleteness:
    """The completeness of any window's logs, by service.

    Args:
        profiles: Sequence profiles in order of time.
    """

    def __init__(self, profiles: Iterable[SequenceProfile]) -> None:
        entries = list(line_counts(profiles))
        arrived: dict[str, Counter[datetime]] = defaultdict(Counter)
        lost: dict[str, dict[datetime, float]] = defaultdict(lambda: defaultdict(float))
        for entry in entries:
            arrived[entry.service][entry.start] += entry.stretch.distinct
        for charge in charges(entries):
            for start, lines in charge.spread():
                lost[charge.service][start] += lines
        self._lines = {
            service: _CoveredLines.of(arrived[service], lost[service]) for service in arrived
        }
        self._all = _CoveredLines.together(self._lines.values())

    def of(self, window: Window, service: str | None) -> Completeness | None:
        """Return what is known of a window, None for nothing.

        Args:
            window: The window.
            service: Whose lines; None for those of all services.
        """
        lines = self._all if service is None else self._lines.get(service)
        return lines.within(window) if lines else None


@dataclass(slots=True)
class Charge:
    """Lines lost by a process between two five minutes, both included."""

    service: str
    since: datetime
    until: datetime
    lines: int

    def spread(self) -> Iterator[tuple[datetime, float]]:
        """Yield the five minutes and how many of the lines each is taken to have held."""
        since = max(self.since, self.until - CLOCK_AHEAD)
        parts = (self.until - since) // PART + 1
        for part in range(parts) if self.lines else ():
            yield since + part * PART, self.lines / parts


def charges(entries: Iterable[LineCount]) -> list[Charge]:
    """Return the losses of line_counts in order of time, less what later ones give back."""
    found: list[Charge] = []
    of_process: dict[str, list[Charge]] = defaultdict(list)
    for entry in entries:
        charged = of_process[entry.process]
        for since, lines in ((entry.since, entry.gap), (entry.start, entry.within)):
            if lines > 0:
                charged.append(Charge(entry.service, since, entry.start, lines))
                found.append(charged[-1])
        _give_back(charged, -entry.within, entry.start - CLOCK_AHEAD)
    return found


def _give_back(charged: list[Charge], lines: int, oldest: datetime) -> None:
    while lines > 0 and charged and charged[-1].until >= oldest:
        taken = min(lines, charged[-1].lines)
        charged[-1].lines -= taken
        lines -= taken
        if charged[-1].lines == 0:
            charged.pop()


@dataclass(frozen=True, slots=True)
class _CoveredLines:
    """Lines up to each five minutes, summed, so that a window is two look-ups."""

    starts: list[datetime]
    arrived: list[int]
    lost: list[float]

    @classmethod
    def of(cls, arrived: Mapping[datetime, int], lost: Mapping[datetime, float]) -> _CoveredLines:
        starts = sorted(arrived.keys() | lost.keys())
        return cls(
            starts,
            list(accumulate((arrived.get(start, 0) for start in starts), initial=0)),
            list(accumulate((lost.get(start, 0.0) for start in starts), initial=0.0)),
        )

    @classmethod
    def together(cls, several: Iterable[_CoveredLines]) -> _CoveredLines:
        arrived: Counter[datetime] = Counter()
        lost: dict[datetime, float] = defaultdict(float)
        for lines in several:
            for start, more in zip(lines.starts, pairwise(lines.arrived), strict=True):
                arrived[start] += more[1] - more[0]
            for start, gone in zip(lines.starts, pairwise(lines.lost), strict=True):
                lost[start] += gone[1] - gone[0]
        return cls.of(arrived, lost)

    def within(self, window: Window) -> Completeness | None:
        first, last = (bisect_left(self.starts, end) for end in (window.start, window.end))
        arrived = self.arrived[last] - self.arrived[first]
        lost = round(self.lost[last] - self.lost[first], 6)
        return Completeness(arrived, lost) if arrived or lost else None


def gap_spans(profiles: Iterable[SequenceProfile], windows: Iterable[Window]) -> list[Window]:
    """Return the times over which losses are spread that lie in some windows, in part at least.

    Args:
        profiles: Sequence profiles in order of time, from `AHEAD` before to `AHEAD` after.
        windows: Windows that do not meet, in order.
    """
    spans = (
        Window(max(charge.since, charge.until - CLOCK_AHEAD), charge.until + PART)
        for charge in charges(line_counts(profiles))
        if charge.lines and charge.since < charge.until
    )
    ends = [(window.start, window.end) for window in windows]
    return [
        span
        for span in spans
        # The first window that ends after the span begins meets it if it begins before its end.
        if (place := bisect_right(ends, span.start, key=lambda end: end[1])) < len(ends)
        and ends[place][0] < span.end
    ]
