"""Runs of jobs, put together from the starts and ends that were logged. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.analyzers.profiles.kinds.job import JobEvent

OVERDUE = 3
"""A run that another one has followed counts as ended after so many times the usual duration."""
NEVER_ENDED = "its end was never logged: it was killed, or the line was lost"


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job; `end`, `succeeded`, `seconds` and `records` are None while it lasts."""

    job: str
    start: datetime
    end: datetime | None
    succeeded: bool | None
    seconds: float | None
    error: str | None
    service: str | None
    records: int | None = None

    def as_of(self, moment: datetime) -> JobRun:
        """Return what was known of the run at a moment after its start."""
        if self.end is None or self.end < moment:
            return self
        return replace(self, end=None, succeeded=None, seconds=None, error=None, records=None)


def runs(events: Iterable[JobEvent]) -> list[JobRun]:
    """Join starts and ends to runs, in order of their starts.

    An end without a start (its line was lost, or lies before what is known) starts when its
    duration says. Of a run that is logged twice, the first start and the last end count.

    A job that does not number its runs, or gives all one number, is taken to do one after the
    other: runs of it that overlap cannot be distinguished.
    """
    by_id: defaultdict[tuple[str, str], list[JobEvent]] = defaultdict(list)
    for event in events:
        by_id[event.job, event.run_id].append(event)
    found = [run for of_one_id in by_id.values() for run in _runs_of_one_id(of_one_id)]
    return sorted(found, key=lambda run: run.start)


def without_lost(known: Sequence[JobRun], now: datetime) -> list[JobRun]:
    """Return the runs with those that must have died as failures.

    A process that is killed logs no end. A run is given up once another has started and it has
    taken three times as long as runs usually do; until then both may run at the same time.

    Args:
        known: Runs as of now, in order of their starts.
        now: Moment they are judged at.
    """
    usual = median([run.seconds for run in known if run.succeeded and run.seconds] or [0.0])
    settled = list(known)
    for place, run in enumerate(known[:-1]):
        if run.end is None:
            patience = run.start + timedelta(seconds=OVERDUE * usual)
            given_up = max(known[place + 1].start, patience)
            if given_up < now:
                settled[place] = replace(run, end=given_up, succeeded=False, error=NEVER_ENDED)
    return settled


def _runs_of_one_id(events: Sequence[JobEvent]) -> Iterator[JobRun]:
    """Yield the runs that share an id, or have none."""
    ends = sum(event.succeeded is not None for event in events)
    # A start and an end belong together even if clocks put the end first.
    alone = max(ends, len(events) - ends) <= 1
    start: JobEvent | None = None
    end: JobEvent | None = None
    for event in sorted(events, key=lambda event: event.at):
        if event.succeeded is not None:
            if end and _follows(event, end):
                yield _run(start, end)
                start = None
            end = event
        elif start is None and (alone or end is None):
            start = event
        elif end or not event.run_id:
            yield _run(start, end)
            start, end = event, None
    yield _run(start, end)


def _follows(later: JobEvent, earlier: JobEvent) -> bool:
    """Whether a second end belongs to another run, not to the same one logged twice."""
    if later.seconds is None:
        return not later.run_id
    return later.at - timedelta(seconds=later.seconds) > earlier.at


def _run(start: JobEvent | None, end: JobEvent | None) -> JobRun:
    known = end or start
    if known is None:
        raise ValueError("a run has a start or an end")
    began = start.at if start else known.at - timedelta(seconds=known.seconds or 0.0)
    if end is None:
        return JobRun(known.job, began, None, None, None, None, known.service)
    return JobRun(
        known.job,
        began,
        end.at,
        end.succeeded,
        _seconds(start, end),
        end.error,
        known.service,
        end.records,
    )


def _seconds(start: JobEvent | None, end: JobEvent) -> float | None:
    """Return how long a run took, as logged or by the timestamps; None if unknown."""
    if end.seconds is not None or start is None:
        return end.seconds
    lasted = (end.at - start.at).total_seconds()
    return lasted if lasted >= 0 else None
