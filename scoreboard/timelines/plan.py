"""The plan of a timeline: which fault happens when. Only the scorer and the simulation see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.faults.fault import Fault, Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
WARM_UP = 8 * DAY
"""Before the first fault: what is compared with the past week knows a week by then."""
GAPS = {Size.SMALL: 8 * DAY, Size.MEDIUM: DAY, Size.LARGE: DAY}
"""From the end of a fault to the begin of the next: as long as the windows that still see it."""
CALM_GAP = 12 * HOUR
"""The same after a trap, which nothing should see."""
STEP, LABEL_STEP = 2 * DAY, DAY / 2
"""From one cycle to the next; where labels decide, a message waits for it (`observed.py`)."""
LABEL_TIMELINES = ("model",)
AFTERMATH = {Size.SMALL: 3 * DAY, Size.MEDIUM: DAY, Size.LARGE: DAY}
"""So long after its end a fault is still seen in windows: an incident may be about it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault at its time."""

    fault: Fault
    start: datetime
    end: datetime
    within: timedelta

    def is_active(self, moment: datetime) -> bool:
        """Return whether it lasts at a moment."""
        return self.start <= moment < self.end

    def progress(self, moment: datetime) -> float:
        """Return the share of its time that has passed at a moment, 0 to 1."""
        return min(1.0, max(0.0, (moment - self.start) / (self.end - self.start)))


@dataclass(frozen=True, slots=True)
class Timeline:
    """One service's time with its faults.

    Args:
        name: The group of faults.
        size: Traffic.
        seed: Start of all chance.
        begin: First line.
        end: Last line.
        planned: The faults in order of time.
    """

    name: str
    size: Size
    seed: int
    begin: datetime
    end: datetime
    planned: tuple[Planned, ...]

    @property
    def key(self) -> tuple[str, str, int, tuple[str, ...]]:
        """Name, size, seed and kinds, by which its score is found."""
        kinds = tuple(sorted(planned.fault.id for planned in self.planned))
        return self.name, self.size.value, self.seed, kinds

    @property
    def daily(self) -> int:
        """Predictions on a working day."""
        own = [planned.fault.daily for planned in self.planned if planned.fault.daily is not None]
        return own[0] if own else self.size.daily

    @property
    def days(self) -> float:
        """Length."""
        return (self.end - self.begin) / DAY

    def steps(self) -> list[tuple[datetime, datetime]]:
        """Return the times from cycle to cycle; the first is the warm-up."""
        first = max(self.begin + STEP, _at_hour(self.planned[0].start - DAY, 0))
        if self.planned[0].start == self.begin:
            # What arrives at once is judged at once.
            first = self.planned[0].end
        found = [(self.begin, min(first, self.end))]
        step = LABEL_STEP if self.name in LABEL_TIMELINES else STEP
        while found[-1][1] < self.end:
            found.append((found[-1][1], min(found[-1][1] + step, self.end)))
        return found


def plan_timeline(
    name: str, size: Size, seed: int, faults: Sequence[Fault], warm_up: timedelta = WARM_UP
) -> Timeline:
    """Return the timeline of a group of faults: those of a track one after the other."""
    warm = BEGIN + warm_up
    cursors: dict[str, datetime] = {}
    planned = []
    for fault in faults:
        span = fault.spans[size]
        cursor = warm if fault.alongside else cursors.get(fault.track, warm)
        start = BEGIN if fault.at_hour < 0 else _at_hour(cursor, fault.at_hour)
        while fault.weekday not in {None, start.weekday()}:
            start += DAY
        end = start + span.lasts
        if not fault.alongside:
            cursors[fault.track] = end + (CALM_GAP if fault.is_trap else GAPS[size])
        planned.append(Planned(fault, start, end, span.within))
    last = max([warm, *cursors.values(), *(one.end for one in planned)])
    ordered = tuple(sorted(planned, key=lambda one: (one.start, one.fault.id)))
    return Timeline(name, size, seed, BEGIN, _at_hour(last + DAY / 2, 0), ordered)


def plan(size: Size, seed: int, faults: Iterable[Fault]) -> list[Timeline]:
    """Return the timelines of some faults, by their groups."""
    groups: dict[str, list[Fault]] = {}
    for fault in faults:
        groups.setdefault(fault.timeline, []).append(fault)
    return [plan_timeline(name, size, seed, group) for name, group in groups.items()]


def _at_hour(after: datetime, hour: int) -> datetime:
    """Return the first moment at an hour of the day, not before a moment."""
    found = after.replace(hour=hour, minute=0, second=0, microsecond=0)
    return found if found >= after else found + DAY
