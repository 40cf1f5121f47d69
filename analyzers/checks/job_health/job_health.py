"""Job health: failed, missed and slow runs of scheduled jobs, and their records.

A job is judged against its own past; jobs of two services are two, also where they have one name.
Its schedule follows from the intervals between runs that succeeded and from the same time of the
past three weeks: a job may rest at weekends, or run daily and once more on Sundays. A run that has
started and not ended counts with the time it has taken so far; once another run has started and it
has taken three times as long as usual, it counts as failed: a process that is killed logs no end.
The records a run worked through are compared with those of its earlier runs without the latest ten,
so that a decline run by run does not become usual, and the last 30 runs are tested for a steady
decline. Start and end of a run are joined by `ml.job.run_id`; where a job gives its runs no number,
or all the same, by their order. A job is watched for 150 days after its last start, then treated as
retired.

Jobs are judged at each hour's end and, between, at the second after a run failed, passed the limit
of its duration, or was missed by its intervals.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY, MINUTE, SECOND, Window, floor
from mlmon.analyzers.checks.job_health.job_rhythm import LATE, missed, rhythm
from mlmon.analyzers.checks.job_health.job_runs import JobRun, runs, without_lost
from mlmon.analyzers.event_logs.hits import EVENT_STEP
from mlmon.analyzers.profiles.kinds.job import JobEvent, JobProfile
from mlmon.analyzers.statistics.steady_change import steady_change
from mlmon.formatting import count, duration, excerpt, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding

CYCLE_JOB = "mlmon_cycle"
"""The job of which each cycle of `mlmon run` is a run."""
FAILED, MISSED, DURATION = "failed.runs", "missed.runs", "duration.ratio"
RECORDS, RECORDS_TREND = "records.ratio", "records.trend"
TREND_RUNS, MIN_TREND_RUNS, TREND_P = 30, 8, 0.001
"""Runs that a trend of the records is taken of, and the chance from which on it is steady."""
MIN_RUNS = 4
PAST = 150 * DAY
UNNOTICED_S = 10.0
"""A run that takes at most so much longer than usual is ok, regardless of its ratio."""
LATEST_RUNS = 10
"""So many of the latest runs are not part of the reference of records."""
MOST_RUNS = 200
"""Number of runs in the baseline."""


class JobHealth(Analyzer[JobProfile]):
    """Failed, missed and slow runs per job."""

    name = "job_health"
    question = "Do scheduled jobs run on time, succeed, and take as long as usual?"
    advice = (
        "Read the error in the sentence and the job's lines, `mlmon logs --dataset job --field "
        "ml.job.name=JOB --since 2d`; `mlmon trace` with a line's `trace.id` shows the full run. "
        "A failed training leaves the old model in service, which is safe for days; a refresh of "
        "statistics that is missed makes predictions fall back within hours. A missed run without "
        "a failed one means that the scheduler is down or the last run hangs. Few records mean "
        "that a source of the job delivered little: check it before a model is trained on it."
    )
    runbooks: ClassVar = {
        "failed.runs": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A source or a database is away; bad data; a release of the job.",
            "Read `error.message`, fix what it names, and run the job again. A failed training "
            "leaves the old model in service, which is safe for days.",
        ),
        "missed.runs": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "The scheduler is down; the run before hangs; the job was retired.",
            "Start the scheduler, end the run that hangs, and run the job once by hand.",
        ),
        "duration.ratio": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A slow source; more data; a run that hangs or was killed without a last line.",
            "Where its process is gone, run it again. Else wait, and look at what it reads.",
        ),
        "": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A source of the job delivered little or much.",
            "Check the source before a model is trained on it; then run the job again.",
        ),
    }
    needs = (Needs("job", PAST),)
    at_once = True
    metrics = (
        Metric(
            FAILED,
            "Failed runs",
            "How many runs of each job fail in a row?",
            Limits(1, 3, meaning="most failed runs in a row that ended in the hour"),
            unit="runs",
            draw="bar",
        ),
        Metric(
            MISSED,
            "Missed runs",
            "How many due runs of each job did not start?",
            Limits(1, 3, meaning="runs that were due by the job's own rhythm"),
            unit="runs",
            draw="bar",
        ),
        Metric(
            DURATION,
            "Run duration",
            "How long do runs take, as a multiple of the median?",
            Limits(3, 10, meaning="times the median, and 10 s more"),
            unit="times the median",
        ),
        Metric(
            RECORDS,
            "Records per run",
            "How many records do runs process, as a multiple of the median?",
            Limits(0.6, 0.1, "below", "times the median, and times the 10th percentile"),
            unit="times the median",
        ),
        Metric(
            RECORDS_TREND,
            "Trend of the records per run",
            "Which multiple of its first run are the records, where they fall steadily?",
            Limits(0.6, 0.3, "below", "times the first of up to 30 runs"),
            unit="times",
        ),
    )
    # One success closes the alert; a job that runs once a month is not gone in between.
    alert_policy = AlertPolicy(on="warning", after=1, of=1, layer="job", clear=1, silence=35 * DAY)

    def evaluate(self, context: AnalysisContext[JobProfile]) -> Iterator[Finding]:
        """Yield the findings of each job at each hour's end, and as soon as one alarms."""
        by_job: dict[tuple[str, str], list[JobEvent]] = {}
        for profile in context.profiles:
            for event in profile.events:
                by_job.setdefault((event.service or "", event.job), []).append(event)
        for (_, job), events in sorted(by_job.items()):
            yield from self._of_job(job, runs(events), context)

    def _of_job(
        self, job: str, of_job: Sequence[JobRun], context: AnalysisContext[JobProfile]
    ) -> Iterator[Finding]:
        starts = [run.start for run in of_job]
        succeeded = sorted((run.end, run.start) for run in of_job if run.succeeded and run.end)
        ends = [end for end, _ in succeeded]

        def known_at(end: datetime) -> tuple[list[JobRun], list[datetime]]:
            """Return the runs known at a moment, and the starts of those that succeeded."""
            begin = end - PAST
            last = bisect_left(starts, end)
            first = max(bisect_left(starts, begin), last - MOST_RUNS)
            past = slice(bisect_left(ends, begin), bisect_left(ends, end))
            good = sorted(start for _, start in succeeded[past])
            return [run.as_of(end) for run in of_job[first:last]], good

        for window in context.windows(EVENT_STEP):
            known, good = known_at(window.end)
            if known:
                yield from self._judge(job, without_lost(known, window.end), good, window)
        period = context.period
        for place, run in enumerate(of_job):
            following = of_job[place + 1].start if place + 1 < len(of_job) else None
            last_of_it = max(run.end or run.start, following or period.end)
            if last_of_it < period.start - SECOND or run.start >= period.end:
                continue
            for metric, end in _first_seen(run, following, known_at(run.start)):
                if period.start < end <= period.end and end != floor(end, EVENT_STEP):
                    known, good = known_at(end)
                    yield from self._at_once(job, metric, without_lost(known, end), good, end)

    def _at_once(
        self,
        job: str,
        metric: str,
        known: Sequence[JobRun],
        good: Sequence[datetime],
        end: datetime,
    ) -> Iterator[Finding]:
        """Yield the finding of a metric at the moment at which it may alarm first, if it does."""
        window = Window(end - MINUTE, end)
        if metric == FAILED:
            finding = self._failed(job, known, window)
        elif metric == DURATION:
            finding = self._duration(job, known, window)
        else:
            finding = self._missed(job, known, good, window)
        if finding.severity.alarming:
            yield finding

    def _judge(
        self, job: str, known: Sequence[JobRun], good: Sequence[datetime], window: Window
    ) -> Iterator[Finding]:
        ended = [run for run in known if run.end and run.end >= window.start]
        if ended:
            yield self._failed(job, known, window)
        yield self._missed(job, known, good, window)
        if ended or known[-1].end is None:
            yield self._duration(job, known, window)
        done = [run for run in known if run.succeeded]
        if done and done[-1] in ended:
            yield from self._records(job, done, window)
            yield from self._records_trend(job, done, window)

    def _failed(self, job: str, known: Sequence[JobRun], window: Window) -> Finding:
        ended = sorted((run for run in known if run.end), key=lambda run: run.end or run.start)
        worst: list[JobRun] = []
        row: list[JobRun] = []
        for run in ended:
            row = [] if run.succeeded else [*row, run]
            if run.end and run.end >= window.start and len(row) > len(worst):
                worst = row
        limits = self.limits[FAILED]
        failed = worst[0].end if worst else None
        # One cycle of mlmon may meet a restart, or a receiver that is away for a moment.
        forgiven = job == CYCLE_JOB and len(worst) == 1
        return self.finding(
            FAILED,
            job,
            window,
            Severity.OK if forgiven else limits.judge(len(worst), len(worst)),
            value=float(len(worst)),
            sample_count=len(ended),
            service=ended[-1].service,
            onset_start=failed,
            onset_end=failed,
            reason=_failures(job, worst, ended) if worst else f"{job} succeeded {span(window)}.",
        )

    def _missed(
        self, job: str, known: Sequence[JobRun], good: Sequence[datetime], window: Window
    ) -> Finding:
        last = known[-1]
        of = rhythm(good[-MOST_RUNS:])
        if of is None:
            reason = (
                f"{_successes(len(good))} of {job} known in {PAST // DAY} days, "
                f"{MIN_RUNS} are needed to know its schedule."
            )
            return self.unknown(MISSED, job, window, reason, service=last.service)
        runs_missed, by_weeks = missed(of, good, last.start, window.end)
        every = duration(of.usual.total_seconds())
        rule = (
            f"in each of the 3 weeks before it started {_times(runs_missed)} in that time"
            if by_weeks
            else f"it runs every {every}"
        )
        reason = (
            f"{job} has not started since {moment(last.start)}: {rule}, so "
            f"{count(runs_missed, 'run')} did not take place."
            if runs_missed
            else f"{job} last started {moment(last.start)}, it runs every {every}."
        )
        return self.finding(
            MISSED,
            job,
            window,
            self.limits[MISSED].judge(runs_missed, runs_missed),
            value=float(runs_missed),
            onset_start=last.start + of.usual if runs_missed else None,
            onset_end=last.start + of.longest if runs_missed else None,
            lines_since=last.start if runs_missed else None,
            sample_count=len(known),
            service=last.service,
            reason=reason,
        )

    def _duration(self, job: str, known: Sequence[JobRun], window: Window) -> Finding:
        latest = known[-1]
        before = [run.seconds for run in known[:-1] if run.succeeded and run.seconds]
        seconds = latest.seconds
        if seconds is None and latest.end is None:
            seconds = (window.end - latest.start).total_seconds()
        if len(before) < MIN_RUNS or seconds is None:
            successes = f"{_successes(len(before), 'earlier ')} of {job} known"
            reason = f"{successes}, {MIN_RUNS} are needed for a baseline."
            if seconds is None:
                reason = f"{job} logged no duration of its run, started {moment(latest.start)}."
            return self.unknown(DURATION, job, window, reason, service=latest.service)
        usual = float(np.median(before))
        ratio = seconds / usual if usual > 0 else 1.0
        noticed = seconds - usual > UNNOTICED_S
        judged = ratio if noticed else min(ratio, 1.0)
        severity = self.limits[DURATION].judge(judged, judged)
        late = max(self.limits[DURATION].warning * usual, usual + UNNOTICED_S)
        overdue = latest.start + timedelta(seconds=late) if severity.alarming else None
        verb = "took" if latest.end else "has been running for"
        return self.finding(
            DURATION,
            job,
            window,
            severity,
            onset_start=overdue,
            onset_end=overdue,
            value=ratio,
            baseline_value=1.0,
            baseline_count=len(before),
            sample_count=1,
            service=latest.service,
            reason=f"{job} {verb} {duration(seconds)}, usually {duration(usual)}, "
            f"started {moment(latest.start)}.",
        )

    def _records(self, job: str, done: Sequence[JobRun], window: Window) -> Iterator[Finding]:
        latest = done[-1]
        before = [run.records for run in done[:-1] if run.records is not None]
        if latest.records is None and not before:
            return
        if latest.records is None or len(before) < MIN_RUNS:
            reason = (
                f"{job} logged no number of records, unlike earlier runs."
                if latest.records is None
                else f"{_successes(len(before), 'earlier ')} of {job} with known records, "
                f"{MIN_RUNS} are needed for a baseline."
            )
            yield self.unknown(RECORDS, job, window, reason, service=latest.service)
            return
        frozen = _frozen(before)
        usual, low = float(np.median(frozen)), float(np.quantile(frozen, 0.1))
        ratio = latest.records / usual if usual > 0 else 1.0
        declared = self.limits[RECORDS]
        part = low / usual if usual > 0 else 0.0
        limits = declared.at_least(declared.warning * part, declared.critical * part)
        yield self.finding(
            RECORDS,
            job,
            window,
            # Where one run in ten has no records, none is usual.
            limits.judge(ratio, ratio) if low > 0 else Severity.OK,
            value=ratio,
            baseline_value=1.0,
            baseline_count=len(before),
            sample_count=1,
            warning=limits.warning,
            critical=limits.critical,
            service=latest.service,
            reason=f"{job} processed {count(latest.records, 'record')}, usually "
            f"{number(usual)}, started {moment(latest.start)}; limit {number(limits.warning)} of "
            "it.",
        )

    def _records_trend(self, job: str, done: Sequence[JobRun], window: Window) -> Iterator[Finding]:
        """Yield whether the records fall steadily, run by run."""
        values = [float(run.records) for run in done[-TREND_RUNS:] if run.records]
        if len(values) < MIN_TREND_RUNS:
            return
        change = steady_change(range(len(values)), values)
        interval, limits = change.factor.interval, self.limits[RECORDS_TREND]
        steady = change.p_falling <= TREND_P
        severity = limits.judge(interval.low, interval.high) if steady else Severity.OK
        verdict = "they fall steadily" if steady else "no steady fall"
        yield self.finding(
            RECORDS_TREND,
            job,
            window,
            severity,
            value=change.factor.value,
            low=interval.low,
            high=interval.high,
            p_value=change.p_falling,
            baseline_value=1.0,
            sample_count=len(values),
            service=done[-1].service,
            reason=f"{job} processed {number(values[-1])} records in its last run, "
            f"{number(values[0])} {count(len(values) - 1, 'run')} before: {verdict} (factor "
            f"{number(change.factor.value)} along the trend, p {number(change.p_falling)}; limit "
            f"{number(limits.warning)}).",
        )


