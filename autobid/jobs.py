"""The scheduled jobs: what each does, and how each run is logged.

A run is logged when it starts and when it ends, with its duration and how many records it handled.
An exception ends the run as failed and goes no further: one bad run must not end the scheduler.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from mlmon.autobid.clock import NanosecondClock, to_datetime, to_nanoseconds
from mlmon.autobid.encoding import FeatureRow
from mlmon.autobid.examples import Dataset, ExampleStore
from mlmon.autobid.identifiers import DrawId, random_id
from mlmon.autobid.market import PROFILES
from mlmon.autobid.model import MODEL_NAME, Training, train
from mlmon.autobid.model_store import ModelStore
from mlmon.autobid.profile_stats import ProfileHistoricalStats, StatsStore
from mlmon.logging_config import EventLog, Model, context

ASSEMBLE_DATA = "assemble_data_job"
TRAIN_MODEL = "train_model_job"
REFRESH_STATS = "refresh_profile_stats_job"

Work: TypeAlias = Callable[[], int]
"""Does a job's work and returns the number of records handled."""

Trainer: TypeAlias = Callable[[Sequence[FeatureRow], Sequence[bool]], Training]
"""Fits a model to examples."""

StatsSource: TypeAlias = Callable[[datetime], Iterable[ProfileHistoricalStats]]
"""Computes the statistics of all profiles as of a moment."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs and logs each run; `clock` measures the duration."""

    log: EventLog
    clock: NanosecondClock
    draw_id: DrawId = random_id

    def run(self, name: str, work: Work) -> bool:
        """Run a job once; returns whether it succeeded."""
        run_id, started = self.draw_id(), self.clock()
        with context(fresh=True, trace_id=run_id, job=name, run_id=run_id):
            self.log.job_started(name=name, run_id=run_id)
            records, error = _attempt(work)
            self.log.job_ended(
                name=name,
                run_id=run_id,
                succeeded=error is None,
                duration_ns=self.clock() - started,
                records=records,
                error=error,
            )
        return error is None


def _attempt(work: Work) -> tuple[int | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - any error that stops a run is the run's result
        return None, error


@dataclass(slots=True)
class TrainingPipeline:
    """The work of the three jobs; `log` receives the events of models and of the store.

    `trainer` stands for the machine that trains; `window` is how far back examples reach, and
    `profiles` how many there are, with statistics or without.
    """

    examples: ExampleStore
    models: ModelStore
    stats: StatsStore
    stats_source: StatsSource
    log: EventLog
    clock: NanosecondClock
    window: timedelta = timedelta(days=4)
    profiles: int = PROFILES
    trainer: Trainer = train
    dataset: Dataset = field(default_factory=lambda: Dataset((), ()))

    def refresh_profile_stats(self) -> int:
        """Take in the statistics of all profiles as of now, and log how many profiles have any."""
        now = to_datetime(self.clock())
        refreshed = self.stats.refresh(self.stats_source(now))
        self.stats.measure(self.profiles, now, self.log)
        return refreshed

    def assemble_data(self) -> int:
        """Gather the examples of the last `window`, for the next training."""
        since = to_datetime(self.clock()) - self.window
        self.dataset = self.examples.assemble(to_nanoseconds(since))
        return len(self.dataset.labels)

    def train_model(self) -> int:
        """Train on the assembled examples and publish the next version."""
        rows, labels = self.dataset
        try:
            training = self.trainer(rows, labels)
            version = self.models.publish(training, rows, labels, to_datetime(self.clock()))
        except Exception as error:
            self.log.model_event(action="train", succeeded=False, error=error)
            raise
        model = Model(MODEL_NAME, version)
        self.log.model_event(action="train", succeeded=True, model=model)
        self.log.model_event(
            action="evaluate", succeeded=True, model=model, evaluation=training.metrics
        )
        # Forgotten, for it is as large as everything else together.
        self.dataset = Dataset((), ())
        return len(labels)
