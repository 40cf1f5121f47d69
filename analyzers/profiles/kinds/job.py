"""Starts and ends of the runs of scheduled jobs in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.event_logs.hits import field_of
from mlmon.analyzers.profiles.event_kind import EventKind, EventProfile, Events
from mlmon.analyzers.profiles.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KIND = "job"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """The start or the end of a run.

    Args:
        job: Name of the job.
        run_id: The run, "" where the line has none.
        at: When.
        succeeded: How it ended; None for a start.
        seconds: How long the run took, None where unknown or below zero.
        service: The service that ran it.
        error: What stopped it, None for a success.
        records: Records the run worked through, None where unknown.
    """

    job: str
    run_id: str
    at: datetime
    succeeded: bool | None = None
    seconds: float | None = None
    service: str | None = None
    error: str | None = None
    records: int | None = None


@dataclass(frozen=True, slots=True)
class JobProfile(EventProfile[JobEvent]):
    """The events of one window, in order of time."""

    events: tuple[JobEvent, ...] = quantity(Events(JobEvent))


class JobKind(EventKind[JobEvent]):
    """Runs of jobs by the hour."""

    name = KIND
    dataset = "ml.job"
    profile = JobProfile
    fields: ClassVar = [
        "event.outcome",
        "event.duration",
        "ml.job.*",
        "service.name",
        "error.message",
    ]

    def of(self, source: Mapping[str, Any], at: datetime) -> JobEvent:
        """Return the start or the end of a run that a line logs."""
        outcome = field_of(source, "event.outcome")
        duration = _counted(field_of(source, "event.duration"))
        return JobEvent(
            job=field_of(source, "ml.job.name") or "unknown",
            run_id=field_of(source, "ml.job.run_id") or "",
            at=at,
            succeeded=None if outcome is None else outcome == "success",
            seconds=None if duration is None else duration / 1e9,
            service=field_of(source, "service.name"),
            error=field_of(source, "error.message") or _odd(outcome),
            records=_counted(field_of(source, "ml.job.records")),
        )

    def order(self, event: JobEvent) -> tuple[object, ...]:
        """Sort by time, then by run, the start first."""
        return event.at, event.run_id, event.succeeded is not None


def _counted(value: int | None) -> int | None:
    """Return what was counted; of what is below zero, nothing is known."""
    return None if value is None or value < 0 else value


def _odd(outcome: str | None) -> str | None:
    """Return a note on an outcome that is no success and no failure."""
    return None if outcome in {None, "success", "failure"} else f"its outcome is {outcome!r}"


profiles = JobKind().profiles
