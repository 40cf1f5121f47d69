"""When the jobs run: the `schedule` library on a clock that can be simulated.

`schedule` asks the machine for the local time. Here it asks the given clock, in UTC, and the next
run is counted from when the last one was due, not from when it ended, so that runs do not slip.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

import schedule

from mlmon.autobid.clock import NanosecondClock, to_datetime


class ClockedJob(schedule.Job):
    """A job that is due by the clock of its scheduler."""

    scheduler: "ClockedScheduler"

    @property
    def should_run(self) -> bool:
        """Whether the job is due."""
        return self.next_run is not None and self.scheduler.now() >= self.next_run

    def run(self) -> object:
        """Do the job and plan the next run."""
        result = self.job_func() if self.job_func else None
        self.last_run = self.scheduler.now()
        self._schedule_next_run()
        return result

    def first(self, due: datetime) -> Self:
        """Set when the job runs first; it keeps to that rhythm from then on."""
        self.next_run = due
        return self

    def _schedule_next_run(self) -> None:
        now = self.scheduler.now()
        period = timedelta(**{str(self.unit): self.interval})
        due = (self.next_run or now) + period
        while due <= now:
            due += period
        self.next_run = due


class ClockedScheduler(schedule.Scheduler):
    """`schedule.Scheduler`, except for what time it is."""

    def __init__(self, clock: NanosecondClock) -> None:
        super().__init__()
        self.clock = clock

    def now(self) -> datetime:
        """The clock's time in UTC."""
        return to_datetime(self.clock())

    def every(self, interval: int = 1) -> ClockedJob:
        """A new job: `.hours.do(work).first(due)`."""
        return ClockedJob(interval, self)


def schedule_with_retry(
    scheduler: ClockedScheduler,
    attempt: Callable[[], bool],
    *,
    every: timedelta,
    first: datetime,
    retry: timedelta,
) -> None:
    """Run `attempt` in a rhythm and, after one that failed, again every `retry` until it works."""
    retrying: list[schedule.Job] = []

    def again() -> type[schedule.CancelJob] | None:
        if not attempt():
            return None
        retrying.clear()
        return schedule.CancelJob

    def run() -> None:
        if not attempt() and not retrying:
            retrying.append(scheduler.every(_minutes(retry)).minutes.do(again))

    job = scheduler.every(_minutes(every))
    job.minutes.do(run)
    job.first(first)


def _minutes(span: timedelta) -> int:
    return max(1, span // timedelta(minutes=1))
