"""Job health: do the scheduled jobs run when they should, succeed, and take as long as ever?

A job is judged against itself. Its rhythm is the median time between the starts of runs that
succeeded: runs that are tried again after a failure do not make a job look hourly. A run that has
started and not ended counts with the time it has taken so far.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from analyzers.alert import Alert
from analyzers.analyzer import Analyzer
from analyzers.limits import Limits
from analyzers.panel import Panel
from analyzers.profile.hits import STEP
from analyzers.profile.jobs import JobEvent, JobProfile
from analyzers.window import DAY, Window
from analyzers.wording import count, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzers.evidence import Evidence
    from analyzers.finding import Finding

FAILED, MISSED, DURATION = "failed.runs", "missed.runs", "duration.ratio"
FEWEST_RUNS = 4
UNNOTICED_S = 10.0
"""A run that takes so much longer than usual, or less, is no news whatever its ratio."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job; `end`, `succeeded` and `seconds` are None while it lasts."""

    job: str
    start: datetime
    end: datetime | None
    succeeded: bool | None
    seconds: float | None
    error: str | None
    service: str | None

    def as_of(self, moment: datetime) -> Run:
        """Return what was known of the run at a moment after its start."""
        if self.end is None or self.end < moment:
            return self
        return replace(self, end=None, succeeded=None, seconds=None, error=None)


class JobHealth(Analyzer[JobProfile]):
    """Failed, missed and slow runs per job."""

    name = "job_health"
    question = "Do the scheduled jobs run when they should, succeed, and take as long as ever?"
    advice = (
        "Read the error in the sentence and the run's lines (`logs-ml.job-*`, by "
        "`ml.job.run_id`). A failed training leaves the old model in service, which is safe for "
        "days; a refresh of statistics that is missed makes predictions fall back within hours. "
        "A missed run without a failed one means that the scheduler stands still or the last "
        "run hangs."
    )
    reads = "job"
    lookback = 35 * DAY
    limits: ClassVar = {
        FAILED: Limits(1, 3, meaning="failed runs since the last success"),
        MISSED: Limits(1, 3, meaning="runs that were due by the job's own rhythm"),
        DURATION: Limits(3, 10, meaning="times the median, and 10 s more"),
    }
    panels = (
        Panel("Failed runs", FAILED, "runs", "Which job fails, how often in a row?", "bar"),
        Panel("Missed runs", MISSED, "runs", "Which job has not run when it was due?", "bar"),
        Panel("Duration", DURATION, "times the median", "Which job takes longer than it did?"),
    )
    alert = Alert(on="warning", after=1, of=1, layer="job")

    def evaluate(self, evidence: Evidence[JobProfile]) -> Iterator[Finding]:
        """Yield what can be said of each job at each hour's end."""
        by_job: dict[str, list[JobEvent]] = {}
        for profile in evidence.profiles:
            for event in profile.events:
                by_job.setdefault(event.job, []).append(event)
        for job, events in sorted(by_job.items()):
            of_job = runs(events)
            starts = [each.start for each in of_job]
            for window in evidence.windows(STEP):
                first = bisect_left(starts, window.end - self.lookback)
                last = bisect_left(starts, window.end)
                known = [each.as_of(window.end) for each in of_job[first:last]]
                if known:
                    yield from self._judge(job, known, window)

    def _judge(self, job: str, known: Sequence[Run], window: Window) -> Iterator[Finding]:
        ended = [each for each in known if each.end and each.end >= window.start]
        if ended:
            yield self._failed(job, known, window)
        yield self._missed(job, known, window)
        if ended or known[-1].end is None:
            yield self._duration(job, known, window)

    def _failed(self, job: str, known: Sequence[Run], window: Window) -> Finding:
        ended = sorted((each for each in known if each.end), key=lambda each: str(each.end))
        successes = [index for index, each in enumerate(ended) if each.succeeded]
        failed = ended[successes[-1] + 1 :] if successes else ended
        if failed:
            error = f" ({failed[-1].error})" if failed[-1].error else ""
            since = f"last succeeded {moment(ended[successes[-1]].start)}" if successes else ""
            reason = (
                f"{job} failed {_times(len(failed))}{error}, first {moment(failed[0].start)}; "
                f"{since or 'no run is known to have succeeded'}."
            )
        else:
            reason = f"{job} succeeded {span(window)}."
        limits = self.limits[FAILED]
        return self.finding(
            FAILED,
            job,
            window,
            limits.judge(len(failed), len(failed)),
            value=float(len(failed)),
            sample_count=len(ended),
            service=ended[-1].service,
            reason=reason,
        )

    def _missed(self, job: str, known: Sequence[Run], window: Window) -> Finding:
        last = known[-1]
        intervals = _intervals(known)
        if len(intervals) < FEWEST_RUNS - 1:
            reason = (
                f"{count(len(intervals) + 1, 'success')} of {job} known in 35 days, "
                f"{FEWEST_RUNS} are needed to know its rhythm."
            ).replace("successs", "successes")
            return self.unknown(MISSED, job, window, reason, service=last.service)
        usual, longest = float(np.median(intervals)), float(np.quantile(intervals, 0.9))
        waited = (window.end - last.start).total_seconds()
        overdue = waited > 1.5 * longest
        missed = int(waited / usual - 0.5) if overdue else 0
        rhythm = _length(usual)
        reason = (
            f"{job} has not started since {moment(last.start)}: it runs every {rhythm}, so "
            f"{count(missed, 'run')} did not take place."
            if missed
            else f"{job} last started {moment(last.start)}, it runs every {rhythm}."
        )
        return self.finding(
            MISSED,
            job,
            window,
            self.limits[MISSED].judge(missed, missed),
            value=float(missed),
            sample_count=len(known),
            service=last.service,
            reason=reason,
        )

    def _duration(self, job: str, known: Sequence[Run], window: Window) -> Finding:
        latest = known[-1]
        before = [each.seconds for each in known[:-1] if each.succeeded and each.seconds]
        seconds = latest.seconds
        if seconds is None:
            seconds = (window.end - latest.start).total_seconds()
        if len(before) < FEWEST_RUNS:
            reason = (
                f"{count(len(before), 'earlier success')} of {job} known, {FEWEST_RUNS} are needed "
                "to know how long it takes."
            ).replace("successs", "successes")
            return self.unknown(DURATION, job, window, reason, service=latest.service)
        usual = float(np.median(before))
        ratio = seconds / usual if usual > 0 else 1.0
        noticed = seconds - usual > UNNOTICED_S
        judged = ratio if noticed else min(ratio, 1.0)
        verb = "took" if latest.end else "has been running for"
        return self.finding(
            DURATION,
            job,
            window,
            self.limits[DURATION].judge(judged, judged),
            value=ratio,
            baseline_value=1.0,
            baseline_count=len(before),
            sample_count=1,
            service=latest.service,
            reason=f"{job} {verb} {_length(seconds)}, usually {_length(usual)}, "
            f"started {moment(latest.start)}.",
        )


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


def _run(start: JobEvent | None, end: JobEvent | None) -> Run:
    known = end or start
    if known is None:
        raise ValueError("a run has a start or an end")
    began = start.at if start else known.at - timedelta(seconds=known.seconds or 0.0)
    return Run(
        known.job,
        began,
        end.at if end else None,
        end.succeeded if end else None,
        end.seconds if end else None,
        end.error if end else None,
        known.service,
    )


def _intervals(known: Sequence[Run]) -> list[float]:
    starts = [each.start for each in known if each.succeeded]
    return [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(starts)]


def _times(failures: int) -> str:
    return "once" if failures == 1 else f"{failures} times in a row"


def _length(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"
