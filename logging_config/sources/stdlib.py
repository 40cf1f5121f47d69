"""Python's logging as a source of events: records, warnings and uncaught exceptions."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final

from mlmon.logging_config.emit.context import FIELD_NAMES, correlation_fields
from mlmon.logging_config.emit.event_encoder import WallClock
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.events import error_fields, stack_fields
from mlmon.logging_config.emit.ids import Ids
from mlmon.logging_config.emit.levels import find_level
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.sinks import lifecycle
from mlmon.logging_config.sources.request import failure_context, is_logged

_STANDARD_ATTRIBUTES: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None)) | {"message": "", "asctime": ""}
)
_UVICORN_ARGS: Final = 5  # client, method, path, HTTP version, status
_TRACE_ATTRIBUTES: Final = MappingProxyType(
    {
        "elasticapm_trace_id": "trace.id",
        "elasticapm_span_id": "span.id",
        "elasticapm_transaction_id": "transaction.id",
        "otelTraceID": "trace.id",
        "otelSpanID": "span.id",
    }
)
_CAPTURED: Final = "_mlmon_captured"
NUMBERS: Final = "_mlmon_numbers"
"""Attribute of a record: what `EventFormatter` gave it, by the formatter's entity id."""

_LATEST_S: Final = 253_402_300_800.0  # the year 10000
_ids: Final = Ids()
_IGNORED_ATTRIBUTES: Final = frozenset(
    {
        _CAPTURED,
        NUMBERS,
        *_STANDARD_ATTRIBUTES,
        *_TRACE_ATTRIBUTES,
        "color_message",  # uvicorn's copy of its message for terminals
        # Other attributes that tracers add to every record.
        *("elasticapm_labels", "elasticapm_service_name", "elasticapm_service_environment"),
        *("otelServiceName", "otelTraceSampled"),
    }
)


