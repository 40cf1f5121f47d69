"""The simulated service's scheduled jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from numpy.random import Generator

REFRESH, TRAIN, EXPORT, MLMON = "refresh_features", "train_model", "export_report", "mlmon_cycle"


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """One run of a job.

    Args:
        job: Its name.
        at: When it starts.
        seconds: How long it takes.
        records: Records it handles.
        error: What it fails with; empty where it succeeds.
        quality: Added to the noise of the model that a training makes: 0 is as good as before.
    """

    job: str
    at: datetime
    seconds: float
    records: int
    error: str = ""
    quality: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job's schedule.

    Args:
        name: Its name.
        every: Its rhythm.
        offset: First run after midnight of the first day.
        seconds: Usual duration.
        records: Usual number of records.
    """

    name: str
    every: timedelta
    offset: timedelta
    seconds: float
    records: int

    def runs(
        self, begin: datetime, start: datetime, end: datetime, rng: Generator
    ) -> Iterator[SimulatedRun]:
        """Yield the runs that start in [start, end), of a schedule that began at `begin`."""
        number = max(0, -((begin + self.offset - start) // self.every))
        at = begin + self.offset + number * self.every
        while at < end:
            if at >= start:
                seconds = self.seconds * float(rng.lognormal(0.0, 0.1))
                records = int(self.records * float(rng.lognormal(0.0, 0.03)))
                yield SimulatedRun(self.name, at, seconds, records)
            at += self.every


def jobs(retrain: timedelta) -> tuple[Job, ...]:
    """Return the jobs of a service whose model is trained so often."""
    return (
        Job(REFRESH, HOUR, 5 * MINUTE, 40.0, 600),
        Job(EXPORT, DAY, 2 * HOUR, 300.0, 5_000),
        Job(TRAIN, retrain, 3 * HOUR, 600.0, 6_000),
        Job(MLMON, HOUR, 20 * MINUTE, 8.0, 40),
    )
