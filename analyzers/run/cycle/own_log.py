"""mlmon's own log: each cycle is a run of a job, and the job analyzer watches it like any other.

The lines are made by `logging_config` as every service's are, and go to the data streams at once:
where mlmon runs there need not be a shipper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from mlmon.elastic.indices.names import data_stream
from mlmon.logging_config import Service, open_log

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.logging_config import EventLog

_STORED_BEFORE = 409


class Lines:
    """A sink that holds lines until they are sent."""

    def __init__(self) -> None:
        self.held: list[bytes] = []

    def write(self, lines: bytes) -> int:
        """Hold lines."""
        self.held += lines.splitlines()
        return len(lines)

    def flush(self) -> bool:
        """Do nothing: `send` empties it."""
        return True

    def close(self, timeout_s: float = 0.0) -> None:
        """Do nothing: what was not sent is sent with the next cycle, or lost with the process."""

    def before_fork(self) -> None:
        """Do nothing: there is nothing half done."""

    def after_fork(self, *, in_child: bool) -> None:
        """Forget the parent's lines in a child."""
        if in_child:
            self.held = []


def open_own_log(environment: str, version: str) -> tuple[EventLog, Lines]:
    """Return a log of the service `mlmon`, and where its lines are held."""
    lines = Lines()
    service = Service("mlmon", version=version, environment=environment)
    log = open_log(service, sink=lines)
    return log, lines


def send(lines: Lines, cluster: Cluster, namespace: str) -> int:
    """Store the lines held, each once; return how many were stored.

    What the cluster refuses or is too busy for is held for the next time.
    """
    waiting, body = list(lines.held), []
    for line in waiting:
        event = orjson.loads(line)
        stream = data_stream(event["event.dataset"], namespace)
        action = {"create": {"_index": stream, "_id": event["event.id"]}}
        event["event.ingested"] = event["@timestamp"]
        body += [orjson.dumps(action), orjson.dumps(event)]
    if not body:
        return 0
    items = cluster.bulk(b"\n".join(body) + b"\n")["items"]
    results = [next(iter(item.values())) for item in items]
    decided = ["error" not in result or result["status"] == _STORED_BEFORE for result in results]
    lines.held = [
        line for line, done in zip(waiting, decided, strict=True) if not done
    ] + lines.held[len(waiting) :]
    return sum(decided)