def _frozen(before: Sequence[int]) -> Sequence[int]:
    """Return the runs that are the reference: without the latest ones, as far as enough are left.

    A reference that holds the latest runs learns from a fault that lasts, or that grows.
    """
    latest = min(LATEST_RUNS, max(0, len(before) - MIN_RUNS))
    return before[: len(before) - latest]


def _first_seen(
    run: JobRun, following: datetime | None, before: tuple[Sequence[JobRun], Sequence[datetime]]
) -> Iterator[tuple[str, datetime]]:
    """Yield when a run failed, took too long, or had no successor in time, each with the metric.

    Args:
        run: The run.
        following: When the next one started, None where none has.
        before: The runs before it, and the starts of those that succeeded.
    """
    if run.succeeded is False and run.end is not None:
        yield FAILED, _next_second(run.end)
    earlier, good = before
    took = [run.seconds for run in earlier if run.succeeded and run.seconds]
    if len(took) >= MIN_RUNS:
        usual = float(np.median(took))
        limit = max(JobHealth.limits[DURATION].warning * usual, usual + UNNOTICED_S)
        end = _next_second(run.start + timedelta(seconds=limit))
        if (run.end is None or run.end >= end) and (following is None or following >= end):
            yield DURATION, end
    of = rhythm([*good[-MOST_RUNS + 1 :], *([run.start] if run.succeeded else [])])
    if of is not None:
        end = _next_second(run.start + LATE * of.longest)
        if following is None or following >= end:
            yield MISSED, end


def _next_second(moment: datetime) -> datetime:
    return floor(moment, SECOND) + SECOND


def _failures(job: str, worst: Sequence[JobRun], ended: Sequence[JobRun]) -> str:
    """Sentence about failures in a row, the error, and the last success."""
    times = f"{_times(len(worst))}{' in a row' if len(worst) > 1 else ''}"
    since = "first started" if len(worst) > 1 else "started"
    error = f" ({excerpt(worst[-1].error)})" if worst[-1].error else ""
    successes = [run.start for run in ended if run.succeeded]
    good = f"last succeeded {moment(successes[-1])}" if successes else ""
    return (
        f"{job} failed {times}{error}, {since} {moment(worst[0].start)}; "
        f"{good or 'no run is known to have succeeded'}."
    )


def _successes(runs_known: int, which: str = "") -> str:
    return f"{runs_known:,} {which}success{'' if runs_known == 1 else 'es'}"


def _times(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
