"""What the tests of the reference service share: a log to read back, and one small scenario."""

import functools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlmon.autobid.clock import SimulatedClock, to_nanoseconds
from mlmon.autobid.examples import Dataset, to_dataset
from mlmon.autobid.history import draw_history
from mlmon.autobid.market import Population
from mlmon.autobid.scenario import ScenarioSettings, run_scenario
from mlmon.autobid.train import WINDOW
from mlmon.logging_config import EventLog, Service, open_log

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)

Event = dict[str, Any]


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at noon of the third of November 2026."""
    return SimulatedClock(to_nanoseconds(NOON))


@pytest.fixture
def log(tmp_path: Path, clock: SimulatedClock) -> Iterator[EventLog]:
    """A log on the simulated clock; `events` reads what it has written."""
    service = Service("autobid-test", version="1", environment="development")
    opened = open_log(service, path=tmp_path / "events.jsonl", clock=clock, entity_id="test")
    yield opened
    opened.close()


@pytest.fixture
def events(tmp_path: Path, log: EventLog) -> Callable[[str], list[Event]]:
    """The events of a dataset that `log` has written so far."""
    del log

    def written(dataset: str) -> list[Event]:
        return read_events(tmp_path / "events.jsonl", dataset)

    return written


@pytest.fixture(scope="session")
def draw() -> Callable[[int, int], Dataset]:
    """Draw examples from a seed, of about so many requests."""

    def drawn(seed: int, rows: int) -> Dataset:
        rng, start = np.random.default_rng(seed), to_nanoseconds(NOON)
        return to_dataset(draw_history(rng, Population(5), start=start, window=WINDOW, rows=rows))

    return drawn


@pytest.fixture(scope="session")
def history(draw: Callable[[int, int], Dataset]) -> Dataset:
    """Some three thousand examples."""
    return draw(1, 4_000)


@pytest.fixture(scope="session")
def settings() -> ScenarioSettings:
    """Nine days with eight thousand predictions and all incidents."""
    return ScenarioSettings(
        end=datetime(2026, 11, 22, tzinfo=UTC), days=9, seed=5, predictions=8_000
    )


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory, settings: ScenarioSettings) -> Path:
    """The folder of a finished scenario."""
    folder = tmp_path_factory.mktemp("scenario") / "out"
    run_scenario(folder, settings)
    return folder


@pytest.fixture(scope="session")
def emitted(scenario: Path) -> Callable[[str, str], list[Event]]:
    """The events of a dataset in the log of one of the scenario's components."""

    @functools.cache
    def written(component: str, dataset: str) -> list[Event]:
        return read_events(scenario / "logs" / f"{component}.jsonl", dataset)

    return written


def read_events(path: Path, dataset: str) -> list[Event]:
    """The events of a dataset in a log file, in order."""
    lines = map(json.loads, path.read_bytes().splitlines())
    return [line for line in lines if line["event.dataset"] == dataset]
