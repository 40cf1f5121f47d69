"""What a kind of fault and a trap is: one declaration each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from mlmon.analyzers.base.window import DAY
from mlmon.scoreboard.simulation.job_runs import SimulatedRun
from mlmon.scoreboard.simulation.requests import Floats, Requests

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray


class Size(StrEnum):
    """Traffic of a timeline."""

    SMALL = "150"
    MEDIUM = "2000"
    LARGE = "50000"

    @property
    def daily(self) -> int:
        """Predictions on a working day."""
        return int(self.value)


@dataclass(frozen=True, slots=True)
class FaultTime:
    """A fault's time at one size of traffic.

    Args:
        lasts: How long it lasts.
        within: How long after its start the first message may come.
    """

    lasts: timedelta
    within: timedelta


def spans(
    lasts: timedelta,
    within: timedelta,
    *,
    large: timedelta | None = None,
    small: timedelta = 7 * DAY,
) -> dict[Size, FaultTime]:
    """Return the spans by size.

    Args:
        lasts: At 2,000 predictions a day.
        within: At 2,000 and 50,000 a day. At 150 a day it is a week, or `small` where that is less.
        large: How long it lasts at 50,000 a day, by default as long.
        small: How long it lasts at 150 a day.
    """
    return {
        Size.SMALL: FaultTime(small, max(within, min(small, 7 * DAY))),
        Size.MEDIUM: FaultTime(lasts, within),
        Size.LARGE: FaultTime(large or lasts, within),
    }


@dataclass(frozen=True, slots=True)
class Affected:
    """The part of some requests that falls into a fault's time.

    Args:
        rows: Which requests, as a mask.
        progress: Share of the fault's time that has passed, 0 to 1, for each of all requests.
        rng: The fault's own random numbers.
    """

    rows: NDArray[np.bool_]
    progress: Floats
    rng: Generator

    def share(self, share: float) -> NDArray[np.bool_]:
        """Return a random share of the affected requests, as a mask."""
        return self.rows & (self.rng.random(len(self.rows)) < share)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What happens to lines between the log and Elasticsearch.

    Args:
        lost: Share of the lines that never arrive.
        late: Share of the lines that arrive late.
        late_by: How late those arrive.
        held: Whether lines wait until the fault's end, as while a shipper is away.
        twice: Whether a second shipper ships the same file.
    """

    lost: float = 0.0
    late: float = 0.0
    late_by: timedelta = timedelta(0)
    held: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern of alerts: `analyzer metric subject`, each a shell pattern."""

    pattern: str

    def matches(self, analyzer: str, metric: str, subject: str | None) -> bool:
        """Return whether an alert is of this pattern."""
        parts = [*self.pattern.split(), "*", "*"][:3]
        values = (analyzer, metric, subject or "")
        return all(fnmatchcase(value, part) for value, part in zip(values, parts, strict=True))


ChangeRequests = Callable[[Requests, Affected], None]
"""Changes columns in place: before the model scores, or after (`answers`)."""
ChangeTraffic = Callable[[Floats, Floats], Floats]
"""Factor of the expected requests, from progress (0 to 1) and hour of the day."""
ChangeJob = Callable[[SimulatedRun, float], SimulatedRun | None]
"""The run of a job as it goes at a share of the fault's time; None where it does not run."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Args:
        id: Its name in tables and in JSON.
        title: For people.
        timeline: The group of faults that share a timeline: those of one `track` follow each other.
        layers: Layers of the chain of causes in which a right likely cause lies.
        signs: Alerts that may show it; an incident with none of them is no find.
        spans: How long it lasts and how late a message may come, by size.
        track: Part of the timeline; faults of two tracks may happen at one time, for none shows in
            what shows the other.
        at_hour: Hour of the day (UTC) at which it begins; -1 with the timeline.
        weekday: Day of the week on which it begins, 0 is Monday; None for any.
        inputs: Changes what requests carry, before the model scores them.
        answers: Changes scores, statuses, durations and labels, after the model scored.
        traffic: Changes the volume of requests.
        job: Changes runs of jobs.
        arrival: Changes how lines arrive.
        clock_ahead: How far the clock of the second process is ahead.
        reload_fails: Whether it begins with a failed reload of the model.
        starts: Whether a second service, or a second model of the service, starts with it.
        alongside: Whether it runs while the timeline's other faults do.
        daily: Predictions a day of its timeline; None for those of the size.
        is_trap: Whether nothing is wrong: then `signs` are true statements that may be made.
    """

    id: str
    title: str
    timeline: str
    layers: tuple[str, ...]
    signs: tuple[Sign, ...]
    spans: dict[Size, FaultTime]
    track: str = ""
    at_hour: int = 10
    weekday: int | None = None
    inputs: ChangeRequests | None = None
    answers: ChangeRequests | None = None
    traffic: ChangeTraffic | None = None
    job: ChangeJob | None = None
    arrival: Arrival | None = None
    clock_ahead: timedelta = timedelta(0)
    reload_fails: bool = False
    starts: Literal["", "service", "model"] = ""
    alongside: bool = False
    daily: int | None = None
    is_trap: bool = False

    def shown_by(self, analyzer: str, metric: str, subject: str | None) -> bool:
        """Return whether an alert may show it."""
        return any(sign.matches(analyzer, metric, subject) for sign in self.signs)


def trap(fault: Fault) -> Fault:
    """Return a fault as a trap: nothing is wrong; `signs` are true statements that may be made."""
    return replace(fault, is_trap=True)


def signs(*patterns: str) -> tuple[Sign, ...]:
    """Return signs of patterns."""
    return tuple(Sign(pattern) for pattern in patterns)
