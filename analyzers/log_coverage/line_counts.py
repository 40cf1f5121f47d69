"""Counts of numbered lines: the numbers that each five minutes passed, and those without a line.

A number is passed when a line with it or a higher one is known to have been written. A process that
has come from number M to number N in five minutes, of which d lines are there, lacks N - M - d. The
numbers before the lowest of them were passed since the process's line before; the rest within the
five minutes. What a process wrote after its last known line cannot be counted until its next line
arrives, whose count then includes it.

Two threads may read the clock in one order and take numbers in the other, so that a line lies in
the five minutes after those that passed its number. Its count then lacks -1: it gives back what the
one before had to count as lost. The sum over a process's life is exact regardless of its clock: its
highest number less its lines.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.sequence import ProcessLines, SequenceProfile, Stretch

REACH = DAY
"""So far back a count looks for a process's line before; beyond, the profile knows."""


@dataclass(frozen=True, slots=True)
class LineCount:
    """The lines of a process in five minutes, and those they show to be lost.

    Args:
        process: `process.entity_id`.
        service: `service.name`, "" for none.
        stretch: The lines that are there.
        passed: The highest number passed before.
        since: Five minutes of the process's line before; its own where none is known.
        gap: Numbers passed since then that have no line.
        within: Numbers from the lowest to the highest that have none; below 0, it gives back.
    """

    process: str
    service: str
    stretch: Stretch
    passed: int
    since: datetime
    gap: int
    within: int

    @property
    def start(self) -> datetime:
        """Begin of the five minutes."""
        return self.stretch.start

    @property
    def lost(self) -> int:
        """Numbers without a line that it shows; below 0, so many shown before have one."""
        return self.gap + self.within


def line_counts(profiles: Iterable[SequenceProfile]) -> Iterator[LineCount]:
    """Yield the counts of profiles in order of time.

    A count depends on profiles of at most `REACH` before it.
    """
    processes: dict[str, _Process] = defaultdict(_Process)
    services: dict[str, deque[datetime]] = defaultdict(deque)
    for profile in profiles:
        entries = [(stretch, lines) for lines in profile.processes for stretch in lines.stretches]
        for stretch, lines in sorted(entries, key=lambda entry: entry[0].start):
            seen = services[lines.service]
            while seen and seen[0] < stretch.start - REACH:
                seen.popleft()
            listened = bool(seen) and seen[0] <= stretch.start - HOUR
            yield processes[lines.process].enter(stretch, lines, listened=listened)
            if not seen or seen[-1] < stretch.start:
                seen.append(stretch.start)


class _Process:
    """State of one process: its highest numbers within reach, and its last five minutes."""

    def __init__(self) -> None:
        # Later and lower ones hide behind a higher one until it is out of reach.
        self._highest: deque[tuple[datetime, int]] = deque()
        self._last: datetime | None = None

    def enter(self, stretch: Stretch, lines: ProcessLines, *, listened: bool) -> LineCount:
        """Return the count of the next five minutes."""
        start = stretch.start
        while self._highest and self._highest[0][0] < start - REACH:
            self._highest.popleft()
        if self._highest:
            passed = self._highest[0][1]
        else:
            passed, self._last = lines.before or _head(lines, listened=listened), None
        since = start if self._last is None else self._last
        while self._highest and self._highest[-1][1] <= stretch.highest:
            self._highest.pop()
        self._highest.append((start, stretch.highest))
        self._last = start
        gap = max(0, stretch.lowest - passed - 1)
        within = max(0, stretch.highest - passed) - gap - stretch.distinct
        return LineCount(lines.process, lines.service, stretch, passed, since, gap, within)


def _head(lines: ProcessLines, *, listened: bool) -> int:
    """Return the number from which on a process's lines count, its first lines being unknown.

    That of its start, 0: what it wrote first is lost. But where its service's logs have only just
    begun, a process may have run before they were shipped: then at most as many as arrived.
    """
    skipped = lines.lowest - 1
    return 0 if listened or skipped <= lines.lines else skipped
