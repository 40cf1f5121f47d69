"""One simulated service: draws what happens in a period, and logs it with the real log."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlmon.analyzers.base.window import HOUR
from mlmon.logging_config import FeatureSource, Service, context, open_log
from mlmon.scoreboard.faults.fault import Affected
from mlmon.scoreboard.simulation import traffic
from mlmon.scoreboard.simulation.job_runs import REFRESH, TRAIN, SimulatedRun, jobs
from mlmon.scoreboard.simulation.requests import THRESHOLD, draw_outcomes, draw_requests
from mlmon.scoreboard.simulation.traffic import nanoseconds
from mlmon.scoreboard.timelines.arrivals import ArrivalSink, ProcessClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from numpy.random import Generator

    from mlmon.logging_config import EventLog
    from mlmon.scoreboard.simulation.requests import Floats, Requests
    from mlmon.scoreboard.timelines.arrivals import ArrivalQueue
    from mlmon.scoreboard.timelines.model_versions import ModelVersions, Version
    from mlmon.scoreboard.timelines.plan import Planned

OK = 200
PATH, RELOAD_PATH = "/predict", "/reload"
SOURCE, ENTITIES, STALE_AFTER = "visitor_stats", 600, 4 * HOUR
DEFAULT_VISITS = 6.0
ENVIRONMENT, MLMON_ENVIRONMENT = "production", "scoreboard"
"""mlmon's own log names its namespace as the environment."""
_HOUR_NS, _SECOND_NS = 3_600_000_000_000, 1_000_000_000
_EMBEDDING = "text_embedding"


@dataclass(slots=True)
class _Process:
    """A process with its log and its clock."""

    clock: ProcessClock
    log: EventLog


