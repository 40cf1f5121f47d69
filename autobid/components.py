"""The parts of the service put together for a simulation, as processes with logs of their own."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mlmon.autobid.autobidder import Autobidder
from mlmon.autobid.clock import SimulatedClock
from mlmon.autobid.examples import ExampleStore
from mlmon.autobid.identifiers import DrawId, seeded_ids
from mlmon.autobid.jobs import JobRunner, StatsSource, TrainingPipeline
from mlmon.autobid.model_store import ModelStore
from mlmon.autobid.outcomes import PendingOutcomes
from mlmon.autobid.prediction_service import PredictionService
from mlmon.autobid.profile_stats import StatsStore
from mlmon.autobid.scheduler import ClockedScheduler
from mlmon.logging_config import EventLog, Service, open_log

API, BIDDER, SCHEDULER, TRAINING = "autobid-api", "autobidder", "scheduler", "training"
SERVICE_VERSIONS = {API: "1.4.0", BIDDER: "1.1.0", SCHEDULER: "1.0.2", TRAINING: "2.3.0"}
SERVICE_ENVIRONMENT = "production"


@dataclass(slots=True)
class ServiceLogs:
    """Opens the logs of processes, `<component>.jsonl` in one folder; ids come from the seed."""

    folder: Path
    draw_id: DrawId
    opened: list[EventLog] = field(default_factory=list)

    def open(self, component: str, clock: SimulatedClock) -> EventLog:
        """The log of a new process of a component, its events timed by a clock."""
        log = open_log(
            Service(
                component, version=SERVICE_VERSIONS[component], environment=SERVICE_ENVIRONMENT
            ),
            path=self.folder / f"{component}.jsonl",
            clock=clock,
            entity_id=self.draw_id(),
        )
        self.opened.append(log)
        return log

    def close(self, log: EventLog) -> None:
        """Write out and close the log of a process that ends."""
        self.opened.remove(log)
        log.close()

    def close_all(self) -> None:
        """Close every log still open."""
        for log in list(self.opened):
            self.close(log)


@dataclass(slots=True)
class Api:
    """The process that serves predictions."""

    log: EventLog
    clock: SimulatedClock
    service: PredictionService


@dataclass(slots=True)
class Bidder:
    """The process that bids and learns the outcomes."""

    log: EventLog
    clock: SimulatedClock
    autobidder: Autobidder
    pending: PendingOutcomes
    examples: ExampleStore


@dataclass(slots=True)
class Backstage:
    """The scheduler's process; training writes a log of its own on the same clock."""

    clock: SimulatedClock
    scheduler: ClockedScheduler
    runner: JobRunner
    pipeline: TrainingPipeline


@dataclass(slots=True)
class Components:
    """All processes of the service and what they share."""

    draw_id: DrawId
    logs: ServiceLogs
    models: ModelStore
    stats: StatsStore
    api: Api
    bidder: Bidder
    backstage: Backstage

    def restart_api(self, now: int) -> None:
        """Let a new process take over the API: another log, no model loaded yet."""
        self.logs.close(self.api.log)
        self.api = _start_api(self.logs, self.models, self.stats, now)


def start_components(
    folder: Path, *, seed: int, start: int, stats_source: StatsSource, window: timedelta
) -> Components:
    """Start all processes at a simulated moment, writing below `folder`."""
    logs = ServiceLogs(folder / "logs", seeded_ids(seed))
    logs.folder.mkdir(parents=True)
    models, stats = ModelStore(folder / "models"), StatsStore()
    bidder = _start_bidder(logs, start)
    clock = SimulatedClock(start)
    runner = JobRunner(logs.open(SCHEDULER, clock), clock, logs.draw_id)
    training_log = logs.open(TRAINING, clock)
    pipeline = TrainingPipeline(
        bidder.examples, models, stats, stats_source, training_log, clock, window
    )
    return Components(
        draw_id=logs.draw_id,
        logs=logs,
        models=models,
        stats=stats,
        api=_start_api(logs, models, stats, start),
        bidder=bidder,
        backstage=Backstage(clock, ClockedScheduler(clock), runner, pipeline),
    )


def _start_api(logs: ServiceLogs, models: ModelStore, stats: StatsStore, now: int) -> Api:
    clock = SimulatedClock(now)
    log = logs.open(API, clock)
    return Api(log, clock, PredictionService(models, stats, log, logs.draw_id))


def _start_bidder(logs: ServiceLogs, now: int) -> Bidder:
    clock = SimulatedClock(now)
    log = logs.open(BIDDER, clock)
    return Bidder(log, clock, Autobidder(log, logs.draw_id), PendingOutcomes(), ExampleStore())
