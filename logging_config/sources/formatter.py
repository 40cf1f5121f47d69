"""A formatter for services that configure logging by `logging.config.dictConfig`.

    "formatters": {"json": {"()": "mlmon.logging_config.EventFormatter",
                            "service": "autobid-api", "environment": "production"}}

It replaces python-json-logger's `JsonFormatter` and writes the same lines as the log.
"""

import logging
from typing import Any

from pythonjsonlogger.core import BaseJsonFormatter

from mlmon.logging_config.emit.context import correlation_fields
from mlmon.logging_config.emit.event_encoder import EventEncoder
from mlmon.logging_config.emit.ids import Ids
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.service import Service
from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.schema.fields import MAX_LINE
from mlmon.logging_config.sinks.file_sink import escape_non_ascii
from mlmon.logging_config.sources.stdlib import (
    NUMBERS,
    level_name,
    record_fields,
    record_message,
    record_time,
)


class EventFormatter(BaseJsonFormatter):
    """Formats a record as an event of the dataset `ml.app`.

    A record is one event, however often it is formatted: a rotating handler formats it twice, and
    handlers that share the formatter once each.

    Args:
        service: name of the service; required, so that `dictConfig` must name the formatter by `()`
            instead of `class`.
        version: version of the service.
        environment: for example `production`.
        redaction: what to remove; the built-in keys and patterns when None.
        **options: python-json-logger's: `static_fields`, `rename_fields`, `defaults` etc.

    Raises:
        ConfigurationError: the service is missing or empty.
    """

    def __init__(
        self,
        *args: Any,
        service: str = "",
        version: str = "0",
        environment: str = "development",
        redaction: Redaction | None = None,
        **options: Any,
    ) -> None:
        if not service:
            raise ConfigurationError(
                "The formatter has no service's name.",
                'In dictConfig write "()": "mlmon.logging_config.EventFormatter", "service": "…"; '
                'with "class" it cannot be given.',
            )
        super().__init__(*args, **options)
        self._encoder = EventEncoder(Service(service, version, environment), redaction=redaction)
        self._ids = Ids()

    def format(self, record: logging.LogRecord) -> str:
        """Format the record as one line, without the newline."""
        numbers = vars(record).setdefault(NUMBERS, {})
        known = numbers.get(self._encoder.entity_id)
        ids = known[1] if known else correlation_fields(self._ids)
        given = {**self.defaults, **record_fields(record), **self.static_fields}
        fields = {self.rename_fields.get(name, name): value for name, value in given.items()}
        event_id, line = self._encoder.encode(
            "ml.app",
            level_name(record.levelno),
            record_message(record),
            {**ids, **self.process_log_record(fields)},
            time_ns=record_time(record, self._encoder.clock),
            sequence=known[0] if known else None,
        )
        if not known:
            entity_id, _, sequence = event_id.rpartition("-")
            numbers[entity_id] = int(sequence), ids
        text = line[:-1].decode()
        if text.isascii():
            return text
        # The handler's file may have another encoding than UTF-8, such as that of the locale.
        escaped = escape_non_ascii(text)
        return escaped if len(escaped) < MAX_LINE else text