@dataclass(slots=True)
class SimulatedService:
    """A service with one model.

    Args:
        name: `service.name` of the processes that answer.
        versions: Its model.
        arrivals: Where lines go.
        begin: When its logs begin.
        daily: Predictions on a working day.
        retrain: How often the model is trained.
        planned: Faults it is exposed to.
        seed: Start of its chance.
        has_jobs: Whether it has jobs of its own.
        rows: Called with the requests of each period that were answered, for the peers' rules.
    """

    name: str
    versions: ModelVersions
    arrivals: ArrivalQueue
    begin: datetime
    daily: int
    retrain: timedelta
    planned: Sequence[Planned]
    seed: tuple[int, ...]
    has_jobs: bool = True
    kept: list[Requests] = field(default_factory=list)
    _rng: Generator = field(init=False)
    _fault_rngs: dict[str, Generator] = field(init=False)
    _replicas: list[_Process] = field(init=False)
    _labels: _Process = field(init=False)
    _scheduler: _Process = field(init=False)
    _mlmon: _Process = field(init=False)
    _serving: list[tuple[int, Version]] = field(default_factory=list)
    _pending: list[tuple[int, int, bool, float]] = field(default_factory=list)
    _refreshed: list[int] = field(default_factory=list)
    _failed_reloads: set[str] = field(default_factory=set)
    _number: int = 0

    def __post_init__(self) -> None:
        """Start the processes, with a first version in service."""
        self._rng = np.random.default_rng([*self.seed, 1])
        self._fault_rngs = {
            one.fault.id: np.random.default_rng([*self.seed, 2, number])
            for number, one in enumerate(self.planned)
        }
        self._replicas = [self._process(self.name, f"api-{number}") for number in (1, 2)]
        self._labels = self._process(f"{self.name}-outcomes", "outcomes")
        self._scheduler = self._process(f"{self.name}-scheduler", "scheduler")
        self._mlmon = self._process("mlmon", "mlmon", MLMON_ENVIRONMENT)
        self._refreshed = [nanoseconds(self.begin)]
        self._reload(nanoseconds(self.begin), self.versions.train())

    def _process(self, service: str, part: str, environment: str = ENVIRONMENT) -> _Process:
        clock = ProcessClock(nanoseconds(self.begin))
        entity = f"{self.versions.name}-{part}-{self.seed[0]}"
        # mlmon writes its own lines to Elasticsearch: no shipper loses or delays them.
        sink = ArrivalSink(self.arrivals, clock, is_shipped=environment != MLMON_ENVIRONMENT)
        about = Service(service, version="1.0.0", environment=environment)
        return _Process(clock, open_log(about, clock=clock, entity_id=entity, sink=sink))

    def close(self) -> None:
        """Close the logs."""
        for process in (*self._replicas, self._labels, self._scheduler, self._mlmon):
            process.log.close()

    def step(self, start: datetime, end: datetime) -> None:
        """Log what happens in a period, hour by hour; its lines are queued then."""
        begin = max(start, self.begin)
        while begin < end:
            until = min(end, begin + HOUR)
            self._hour(begin, until)
            begin = until

    def _hour(self, start: datetime, end: datetime) -> None:
        self._begin_faults(start, end)
        if self.has_jobs:
            for run in sorted(self._runs(start, end), key=lambda run: run.at):
                self._run(run)
        requests = self._requests(start, end)
        self._serve(requests)
        self._log_outcomes(nanoseconds(end))

    def _active(self, start: datetime, end: datetime) -> list[Planned]:
        return [one for one in self.planned if one.start < end and one.end > start]

    def _begin_faults(self, start: datetime, end: datetime) -> None:
        for one in self._active(start, end):
            if one.fault.reload_fails and one.fault.id not in self._failed_reloads:
                self._failed_reloads.add(one.fault.id)
                for process in self._replicas:
                    process.clock.now = nanoseconds(one.start)
                    process.log.model_event(
                        action="reload",
                        succeeded=False,
                        model=self._serving[-1][1].model,
                        error=EOFError("the model's file ends early"),
                    )

    # Jobs

    def _runs(self, start: datetime, end: datetime) -> Iterator[SimulatedRun]:
        for job in jobs(self.retrain):
            for run in job.runs(self.begin, start, end, self._rng):
                changed: SimulatedRun | None = run
                for one in self._active(start, end):
                    if changed is not None and one.fault.job and one.is_active(run.at):
                        changed = one.fault.job(changed, one.progress(run.at))
                if changed is not None:
                    yield changed

    def _run(self, run: SimulatedRun) -> None:
        process = self._mlmon if run.job.startswith("mlmon") else self._scheduler
        process.clock.now = nanoseconds(run.at)
        self._number += 1
        run_id = f"{self._number:032x}"
        with context(fresh=True, trace_id=run_id, job=run.job, run_id=run_id):
            process.log.job_started(name=run.job, run_id=run_id)
            process.clock.now += int(run.seconds * _SECOND_NS)
            if not run.error:
                self._work(run, process)
            process.log.job_ended(
                name=run.job,
                run_id=run_id,
                succeeded=not run.error,
                duration_ns=int(run.seconds * _SECOND_NS),
                records=None if run.error else run.records,
                error=run.error or None,
            )

    def _work(self, run: SimulatedRun, process: _Process) -> None:
        now = process.clock.now
        if run.job == REFRESH:
            self._refreshed.append(now)
            process.log.feature_store(
                source=SOURCE,
                entity="visitor",
                total=ENTITIES,
                covered=ENTITIES - 12,
                age_p50_s=60.0,
                age_p90_s=300.0,
            )
        elif run.job == TRAIN:
            version = self.versions.train(run.quality)
            process.log.model_event(action="train", succeeded=True, model=version.model)
            process.log.model_event(
                action="evaluate", succeeded=True, model=version.model, evaluation=version.metrics
            )
            self._reload(now + 60 * _SECOND_NS, version)

    def _reload(self, at: int, version: Version) -> None:
        self._serving.append((at, version))
        for process in self._replicas:
            process.clock.now = at
            process.log.model_event(action="reload", succeeded=True, model=version.model)
            process.log.access(
                method="POST", path=RELOAD_PATH, status_code=200, duration_ns=400_000_000
            )

    # Requests

    def _requests(self, start: datetime, end: datetime) -> Requests:
        slots = traffic.slots(start, end)
        rates = traffic.expected(slots, self.daily)
        active = self._active(start, end)
        for one in active:
            if one.fault.traffic is not None:
                rows, progress = _affected(one, slots)
                factor = one.fault.traffic(progress, traffic.hours(slots))
                rates = rates * np.where(rows, factor, 1.0)
        requests = draw_requests(self._rng, traffic.arrivals(self._rng, slots, rates))
        for one in active:
            if one.fault.inputs is not None:
                one.fault.inputs(requests, self._exposed(one, requests))
        self._fall_back(requests)
        self._score(requests)
        for one in active:
            if one.fault.answers is not None:
                one.fault.answers(requests, self._exposed(one, requests))
        draw_outcomes(self._rng, requests)
        return requests

    def _exposed(self, one: Planned, requests: Requests) -> Affected:
        rows, progress = _affected(one, requests.at)
        return Affected(rows, progress, self._fault_rngs[one.fault.id])

    def _fall_back(self, requests: Requests) -> None:
        """Predict with defaults where the statistics are older than allowed."""
        stale = self._age_s(requests) > STALE_AFTER.total_seconds()
        requests.numeric["visits"] = np.where(stale, DEFAULT_VISITS, requests.numeric["visits"])

    def _age_s(self, requests: Requests) -> Floats:
        known = np.array(self._refreshed)
        place = np.searchsorted(known, requests.at, side="right") - 1
        age: Floats = (requests.at - known[np.maximum(place, 0)]) / _SECOND_NS
        return age

    def _score(self, requests: Requests) -> None:
        since = np.array([at for at, _ in self._serving])
        place = np.maximum(np.searchsorted(since, requests.at, side="right") - 1, 0)
        place = np.where(requests.older, np.maximum(place - 1, 0), place)
        for number in np.unique(place).tolist():
            scores = self._serving[number][1].score(requests, self._rng)
            requests.score = np.where(place == number, scores, requests.score)

    def _serve(self, requests: Requests) -> None:
        """Log each request, and its prediction where it was answered."""
        since = np.array([at for at, _ in self._serving])
        place = np.maximum(np.searchsorted(since, requests.at, side="right") - 1, 0)
        place = np.where(requests.older, np.maximum(place - 1, 0), place)
        versions = [self._serving[number][1] for number in place.tolist()]
        ages, ahead = self._age_s(requests).tolist(), self._ahead(requests)
        for index, row in enumerate(_columns(requests)):
            process = self._replicas[row.replica]
            process.clock.now, process.clock.ahead = row.at + row.duration_ns, ahead[index]
            self._number += 1
            with context(fresh=True, trace_id=f"{self._number:032x}"):
                if row.status == OK:
                    self._predict(process, versions[index], row, ages[index])
                process.log.access(
                    method="POST",
                    path=PATH,
                    status_code=row.status,
                    duration_ns=row.duration_ns,
                    error_code=None if row.status == OK else f"status_{row.status}",
                )
        if len(requests):
            self.kept.append(requests)

    def _predict(self, process: _Process, version: Version, row: _Row, age_s: float) -> None:
        number = self._number
        stale = age_s > STALE_AFTER.total_seconds()
        if stale:
            process.log.fallback(source=SOURCE, age_s=age_s, reason="stale")
        process.log.prediction(
            prediction_id=f"{self.versions.name}-{number:x}",
            model=version.model,
            score=row.score,
            threshold=THRESHOLD,
            approved=row.score >= THRESHOLD,
            features=row.features,
            sources={SOURCE: FeatureSource("stale" if stale else "fresh", age_s=age_s)},
        )
        if row.labeled_at is not None:
            value = row.features.get("price") or 0.0
            heappush(self._pending, (row.labeled_at, number, row.succeeds, value))

    def _ahead(self, requests: Requests) -> list[int]:
        ahead = np.zeros(len(requests), dtype=np.int64)
        for one in self.planned:
            if one.fault.clock_ahead and len(requests):
                rows, _ = _affected(one, requests.at)
                hours = int(one.fault.clock_ahead.total_seconds() * 1e9)
                ahead = np.where(rows & (requests.replica == 1), hours, ahead)
        found: list[int] = ahead.tolist()
        return found

    def _log_outcomes(self, until: int) -> None:
        process = self._labels
        while self._pending and self._pending[0][0] < until:
            at, number, succeeds, price = heappop(self._pending)
            process.clock.now = max(at, process.clock.now)
            process.log.outcome(
                prediction_id=f"{self.versions.name}-{number:x}",
                label=succeeds,
                value=price if succeeds else 0.0,
                created=traffic.moment(at),
            )


