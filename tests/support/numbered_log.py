"""Log lines with ids that count: what is missing or doubled in the end shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 1, tzinfo=UTC)


class NumberedLog:
    """Makes the lines of one process.

    Args:
        entity: The process's id; each line's id is this and a number.
    """

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.count = 0

    def line(self, **changes: Any) -> bytes:
        """Return the next line; `changes` replace or add fields, `__` standing for a dot."""
        self.count += 1
        now = START + timedelta(milliseconds=self.count)
        event = {
            "@timestamp": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "log.level": "info",
            "message": "prediction approved",
            "ecs.version": "8.17.0",
            "event.id": f"{self.entity}-{self.count}",
            "event.dataset": "ml.prediction",
            "event.sequence": self.count,
            "process.entity_id": self.entity,
            "service.name": "autobid-api",
            "ml.schema_version": 1,
            "ml.prediction.score": 0.5,
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
        return json.dumps(event, separators=(",", ":")).encode() + b"\n"

    def lines(self, count: int) -> bytes:
        """Return so many lines."""
        return b"".join(self.line() for _ in range(count))

    def ids(self) -> set[str]:
        """Return the ids of all lines made so far."""
        return {f"{self.entity}-{number}" for number in range(1, self.count + 1)}
