"""Where a shipper says how it is: a file that `mlmon ship --status` reads, and a data stream."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import orjson

from mlmon.elastic.errors import ClusterError, UserError
from mlmon.elastic.indices.templates import SHIPPING_STREAM
from mlmon.ingest.state.checkpoint import write_atomically
from mlmon.ingest.state.health import Health, documents

EVENT_S = 30.0
"""Seconds between two events of the data stream."""


class HealthReports:
    """Tells what a run of the shipper counts.

    Args:
        path: The status file.
        namespace: Namespace of the data stream.
        bulk: Sends one bulk request.

    What cannot be told is left out: counts grow, so that the next event says it too.
    """

    def __init__(self, path: Path, namespace: str, bulk: Callable[[bytes], object]) -> None:
        self._path = path
        self._index = f"{SHIPPING_STREAM}-{namespace}"
        self._bulk = bulk
        self._run = uuid.uuid4().hex[:8]
        self._number = 0
        self._due = float("-inf")
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._sending: Future[None] | None = None
        self._told: dict[str, tuple[object, ...]] = {}

    def tell(self, health: Health) -> None:
        """Write the status, and send events where they are due; the last ones are waited for."""
        with suppress(OSError):
            write_atomically(self._path, health.to_json(), durable=False)
        seconds = health.time.timestamp()
        idle = self._sending is None or self._sending.done()
        if (seconds >= self._due and idle) or not health.running:
            self._due = seconds + EVENT_S
            self._sending = self._sender.submit(self._send, self._body(health))
        if not health.running:
            self._sender.shutdown(wait=True)

    def _body(self, health: Health) -> bytes:
        lines = []
        for document in documents(health, SHIPPING_STREAM.partition("-")[2]):
            path = document.get("log.file.path", "")
            counts = tuple(value for key, value in document.items() if key.startswith("ingest."))
            if path and self._told.get(path) == counts:
                # Of a thousand files most are at rest.
                continue
            self._told[path] = counts
            self._number += 1
            ident = f"{health.shipper_id}-{self._run}-{self._number}"
            lines.append(orjson.dumps({"create": {"_index": self._index, "_id": ident}}))
            lines.append(orjson.dumps({**document, "event.id": ident}))
        return b"\n".join(lines) + b"\n"

    def _send(self, body: bytes) -> None:
        with suppress(ClusterError, UserError):
            self._bulk(body)
