"""Close an event into one line, inside what the log alone writes: time, ids, service."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import orjson

from mlmon.logging_config.emit.conform import Conformer
from mlmon.logging_config.emit.encoder import encode
from mlmon.logging_config.emit.ids import check_entity_id, make_entity_id
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.rules import Rules
from mlmon.logging_config.emit.service import Service
from mlmon.logging_config.errors import FieldTypeError
from mlmon.logging_config.schema.fields import DATASETS, ECS_VERSION, SCHEMA_VERSION

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""The severities of a line, as `log.level` has them."""

Clock = Callable[[], int]
"""Tells the time in nanoseconds since the epoch."""


_LINE: Final = b'{"@timestamp":"%b.%06dZ%b%b%b%d","event.sequence":%d%b%b\n'


class Envelope:
    """Writes what each line of one process start has in common, and numbers the lines.

    Args:
        service: the service.
        clock: tells the time.
        entity_id: id of this process start; drawn when None.
        redaction: what to take out.
    """

    def __init__(
        self,
        service: Service,
        *,
        clock: Clock = time.time_ns,
        entity_id: str | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self.service = service
        self.clock = clock
        redaction = redaction or Redaction()
        self._conformers = {name: Conformer(Rules(name, redaction)) for name in DATASETS}
        self._second = (-1, b"")
        self.start(make_entity_id() if entity_id is None else check_entity_id(entity_id))

    def start(self, entity_id: str) -> None:
        """Begin to count anew under another process start's id, as after a fork."""
        self.entity_id = entity_id
        self._count = count(1)
        self._middles = {
            (dataset, level): self._middle(dataset, level)
            for dataset in DATASETS
            for level in LEVELS
        }

    def seal(
        self,
        dataset: str,
        level: str,
        message: Any,
        fields: dict[Any, Any],
        *,
        strict: bool = False,
    ) -> tuple[str, bytes]:
        """Make the line of an event: its id, and the line with its end.

        Raises:
            FieldTypeError: `strict`, and a value is not of its field's type; nothing is counted.
        """
        text, json, wrong = encode(message, fields, self._conformers[dataset])
        if strict and wrong:
            raise FieldTypeError(" ".join(wrong))
        after_level, after_message = self._middles[dataset, level]
        second, nanoseconds = divmod(self.clock(), 1_000_000_000)
        known, second_text = self._second
        if second != known:
            second_text = self._tell_second(second)
        sequence = next(self._count)
        line = _LINE % (
            second_text,
            nanoseconds // 1000,
            after_level,
            text,
            after_message,
            sequence,
            sequence,
            b"" if json == b"{}" else b",",
            json[1:],
        )
        return f"{self.entity_id}-{sequence}", line

    def _middle(self, dataset: str, level: str) -> tuple[bytes, bytes]:
        """What stands between time and message, and between message and sequence."""
        constant = {
            "ecs.version": ECS_VERSION,
            "event.dataset": dataset,
            "service.name": self.service.name,
            "service.version": self.service.version,
            "service.environment": self.service.environment,
            "ml.schema_version": SCHEMA_VERSION,
            "process.entity_id": self.entity_id,
            "event.id": self.entity_id + "-",
        }
        after_level = b'","log.level":"%b","message":' % level.encode()
        return after_level, b"," + orjson.dumps(constant)[1:-2]

    def _tell_second(self, second: int) -> bytes:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        self._second = (second, text)
        return text
