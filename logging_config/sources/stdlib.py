"""Python's own logging as a source of events: each record becomes one line of the same log."""

import logging
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.failure import error_fields
from mlmon.logging_config.sources.request import current_request

_STANDARD: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None)) | {"message": "", "asctime": ""}
)
_UVICORN_ARGS: Final = 5  # client, method, path, HTTP version, status
_LEVELS: Final = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"))
_TRACED: Final = MappingProxyType(
    {
        "elasticapm_trace_id": "trace.id",
        "elasticapm_span_id": "span.id",
        "elasticapm_transaction_id": "transaction.id",
        "otelTraceID": "trace.id",
        "otelSpanID": "span.id",
    }
)
_SKIPPED: Final = frozenset(
    {
        *_STANDARD,
        *_TRACED,
        "color_message",  # uvicorn's copy of its message for terminals
        # What else tracers add to every record.
        *("elasticapm_labels", "elasticapm_service_name", "elasticapm_service_environment"),
        *("otelServiceName", "otelTraceSampled"),
    }
)


class EventHandler(logging.Handler):
    """Emits each record as an event of the log."""

    def __init__(self, current: Callable[[], EventLog], level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._current = current

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without the handler's lock: the log is safe to call from any thread."""
        accepted = bool(self.filter(record))
        if accepted:
            self.emit(record)
        return accepted

    def emit(self, record: logging.LogRecord) -> None:
        """Emit one record."""
        log = self._current()
        request = uvicorn_request(record)
        if request is None:
            log.app(level_name(record.levelno), record_message(record), record_fields(record))
        elif current_request() is None:
            # With the middleware the request is logged already, and better.
            method, path, status_code = request
            log.access(method=method, path=path, status_code=status_code)


def level_name(number: int) -> str:
    """The log's level for one of logging's, custom ones included."""
    return next((name for least, name in _LEVELS if number >= least), "debug")


def record_message(record: logging.LogRecord) -> Any:
    """The record's text; if its arguments do not fit its format, both as they are."""
    if isinstance(record.msg, dict) and not record.args:
        return record.msg.get("message", "Record")
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 -- formats and arguments are the caller's
        return [record.msg, record.args]


def record_fields(record: logging.LogRecord) -> dict[Any, Any]:
    """The record's logger, thread, exception and extra attributes as fields.

    A mapping logged in the place of a text, as python-json-logger allows, is taken for fields too.
    """
    extra = {name: value for name, value in vars(record).items() if name not in _SKIPPED}
    if isinstance(record.msg, dict) and not record.args:
        extra |= {name: value for name, value in record.msg.items() if name != "message"}
    return {
        "log.logger": record.name,
        "process.thread.name": record.threadName or "",
        **_tracers_ids(record),
        **extra,
        **_exception(record),
    }


def uvicorn_request(record: logging.LogRecord) -> tuple[str, str, int] | None:
    """Method, path without the query, and status of a request uvicorn logged; else None."""
    args = record.args
    if record.name != "uvicorn.access" or not isinstance(args, tuple) or len(args) != _UVICORN_ARGS:
        return None
    _, method, path, _, status_code = args
    if not isinstance(path, str) or not isinstance(status_code, int):
        return None
    return str(method), path.partition("?")[0], status_code


def _tracers_ids(record: logging.LogRecord) -> dict[str, str]:
    """The ids Elastic APM or OpenTelemetry put on the record; outside of a trace they are none."""
    given = vars(record)
    found = ((field, given[name]) for name, field in _TRACED.items() if name in given)
    return {field: value for field, value in found if type(value) is str and value.strip("0")}


def _exception(record: logging.LogRecord) -> dict[str, Any]:
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        return error_fields(record.exc_info[1])
    trace = record.exc_text or record.stack_info
    return {"error.stack_trace": trace} if trace else {}
