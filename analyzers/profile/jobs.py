"""Which runs of scheduled jobs started and ended in a window.

Jobs are few, so a profile keeps each start and end instead of counts: rhythm and duration need
them. Profiles of several windows add up by joining their events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzers.profile.aggregations import period_query
from analyzers.profile.kind import ProfileKind
from analyzers.profile.slot import Knowledge, Slot
from analyzers.window import HOUR, Window, floor, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.logs import Logs

KIND = "job"
DATASET = "ml.job"
STEP = HOUR
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
    """

    job: str
    run_id: str
    at: datetime
    succeeded: bool | None = None
    seconds: float | None = None
    service: str | None = None
    error: str | None = None


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
    hours: dict[datetime, list[tuple[JobEvent, Knowledge]]] = {}
    for source in sources:
        event = _event(source)
        ingested = _at(source, "event.ingested")
        known = Knowledge(1, parse_time(ingested) if ingested else None)
        hours.setdefault(floor(event.at, STEP), []).append((event, known))
    for start, found in sorted(hours.items()):
        events = sorted((event for event, _ in found), key=lambda each: (each.at, each.run_id))
        yield JobProfile(
            Slot(KIND, Window(start, start + STEP)),
            sum((known for _, known in found), Knowledge()),
            events=tuple(events),
        )


def _event(source: Mapping[str, Any]) -> JobEvent:
    outcome, duration = _at(source, "event.outcome"), _at(source, "event.duration")
    return JobEvent(
        job=_at(source, "ml.job.name") or "unknown",
        run_id=_at(source, "ml.job.run_id") or _at(source, "event.id") or "",
        at=parse_time(source["@timestamp"]),
        succeeded=None if outcome is None else outcome == "success",
        seconds=None if duration is None else duration / 1e9,
        service=_at(source, "service.name"),
        error=_at(source, "error.message"),
    )


def _at(source: Mapping[str, Any], name: str) -> Any:
    """Return a field written flat, as our shipper does, or nested, as others do."""
    if name in source:
        return source[name]
    found: Any = source
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _encode(event: JobEvent) -> dict[str, Any]:
    return {
        "job": event.job,
        "run_id": event.run_id,
        "at": iso(event.at),
        "succeeded": event.succeeded,
        "seconds": event.seconds,
        "service": event.service,
        "error": event.error,
    }
