"""A shipper put together for a test, and what the cluster then holds."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from mlmon.elastic.client.cluster import Cluster
from mlmon.ingest.files.source import ReadLimits
from mlmon.ingest.pipeline import Flow
from mlmon.ingest.shipper import ShipRequest, open_pipeline
from mlmon.ingest.state.counts import RunCounts
from mlmon.ingest.state.state_folder import StateFolder


@dataclass
class Ship:
    """Ships files of one test's folder to one test's namespace."""

    folder: Path
    namespace: str
    entity: str
    target: Cluster
    cluster: Cluster
    flow: Flow = field(default_factory=lambda: Flow(batch_bytes=20_000, batch_age_s=0.02))
    limits: ReadLimits = field(default_factory=ReadLimits)
    state_name: str = "state"

    @property
    def state(self) -> StateFolder:
        """The shipper's folder."""
        return StateFolder(self.folder / self.state_name)

    def __call__(self, *paths: str, **changes: Any) -> RunCounts:
        """Ship paths of the folder to their ends; return the counts."""
        request = self._request(paths, **changes)
        with open_pipeline(self.target, request, Event()) as pipeline:
            return pipeline.run(following=False)

    def _request(self, paths: tuple[str, ...], **changes: Any) -> ShipRequest:
        wanted = [str(self.folder / path) for path in paths]
        values = {"limits": self.limits, "flow": self.flow, **changes}
        return ShipRequest(wanted, self.namespace, self.state, self.folder / "locks", **values)

    @contextmanager
    def following(self, *paths: str, batch_age_s: float = 0.02) -> Iterator[RunCounts]:
        """Follow paths in a thread, and stop in the end; yields the counts as they grow."""
        flow = Flow(batch_age_s=batch_age_s, save_s=0.02, discover_s=0.02)
        request = self._request(paths, following=True, flow=flow)
        shutdown = Event()
        with open_pipeline(self.target, request, shutdown) as pipeline:
            thread = Thread(target=pipeline.run, kwargs={"following": True})
            thread.start()
            try:
                yield pipeline.counter.total
            finally:
                shutdown.set()
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
