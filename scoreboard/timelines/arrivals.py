"""From a process's log to the shipper: what is lost, late or held on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from mlmon.scoreboard.simulation.traffic import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from mlmon.scoreboard.faults.fault import Arrival
    from mlmon.scoreboard.timelines.plan import Planned


@dataclass(slots=True)
class ProcessClock:
    """A process's clock: the true time, and what its own clock shows.

    Args:
        now: True time in nanoseconds since the epoch.
        ahead: How far the process's clock is ahead.
    """

    now: int
    ahead: int = 0

    def __call__(self) -> int:
        """Return what the process's clock shows."""
        return self.now + self.ahead


@dataclass(slots=True)
class ArrivalQueue:
    """Lines with the time at which each arrives, in that order.

    Args:
        planned: The timeline's faults; those that declare an arrival change it.
        rng: Decides which lines are lost or late.
    """

    planned: Sequence[Planned]
    rng: Generator
    _waiting: list[tuple[int, int, bytes]] = field(default_factory=list)
    _number: int = 0
    _rules: list[tuple[int, int, Arrival]] = field(init=False)

    def __post_init__(self) -> None:
        """Take the rules from the plan."""
        self._rules = [
            (nanoseconds(one.start), nanoseconds(one.end), one.fault.arrival)
            for one in self.planned
            if one.fault.arrival is not None
        ]

    def put(self, line: bytes, at: int, *, is_shipped: bool = True) -> None:
        """Take a line written at a moment; one that is not shipped is stored at once."""
        for start, end, rule in self._rules if is_shipped else ():
            if start <= at < end:
                if rule.held:
                    at = end
                if rule.lost and self.rng.random() < rule.lost:
                    return
                if rule.late and self.rng.random() < rule.late:
                    at += int(rule.late_by.total_seconds() * 1e9)
        self._number += 1
        heappush(self._waiting, (at, self._number, line))

    def is_twice(self, at: int) -> bool:
        """Return whether a second shipper ships the same lines at a moment."""
        return any(rule.twice and start <= at < end for start, end, rule in self._rules)

    def arrived(self, until: int) -> tuple[list[int], list[bytes]]:
        """Return and forget the lines that arrive before a moment: times and lines."""
        times, lines = [], []
        while self._waiting and self._waiting[0][0] < until:
            at, _, line = heappop(self._waiting)
            times.append(at)
            lines.append(line)
        return times, lines


@dataclass(slots=True)
class ArrivalSink:
    """A log's sink that queues its lines at the true time."""

    arrivals: ArrivalQueue
    clock: ProcessClock
    is_shipped: bool = True

    def write(self, lines: bytes) -> int:
        """Take lines."""
        for line in lines.splitlines():
            self.arrivals.put(line, self.clock.now, is_shipped=self.is_shipped)
        return len(lines)

    def flush(self) -> bool:
        """Do nothing: nothing is held."""
        return True

    def close(self, timeout_s: float = 0.0) -> None:
        """Do nothing: nothing is open."""

    def before_fork(self) -> None:
        """Do nothing: nothing is half done."""

    def after_fork(self, *, in_child: bool) -> None:
        """Do nothing: the simulation does not fork."""
