"""Which runs of scheduled jobs started and ended in a window.

Jobs are few, so a profile keeps each start and end instead of counts: rhythm and duration need
them. Profiles of several windows add up by joining their events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzers.profile.aggregations import period_query
from analyzers.profile.hits import STEP, by_hour, field_of
from analyzers.profile.kind import ProfileKind
from analyzers.profile.slot import Slot
from analyzers.window import iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.logs import Logs
    from analyzers.profile.slot import Knowledge
    from analyzers.window import Window

KIND = "job"
DATASET = "ml.job"
_FIELDS = ["@timestamp", "event.*", "ml.job.*", "service.name", "error.message"]


@dataclass(frozen=True, slots=True)
class JobEvent:
    """The start or the end of a run.

    Args:
        job: Name of the job.
        run_id: The run.
        at: When.
        succeeded: How it ended; None for a start.
        seconds: How long the run took, None where unknown.
        service: The service that ran it.
        error: What stopped it, None for a success.
        records: Records the run worked through, None where it does not say.
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
class JobProfile:
    """The starts and ends of one window, in order of time."""

    slot: Slot
    knowledge: Knowledge
    revision: int = 1
    events: tuple[JobEvent, ...] = ()

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.slot.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside slot and knowledge."""
        return {"events": [_encode(each) for each in self.events]}


class JobKind(ProfileKind[JobProfile]):
    """Runs of jobs by the hour."""

    name = KIND
    dataset = DATASET
    step = STEP

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[JobProfile]:
        """Yield a profile for each hour with a start or an end."""
        del series
        body = {"query": period_query(part, {})["query"], "_source": _FIELDS}
        return profiles(hit["_source"] for hit in logs.scan(DATASET, body))

    def read(
        self,
        slot: Slot,
        knowledge: Knowledge,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> JobProfile:
        """Return the profile of a stored body."""
        del baselines
        events = (JobEvent(**(each | {"at": parse_time(each["at"])})) for each in body["events"])
        return JobProfile(slot, knowledge, revision, tuple(events))


def profiles(sources: Iterable[Mapping[str, Any]]) -> Iterator[JobProfile]:
    """Yield the profiles of log events (their sources), one per hour that holds any."""
    for window, knowledge, events in by_hour(sources, _event):
        ordered = sorted(events, key=lambda each: (each.at, each.run_id))
        yield JobProfile(Slot(KIND, window), knowledge, events=tuple(ordered))


def _event(source: Mapping[str, Any], at: datetime) -> JobEvent:
    outcome, duration = field_of(source, "event.outcome"), field_of(source, "event.duration")
    return JobEvent(
        job=field_of(source, "ml.job.name") or "unknown",
        run_id=field_of(source, "ml.job.run_id") or field_of(source, "event.id") or "",
        at=at,
        succeeded=None if outcome is None else outcome == "success",
        seconds=None if duration is None else duration / 1e9,
        service=field_of(source, "service.name"),
        error=field_of(source, "error.message"),
        records=field_of(source, "ml.job.records"),
    )


def _encode(event: JobEvent) -> dict[str, Any]:
    return {
        "job": event.job,
        "run_id": event.run_id,
        "at": iso(event.at),
        "succeeded": event.succeeded,
        "seconds": event.seconds,
        "service": event.service,
        "error": event.error,
        "records": event.records,
    }