def _affected(one: Planned, at: Any) -> tuple[Any, Any]:
    """Return which moments a fault covers, and its progress at each."""
    start, end = nanoseconds(one.start), nanoseconds(one.end)
    return (at >= start) & (at < end), np.clip((at - start) / (end - start), 0.0, 1.0)


class _Row(NamedTuple):
    """One request as it is logged; `labeled_at` is None where its outcome will not be known."""

    at: int
    replica: int
    status: int
    duration_ns: int
    score: float
    succeeds: bool
    labeled_at: int | None
    features: dict[str, Any]


def _columns(requests: Requests) -> Iterator[_Row]:
    """Yield the requests in order of time."""
    names = [*requests.numeric, *requests.categorical]
    numbers = [
        [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
        for column in requests.numeric.values()
    ]
    categories = [column.tolist() for column in requests.categorical.values()]
    embeddings, embedded = requests.embedding.tolist(), requests.embedded.tolist()
    delays = (requests.label_delay_h * _HOUR_NS).astype(np.int64)
    labeled = zip(requests.labeled.tolist(), (requests.at + delays).tolist(), strict=True)
    rows = zip(
        requests.at.tolist(),
        requests.replica.tolist(),
        requests.status.tolist(),
        (requests.duration_ms * 1e6).astype(np.int64).tolist(),
        requests.score.tolist(),
        requests.succeeds.tolist(),
        [at if known else None for known, at in labeled],
        strict=True,
    )
    features = zip(*numbers, *categories, strict=True)
    for index, (row, values) in enumerate(zip(rows, features, strict=True)):
        found: dict[str, Any] = dict(zip(names, values, strict=True))
        if embedded[index]:
            found[_EMBEDDING] = embeddings[index]
        yield _Row._make((*row, found))
