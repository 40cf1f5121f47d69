"""Runs of jobs, put together from the starts and ends that were logged. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzers.profile.jobs import JobEvent

OVERDUE = 3
"""A run that another one has followed counts as ended after so many times the usual duration."""
NEVER_ENDED = "its end was never logged: it was killed, or the line was lost"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job; `end`, `succeeded`, `seconds` and `records` are None while it lasts."""

    job: str
    start: datetime
    end: datetime | None
    succeeded: bool | None
    seconds: float | None
    error: str | None
    service: str | None
    records: int | None = None

    def as_of(self, moment: datetime) -> Run:
        """Return what was known of the run at a moment after its start."""
        if self.end is None or self.end < moment:
            return self
        return replace(self, end=None, succeeded=None, seconds=None, error=None, records=None)


def runs(events: Iterable[JobEvent]) -> list[Run]:
    """Join starts and ends to runs, in order of their starts.

    An end without a start (its line was lost, or lies before what is known) starts when its
    duration says.
    """
    starts: dict[str, JobEvent] = {}
    ends: dict[str, JobEvent] = {}
    for each in events:
        (starts if each.succeeded is None else ends)[each.run_id] = each
    found = [_run(starts.get(run_id), ends.get(run_id)) for run_id in {**starts, **ends}]
    return sorted(found, key=lambda each: each.start)


def without_lost(known: Sequence[Run], now: datetime) -> list[Run]:
    """Return the runs with those that must have died as failures.

    A process that is killed logs no end. A run is given up once another has started and it has
    taken three times as long as runs usually do; until then it may run beside the other.

    Args:
        known: Runs as of now, in order of their starts.
        now: Moment they are judged at.
    """
    usual = median([each.seconds for each in known if each.succeeded and each.seconds] or [0.0])
    settled = list(known)
    for place, run in enumerate(known[:-1]):
        if run.end is None:
            patience = run.start + timedelta(seconds=OVERDUE * usual)
            given_up = max(known[place + 1].start, patience)
            if given_up < now:
                settled[place] = replace(run, end=given_up, succeeded=False, error=NEVER_ENDED)
    return settled


def _run(start: JobEvent | None, end: JobEvent | None) -> Run:
    known = end or start
    if known is None:
        raise ValueError("a run has a start or an end")
    began = start.at if start else known.at - timedelta(seconds=known.seconds or 0.0)
    if end is None:
        return Run(known.job, began, None, None, None, None, known.service)
    return Run(
        known.job,
        began,
        end.at,
        end.succeeded,
        end.seconds,
        end.error,
        known.service,
        end.records,
    )
