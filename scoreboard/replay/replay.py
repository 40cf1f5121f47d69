"""Bring a timeline through shipper, node, analyzers and incidents; return what is stored then."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.elastic.errors import UserError
from mlmon.ingest.shipper import ShipRequest, open_pipeline
from mlmon.ingest.state.state_folder import StateFolder
from mlmon.scoreboard.replay.paced_encoder import paced
from mlmon.scoreboard.scoring.observed import Observed
from mlmon.scoreboard.timelines.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.scoreboard.simulation.requests import Requests
    from mlmon.scoreboard.timelines.model_versions import Version
    from mlmon.scoreboard.timelines.plan import Timeline
    from mlmon.scoreboard.timelines.simulation import Arrived

SEGMENTS = ("country",)
CYCLE_DELAY = timedelta(seconds=40)
"""A cycle runs so long after a step's end: its last lines have arrived by then."""


@dataclass(slots=True)
class Replay:
    """One timeline in one namespace.

    Args:
        cluster: The node.
        timeline: What happens.
        namespace: Where; an empty one.
        progress: Called with what is being done.
    """

    cluster: Cluster
    timeline: Timeline
    namespace: str
    progress: Callable[[str], None] = lambda _doing: None
    lines: int = 0
    _folder: Path = field(init=False)
    _baselines: set[str] = field(default_factory=set)

    def run(self) -> tuple[Observed, list[Requests], Version]:
        """Replay it.

        Returns:
            What was observed, the main service's requests, and the first version of its model.

        Raises:
            UserError: Lines were not stored, or an analyzer failed.
        """
        with tempfile.TemporaryDirectory(prefix="mlmon-scoreboard-") as name:
            self._folder = Path(name)
            simulation = Simulation(self.timeline, self._folder / "models")
            try:
                observed, main = self._steps(simulation), simulation.main
                return observed, main.kept, main.versions.trained[0]
            finally:
                simulation.close()
                self.remove()

    def remove(self) -> None:
        """Delete the namespace's indices; its data streams are deleted with the node."""
        for index in self.cluster.indices(f"mlmon-*-{self.namespace}*"):
            self.cluster.delete_index(index)

    def _steps(self, simulation: Simulation) -> Observed:
        name, begin = self.namespace, self.timeline.begin
        previous: dict[datetime, datetime] = {}
        before = begin
        for start, end in self.timeline.steps():
            self.progress(f"{self.timeline.name}: {end:%d %b %H:%M}")
            arrived = simulation.step(start, end)
            self._create_baselines(end)
            self._ship(arrived)
            now = end + CYCLE_DELAY
            cycle = run_cycle(self.cluster, name, now, begin, subscriber=Alerting())
            if cycle.failures:
                problems = "; ".join(f"{one}: {why}" for one, why in cycle.failures.items())
                raise UserError(f"Analyzers failed at {end}: {problems}")
            previous[now] = before
            before = now
        incidents = IncidentStore(self.cluster, name)
        records = list(incidents.matchable(begin))
        alerts = {alert.id: alert for alert in AlertStore(self.cluster, name).overlapping(begin)}
        changes = incidents.changes([record.id for record in records])
        return Observed(records, alerts, changes, previous)

    def _create_baselines(self, now: datetime) -> None:
        """Make the baselines of versions that were trained meanwhile."""
        new = [
            folder
            for folder in sorted((self._folder / "models").iterdir())
            if folder.name not in self._baselines
        ]
        store = BaselineStore(self.cluster, self.namespace)
        for folder in new:
            store.write(list(read_baselines(folder, now, segmented=SEGMENTS)))
            self._baselines.add(folder.name)

    def _ship(self, arrived: Arrived) -> None:
        if not arrived.lines:
            return
        path = self._folder / f"arrived-{self.lines}.jsonl"
        path.write_bytes(b"\n".join(arrived.lines) + b"\n")
        for shipper in ("first", "second")[: 2 if arrived.is_twice else 1]:
            self._ship_file(path, arrived.times, shipper)
        self.lines += len(arrived.lines)
        path.unlink()

    def _ship_file(self, path: Path, times: list[int], shipper: str) -> None:
        request = ShipRequest(
            [str(path)],
            self.namespace,
            StateFolder(self._folder / f"shipper-{shipper}"),
            self._folder / f"locks-{shipper}",
            from_start=True,
        )
        with open_pipeline(self.cluster, request, Event(), encoder=paced(times)) as pipeline:
            counts = pipeline.run(following=False)
        if counts.rejected or counts.decided < len(times):
            raise UserError(f"Of {len(times)} lines {counts.decided} were decided.")