class EventHandler(logging.Handler):
    """Writes each record as an event of the log."""

    def __init__(self, current: Callable[[], EventLog], level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._current = current

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without the handler's lock, because the log is thread-safe.

        From Python 3.12 on a filter may return a record that takes the place of the one given.
        """
        accepted: object = self.filter(record)
        if accepted:
            self.emit(accepted if isinstance(accepted, logging.LogRecord) else record)
        return bool(accepted)

    def emit(self, record: logging.LogRecord) -> None:
        """Emit one record; raises nothing."""
        try:
            self._emit(self._current(), record)
        except BaseException as raised:
            if is_interruption(raised):
                raise
            self.handleError(record)

    @staticmethod
    def _emit(log: EventLog, record: logging.LogRecord) -> None:
        request = uvicorn_request(record)
        if request is None:
            log.app(
                level_name(record.levelno),
                record_message(record),
                record_fields(record),
                time_ns=record_time(record, log.encoder.clock),
            )
        elif not is_logged(*request[:3]):  # the middleware logs the request with more detail
            _, method, path, status_code = request
            log.access(method=method, path=path, status_code=status_code)


class ContextFilter(logging.Filter):
    """Keeps with each record the ids, the message and the exception of the call that logged it.

    For a handler that passes records on, such as `QueueHandler` or `MemoryHandler`: they are
    written later, in another thread, and `QueueHandler` turns an exception into text.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Accept every record."""
        if _CAPTURED not in vars(record):
            fields = {**correlation_fields(_ids), **record_fields(record)}
            setattr(record, _CAPTURED, (record_message(record), fields))
        return True


def record_time(record: logging.LogRecord, clock: WallClock) -> int | None:
    """Return when a record was created, in nanoseconds, which may be long before it is written.

    Args:
        record: the record.
        clock: the log's; the time is None where it is not the system's, or the record has none.
    """
    created: Any = vars(record).get("created")
    if clock is not time.time_ns or type(created) not in (float, int):
        return None
    return round(created * 1e6) * 1000 if 0 <= created < _LATEST_S else None


def level_name(number: Any) -> str:
    """Return the log's level for a level number of logging, custom ones included.

    A filter may have set anything else; what is no level counts as `info`.
    """
    return find_level(number) or "info"


def record_message(record: logging.LogRecord) -> Any:
    """Return the record's message; if its arguments do not fit its format, both unchanged."""
    if captured := vars(record).get(_CAPTURED):
        return captured[0]
    message: Any = record.msg
    try:
        if issubclass(type(message), dict) and not record.args:
            return message.get("message", "Record")
        return record.getMessage()
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return [message, record.args]


def record_fields(record: logging.LogRecord) -> dict[Any, Any]:
    """Return the record's logger, thread, exception and extra attributes as fields.

    A mapping logged as the message, as python-json-logger allows, is added to the fields, and so
    are the variables bound by `structlog.contextvars` and what `ContextFilter` has kept.
    """
    given = vars(record)
    extra = {name: value for name, value in given.items() if name not in _IGNORED_ATTRIBUTES}
    if issubclass(type(record.msg), dict) and not record.args:
        extra |= _logged_mapping(record.msg)  # type: ignore[arg-type]
    captured = given.get(_CAPTURED)
    return {
        **_bound_by_structlog(),
        "log.logger": given.get("name"),
        "process.thread.name": given.get("threadName") or "",
        **_trace_ids(record),
        **extra,
        **_exception(record),
        **(captured[1] if captured else {}),
    }


def _logged_mapping(message: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the fields of a mapping logged as the message."""
    try:
        return {name: value for name, value in message.items() if name != "message"}
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return {}


def _bound_by_structlog() -> dict[str, Any]:
    """Return the variables bound by `structlog.contextvars`, if the service uses it."""
    module: Any = sys.modules.get("structlog.contextvars")
    bound: dict[str, Any] = getattr(module, "get_contextvars", dict)()  # else it is being imported
    return {FIELD_NAMES.get(name, name): value for name, value in bound.items()}


def uvicorn_request(record: logging.LogRecord) -> tuple[str, str, str, int] | None:
    """Return client, method, path without query, and status of a request logged by uvicorn."""
    args = record.args
    if record.name != "uvicorn.access" or not isinstance(args, tuple) or len(args) != _UVICORN_ARGS:
        return None
    client, method, path, _, status_code = args
    if not isinstance(path, str) or not isinstance(status_code, int):
        return None
    return str(client), str(method), path.partition("?")[0], status_code


def _trace_ids(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids that Elastic APM or OpenTelemetry added to the record inside a trace."""
    given = vars(record)
    found = ((field, given[name]) for name, field in _TRACE_ATTRIBUTES.items() if name in given)
    return {field: value for field, value in found if type(value) is str and value.strip("0")}


def _exception(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of the record's exception, with the ids of the request that raised it."""
    attributes = vars(record)
    given = attributes.get("exc_info")
    if type(given) is tuple and len(given) == 3 and _is_exception(given[1]):  # noqa: PLR2004 -- sys.exc_info()'s form
        fields = {**failure_context(given[1]), **error_fields(given[1])}
    elif _is_exception(given):
        fields = error_fields(given)
    else:
        fields = stack_fields(None, attributes.get("exc_text"))
    return fields | stack_fields(fields.get("error.stack_trace"), attributes.get("stack_info"))


def _is_exception(value: Any) -> bool:
    return issubclass(type(value), BaseException)


_uncaught_logger: Final = logging.getLogger("uncaught")
_main_hook = sys.excepthook
_thread_hook = threading.excepthook
_unraisable_hook = sys.unraisablehook


def log_uncaught_exceptions() -> None:
    """Log uncaught exceptions of the main thread, of other threads, of children and of finalizers.

    The previous hooks are called too, so that a terminal still shows the traceback. asyncio logs
    the uncaught exceptions of its tasks itself.
    """
    global _main_hook, _thread_hook, _unraisable_hook
    if sys.excepthook is not _log_main:
        _main_hook, sys.excepthook = sys.excepthook, _log_main
    if threading.excepthook is not _log_thread:
        _thread_hook, threading.excepthook = threading.excepthook, _log_thread
    if sys.unraisablehook is not _log_unraisable:
        _unraisable_hook, sys.unraisablehook = sys.unraisablehook, _log_unraisable
    if _log_child not in lifecycle.before_end:
        lifecycle.before_end.append(_log_child)


def _log_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _uncaught_logger.critical("Uncaught exception", exc_info=(kind, error, trace))
    _main_hook(kind, error, trace)


def _log_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        name = given.thread.name if given.thread else "?"
        _uncaught_logger.error("Uncaught exception in thread %s", name, exc_info=given.exc_value)
    _thread_hook(given)


def _log_child() -> None:
    """Log the exception that ends a child of `multiprocessing`, which calls no hook for it.

    It runs the child's finalizers while the exception is on its way.
    """
    error = sys.exception()
    if error is None or isinstance(error, (KeyboardInterrupt, SystemExit)):
        return
    processes: Any = sys.modules.get("multiprocessing.process")  # Celery's are of billiard
    name = processes.current_process().name if processes else "?"
    _uncaught_logger.critical("Uncaught exception in process %s", name, exc_info=error)


def _log_unraisable(given: "sys.UnraisableHookArgs") -> None:
    _uncaught_logger.error("Exception that could not be raised", exc_info=given.exc_value)
    _unraisable_hook(given)
