"""The services of one timeline, and what arrives of their lines step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY
from mlmon.scoreboard.faults.fault import Size
from mlmon.scoreboard.simulation.traffic import nanoseconds
from mlmon.scoreboard.timelines.arrivals import ArrivalQueue
from mlmon.scoreboard.timelines.model_versions import TRAINING_ROWS, ModelVersions
from mlmon.scoreboard.timelines.service import SimulatedService

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from mlmon.scoreboard.timelines.plan import Planned, Timeline

RETRAIN = {"operations": DAY}
"""How often a timeline's model is trained, a week where it is not named."""
SERVICE = "shop"


@dataclass(slots=True)
class Arrived:
    """What the shipper finds after a step.

    Args:
        times: When each line arrives, in nanoseconds since the epoch.
        lines: The lines.
        is_twice: Whether a second shipper ships them as well.
    """

    times: list[int]
    lines: list[bytes]
    is_twice: bool


@dataclass(slots=True)
class Simulation:
    """A timeline's main service, and those that its traps start.

    Args:
        timeline: The plan.
        models: Where training sets are written.
    """

    timeline: Timeline
    models: Path
    services: list[SimulatedService] = field(init=False)
    _arrivals: ArrivalQueue = field(init=False)

    def __post_init__(self) -> None:
        """Make the main service."""
        rng = np.random.default_rng([self.timeline.seed, 3])
        self._arrivals = ArrivalQueue(self.timeline.planned, rng)
        self.services = [self._service(SERVICE, SERVICE, self.timeline.begin, 0)]

    @property
    def main(self) -> SimulatedService:
        """The service that the faults happen to."""
        return self.services[0]

    def step(self, start: datetime, end: datetime) -> Arrived:
        """Let time pass; return what arrives in it."""
        for one in self.timeline.planned:
            if one.fault.starts and start <= one.start < end:
                self.services.append(self._started(one))
        for service in self.services:
            service.step(start, end)
        until = nanoseconds(end)
        return Arrived(*self._arrivals.arrived(until), self._arrivals.is_twice(until - 1))

    def close(self) -> None:
        """Close the logs."""
        for service in self.services:
            service.close()

    def _started(self, one: Planned) -> SimulatedService:
        number = len(self.services)
        name = SERVICE if one.fault.starts == "model" else f"{SERVICE}-{one.fault.id}"
        return self._service(name, f"{SERVICE}-{one.fault.id}", one.start, number)

    def _service(self, name: str, model: str, begin: datetime, number: int) -> SimulatedService:
        seed = (self.timeline.seed, number)
        rows = 2_000 if self.timeline.size is Size.SMALL else TRAINING_ROWS
        versions = ModelVersions(model, self.models, np.random.default_rng([*seed, 4]), rows)
        retrain: timedelta = RETRAIN.get(self.timeline.name, 7 * DAY)
        return SimulatedService(
            name,
            versions,
            self._arrivals,
            begin,
            self.timeline.daily,
            retrain,
            () if number else self.timeline.planned,
            seed,
            has_jobs=number == 0,
        )
