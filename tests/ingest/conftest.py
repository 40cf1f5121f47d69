"""A shipper put together for a test, and what the cluster then holds."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import Settings
from mlmon.ingest.deliver import retry_policy
from mlmon.ingest.files import source
from tests.support.fault_injector import FaultInjector
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait as long as a real outage is waited for."""
    monkeypatch.setattr(retry_policy, "FIRST_S", 0.005)
    monkeypatch.setattr(retry_policy, "LONGEST_S", 0.02)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few lines make several batches."""
    monkeypatch.setattr(source, "BLOCK_BYTES", 8_192)


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace for the tests of one file, so that its data streams are made once."""
    return f"{Path(request.node.name).stem}_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def log() -> NumberedLog:
    """The lines of one process, as no other test has them."""
    return NumberedLog(uuid.uuid4().hex[:16])


@pytest.fixture
def ship(tmp_path: Path, namespace: str, log: NumberedLog, cluster: Cluster) -> Ship:
    """A shipper that sends straight to the node."""
    return Ship(tmp_path, namespace, log.entity, cluster, cluster)


@pytest.fixture
def injector(cluster: Cluster) -> Iterator[FaultInjector]:
    """A fault injector before the node."""
    with FaultInjector(cluster.url) as injector:
        yield injector


@pytest.fixture
def faulty(ship: Ship, injector: FaultInjector) -> Iterator[Ship]:
    """A shipper that sends through the fault injector."""
    with connect(Settings(elasticsearch_url=injector.url)) as target:
        ship.target = target
        yield ship


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition, at most twenty seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.005)

    return wait
