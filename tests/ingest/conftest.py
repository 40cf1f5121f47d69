"""A shipper put together for a test, and what the cluster then holds."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from fault_injector import FaultInjector
from numbered_log import NumberedLog

from elastic.cluster import Cluster, connect
from elastic.settings import Settings
from ingest import backoff, source
from ingest.account import Account
from ingest.pipeline import Flow
from ingest.shipper import Order, prepared
from ingest.source import Limits
from ingest.state import State


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait as long as a real outage is waited for."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.005)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.02)


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


@dataclass
class Ship:
    """Ships files of one test's folder to one test's namespace."""

    folder: Path
    namespace: str
    entity: str
    target: Cluster
    cluster: Cluster
    flow: Flow = field(default_factory=lambda: Flow(batch_bytes=20_000, batch_age_s=0.02))
    limits: Limits = field(default_factory=Limits)
    state_name: str = "state"

    @property
    def state(self) -> State:
        """The shipper's folder."""
        return State(self.folder / self.state_name)

    def __call__(self, *paths: str, **changes: Any) -> Account:
        """Ship paths of the folder to their ends; return the account."""
        order = self._order(paths, **changes)
        with prepared(self.target, order, Event()) as pipeline:
            return pipeline.run(following=False)

    def _order(self, paths: tuple[str, ...], **changes: Any) -> Order:
        wanted = [str(self.folder / path) for path in paths]
        values = {"limits": self.limits, "flow": self.flow, **changes}
        return Order(wanted, self.namespace, self.state, self.folder / "locks", **values)

    @contextmanager
    def following(self, *paths: str, batch_age_s: float = 0.02) -> Iterator[Account]:
        """Follow paths in a thread, and stop in the end; yields the account as it grows."""
        flow = Flow(batch_age_s=batch_age_s, save_s=0.02, discover_s=0.02)
        order = self._order(paths, following=True, flow=flow)
        stopping = Event()
        with prepared(self.target, order, stopping) as pipeline:
            thread = Thread(target=pipeline.run, kwargs={"following": True})
            thread.start()
            try:
                yield pipeline.ledger.account
            finally:
                stopping.set()
                thread.join()

    def stored(self, streams: str = "logs-ml.*") -> Counter[str]:
        """Return how often the cluster holds each id of this test's process."""
        index = f"{streams}-{self.namespace}"
        self.cluster.refresh(index)
        body = {"_source": False, "query": {"term": {"process.entity_id": self.entity}}}
        return Counter(hit["_id"] for hit in self.cluster.scan(index, body))

    def documents(self, streams: str, **terms: str) -> list[dict[str, Any]]:
        """Return the documents with these values, `__` standing for a dot in a field's name."""
        index = f"{streams}-{self.namespace}"
        self.cluster.refresh(index)
        filters = [{"term": {key.replace("__", "."): value}} for key, value in terms.items()]
        hits = self.cluster.scan(index, {"query": {"bool": {"filter": filters}}})
        return [hit["_source"] for hit in hits]


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
