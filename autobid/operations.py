"""Operations in a scenario: the jobs' rhythm, reloads after a training, and the incidents in both.

Incidents are put around the jobs, from outside: the code of the jobs and of the service is the
same as without them.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mlmon.autobid.clock import SECOND
from mlmon.autobid.components import Components
from mlmon.autobid.encoding import FeatureRow
from mlmon.autobid.incidents import PLAN_DAYS, IncidentPlan
from mlmon.autobid.jobs import ASSEMBLE_DATA, REFRESH_STATS, TRAIN_MODEL, Work
from mlmon.autobid.model import Training, train
from mlmon.autobid.model_store import MODEL_FILE, ModelNotFoundError
from mlmon.autobid.routes import RELOAD_PATH
from mlmon.autobid.scheduler import schedule_with_retry
from mlmon.logging_config import context, current_trace_id

RELOAD_TAKES = 380_000_000
TYPICAL_SECONDS = {REFRESH_STATS: 34.0, ASSEMBLE_DATA: 140.0, TRAIN_MODEL: 410.0}
"""Durations of the jobs on an ordinary day."""


@dataclass(slots=True)
class Operations:
    """Runs the scheduler of a scenario and reloads models; `tick` is called in order of time."""

    components: Components
    plan: IncidentPlan
    start: datetime
    days: float
    seed: int
    _rng: random.Random = field(init=False)
    _withheld: bytes | None = None
    _trained_by: str | None = None

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        scale = timedelta(days=1) * (self.days / PLAN_DAYS)
        jobs = (
            (self._refresh, timedelta(hours=1), timedelta(hours=1), timedelta(hours=1)),
            (self._assemble, scale, scale / 4, scale / 24),
            (self._train, 7 * scale, 7 * scale + scale / 3, scale / 12),
        )
        for attempt, every, first, retry in jobs:
            schedule_with_retry(
                self.components.backstage.scheduler,
                attempt,
                every=every,
                first=self.start + first,
                retry=retry,
            )

    def tick(self, now: int) -> None:
        """Do what is due at a moment: restarts, reloads, jobs."""
        self._break_and_fix_model(now)
        self._reload_newer(now)
        backstage = self.components.backstage
        backstage.clock.now = max(backstage.clock.now, now)
        backstage.scheduler.run_pending()

    def reload(self, now: int, trace_id: str | None = None) -> None:
        """Ask the API to load the newest model, on the trace of the training that made it."""
        api, request_id = self.components.api, self.components.draw_id()
        api.clock.now = now
        with context(trace_id=trace_id or request_id, request_id=request_id[:16]):
            status, code = 200, None
            api.clock.advance(RELOAD_TAKES)
            try:
                api.service.reload()
            except ModelNotFoundError:
                status, code = 503, "model_not_readable"
            api.log.access(
                method="POST",
                path=RELOAD_PATH,
                status_code=status,
                duration_ns=RELOAD_TAKES,
                error_code=code,
            )

    def _reload_newer(self, now: int) -> None:
        # A training that ends later than this tick is reloaded in a later one.
        if self._trained_by and self.components.backstage.clock.now <= now:
            self.reload(now, self._trained_by)
            self._trained_by = None

    def _break_and_fix_model(self, now: int) -> None:
        broken = self.plan.is_active("model_not_loaded", now)
        if broken == (self._withheld is not None):
            return
        models = self.components.models
        path = models.folder / str(models.versions()[-1]) / MODEL_FILE
        if self._withheld is None:
            self._withheld = path.read_bytes()
            path.write_bytes(self._withheld[:1000])
            self.components.restart_api(now)
        else:
            path.write_bytes(self._withheld)
            self._withheld = None
        self.reload(now)

    def _refresh(self) -> bool:
        if self.plan.is_active("statistics_job_dead", self.components.backstage.clock.now):
            return True
        return self._run(REFRESH_STATS, self.components.backstage.pipeline.refresh_profile_stats)

    def _assemble(self) -> bool:
        return self._run(ASSEMBLE_DATA, self.components.backstage.pipeline.assemble_data)

    def _train(self) -> bool:
        backstage = self.components.backstage
        failing = self.plan.is_active("training_failing", backstage.clock.now)
        backstage.pipeline.trainer = _refuse if failing else train
        return self._run(TRAIN_MODEL, self._train_on_trace)

    def _train_on_trace(self) -> int:
        records = self.components.backstage.pipeline.train_model()
        self._trained_by = current_trace_id()
        return records

    def _run(self, name: str, work: Work) -> bool:
        backstage = self.components.backstage
        seconds = TYPICAL_SECONDS[name] * self._rng.lognormvariate(0.0, 0.12)

        def timed() -> int:
            if name == REFRESH_STATS:
                records = work()
                backstage.clock.advance(int(seconds * SECOND))
                return records
            backstage.clock.advance(int(seconds * SECOND))
            return work()

        return backstage.runner.run(name, timed)


def _refuse(_rows: Sequence[FeatureRow], _labels: Sequence[bool]) -> Training:
    raise ConnectionRefusedError("the training cluster refused the connection")
