"""A shipper's health: counts, lag per file, what it waits for; and where it is reported.

It is reported in a file, which `mlmon ship status` reads, in a data stream, and as metrics.
"""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson

from mlmon.elastic.errors import ClusterError, UserError
from mlmon.elastic.indices.names import SHIPPING, data_stream
from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.elastic.system.own_file import PRIVATE
from mlmon.ingest.encode.line import LineError, parse
from mlmon.ingest.files.source import LogSource
from mlmon.ingest.state.counts import LineCounts, RunCounts

EVENT_S = 30.0
"""Seconds between two events of the data stream."""

DECIDED = ("stored", "duplicate", "rejected")

# The name under which earlier versions stored it.
_STORED_NAMES = {"rejected": "refused"}


@dataclass(frozen=True, slots=True)
class FileHealth:
    """The health of one file.

    Attributes:
        path: The file.
        counts: What became of its lines in this run.
        lag_bytes: Bytes that are there and not decided.
        lag_seconds: Age of the last decided line while others wait; 0 where none does.
    """

    path: str
    counts: LineCounts
    lag_bytes: int = 0
    lag_seconds: float = 0.0

    def to_value(self) -> dict[str, Any]:
        """Return the health of the file as a JSON value."""
        value = {name: getattr(self, name) for name in _FILE_FIELDS}
        return value | {"counts": {name: getattr(self.counts, name) for name in _COUNT_FIELDS}}


_FILE_FIELDS = tuple(entry.name for entry in fields(FileHealth))
_COUNT_FIELDS = tuple(entry.name for entry in fields(LineCounts))


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a shipper.

    Attributes:
        time: When it was measured, UTC.
        shipper_id: Its id.
        process: Its process id.
        running: Whether the run goes on.
        waiting_for: The error it waits for to end; empty where there is none.
        counts: What became of the lines of this run.
        lost_bytes: Bytes that disappeared before they were read.
        files: Every open file.
        problems: Files that cannot be shipped: path and reason.
        blocked: Files that are not shipped yet: path and reason.
        unindexed: Datasets with more field names than are indexed, with some of those names.
    """

    time: datetime
    shipper_id: str
    process: int
    running: bool
    waiting_for: str
    counts: RunCounts
    lost_bytes: int = 0
    files: list[FileHealth] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    unindexed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def lag_bytes(self) -> int:
        """Bytes of all files that are not decided."""
        return sum(file.lag_bytes for file in self.files)

    @property
    def lag_seconds(self) -> float:
        """The longest lag of a file."""
        return max((file.lag_seconds for file in self.files), default=0.0)

    def to_json(self) -> bytes:
        """Return the health as a JSON object."""
        return orjson.dumps(self.to_value(), option=orjson.OPT_INDENT_2)

    def to_value(self) -> dict[str, Any]:
        """Return the health as a JSON value."""
        value = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        files = [file.to_value() for file in self.files]
        return {**value, "counts": self.counts.to_json(), "files": files}

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            value = orjson.loads(text)
            files = [
                FileHealth(**{**file, "counts": LineCounts(**file["counts"])})
                for file in value["files"]
            ]
            measured = datetime.fromisoformat(value["time"])
            counts = RunCounts.from_json(value["counts"])
            return cls(**{**value, "time": measured, "counts": counts, "files": files})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a shipper's status: {error!r}") from error


def file_health(source: LogSource, counts: LineCounts, now: datetime) -> FileHealth:
    """Return the health of an open file."""
    lag = source.unread_bytes(source.record.offset, source.content.size())
    seconds = _age(source.last_decided, now) if lag else 0.0
    return FileHealth(source.path, counts, lag, seconds)


def _age(line: bytes, now: datetime) -> float:
    """Return how long ago a line was logged, seconds; 0 where it has no time."""
    try:
        logged = datetime.fromisoformat(str(parse(line).get("@timestamp")))
    except (LineError, ValueError):
        return 0.0
    return max(0.0, (now - logged).total_seconds()) if logged.tzinfo else 0.0


def documents(health: Health, dataset: str) -> list[dict[str, Any]]:
    """Return the health as events: one for all files, one for each."""
    counts = health.counts
    common = {
        "@timestamp": health.time,
        "event.dataset": dataset,
        "agent.id": health.shipper_id,
    }
    total = {
        **common,
        **_counts(counts, health.lag_bytes, health.lag_seconds),
        "ingest.retried": counts.retried,
        "ingest.lost.bytes": health.lost_bytes,
    }
    return [total] + [
        {**common, "log.file.path": file.path}
        | _counts(file.counts, file.lag_bytes, file.lag_seconds)
        for file in health.files
    ]


def _counts(counts: LineCounts, lag_bytes: int, lag_seconds: float) -> dict[str, Any]:
    values: dict[str, Any] = {
        f"ingest.{_STORED_NAMES.get(name, name)}": getattr(counts, name)
        for name in ("read", *DECIDED)
    }
    return values | {"ingest.lag.bytes": lag_bytes, "ingest.lag.seconds": lag_seconds}


class HealthReports:
    """Reports the health of one run.

    Args:
        path: The status file.
        namespace: Namespace of the data stream.
        bulk: Sends one bulk request.

    A report that fails is left out: counts grow, so that the next one contains it.
    """

    def __init__(self, path: Path, namespace: str, bulk: Callable[[bytes], object]) -> None:
        self._path = path
        self._index = data_stream(SHIPPING, namespace)
        self._bulk = bulk
        self._run = uuid.uuid4().hex[:8]
        self._number = 0
        self._due = float("-inf")
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._sending: Future[None] | None = None
        self._reported: dict[str, tuple[object, ...]] = {}

    def report(self, health: Health) -> None:
        """Write the status, and send events when they are due; wait for the last ones."""
        with suppress(OSError), atomic_write(self._path, mode=PRIVATE) as part:
            part.write_bytes(health.to_json())
        seconds = time.monotonic()
        idle = self._sending is None or self._sending.done()
        if (seconds >= self._due and idle) or not health.running:
            self._due = seconds + EVENT_S
            self._sending = self._sender.submit(self._send, self._body(health))
        if not health.running:
            self._sender.shutdown(wait=True)

    def _body(self, health: Health) -> bytes:
        lines = []
        for document in documents(health, SHIPPING):
            path = document.get("log.file.path", "")
            counts = tuple(value for key, value in document.items() if key.startswith("ingest."))
            if path and self._reported.get(path) == counts:
                # Of a thousand files few change.
                continue
            self._reported[path] = counts
            self._number += 1
            id_ = f"{health.shipper_id}-{self._run}-{self._number}"
            lines.append(orjson.dumps({"create": {"_index": self._index, "_id": id_}}))
            lines.append(orjson.dumps({**document, "event.id": id_}))
        return b"\n".join(lines) + b"\n"

    def _send(self, body: bytes) -> None:
        with suppress(ClusterError, UserError):
            self._bulk(body)
