"""structlog as a source of events: its loggers write to the log."""

import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, Final

import structlog
from structlog.contextvars import STRUCTLOG_KEY_PREFIX
from structlog.typing import EventDict, WrappedLogger

from mlmon.logging_config.emit.context import FIELD_NAMES
from mlmon.logging_config.emit.event_encoder import LOG_LEVELS
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.events import error_fields
from mlmon.logging_config.schema.fields import MAX_CACHED


class Destination:
    """The object wrapped by structlog's loggers.

    Args:
        current: returns the current log, because structlog caches loggers across `configure` calls.
        name: name of the logger.
    """

    __slots__ = ("current", "name")

    def __init__(self, current: Callable[[], EventLog], name: str = "") -> None:
        self.current = current
        self.name = name


class EventLogger(structlog.BoundLoggerBase):
    """A bound logger whose methods never raise.

    structlog's own loggers raise when the arguments do not fit the message's format.
    """

    _logger: Destination

    def debug(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `debug`."""
        self._emit("debug", event, args, fields)

    def info(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `info`."""
        self._emit("info", event, args, fields)

    def warning(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `warning`."""
        self._emit("warning", event, args, fields)

    def error(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `error`."""
        self._emit("error", event, args, fields)

    def critical(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `critical`."""
        self._emit("critical", event, args, fields)

    def exception(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at the level `error`, with the exception being handled."""
        self._emit("error", event, args, {"exc_info": True, **fields})

    async def adebug(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `debug`, without a thread, because the call does not wait for the disk."""
        self._emit("debug", event, args, fields)

    async def ainfo(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `info`."""
        self._emit("info", event, args, fields)

    async def awarning(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `warning`."""
        self._emit("warning", event, args, fields)

    async def aerror(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `error`."""
        self._emit("error", event, args, fields)

    async def acritical(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `critical`."""
        self._emit("critical", event, args, fields)

    async def aexception(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log like `exception`."""
        self._emit("error", event, args, {"exc_info": True, **fields})

    warn = warning
    fatal = critical
    msg = info
    awarn = awarning
    afatal = acritical
    amsg = ainfo

    def _emit(self, level: str, event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        message = _interpolate(event, args) if args else event
        destination = self._logger
        processed: Any = {**self._context, **fields}
        try:
            for processor in self._processors:
                processed = processor(destination, level, processed)
        except structlog.DropEvent:
            return
        except Exception:  # noqa: BLE001 -- a processor of the service may raise anything
            processed = {**self._context, **fields}
        try:
            described = _with_logger_and_error(destination.name, processed)
        except Exception:  # noqa: BLE001 -- a processor may return anything
            described = {"log.logger": destination.name, "fields": processed}
        destination.current().app(level, message, described)


class _BoundFieldNames(dict[ContextVar[Any], str | None]):
    """The field of each context variable of structlog, cached; None for other variables."""

    def __missing__(self, variable: ContextVar[Any]) -> str | None:
        prefix, found, key = variable.name.partition(STRUCTLOG_KEY_PREFIX)
        name = FIELD_NAMES.get(key, key) if found and not prefix else None
        if len(self) < MAX_CACHED:
            self[variable] = name
        return name


_bound_names: Final = _BoundFieldNames()


def merge_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the variables bound by `structlog.contextvars`; `request_id` etc. get ECS names."""
    for variable, value in copy_context().items():
        name = _bound_names[variable]
        if name is not None and value is not Ellipsis and name not in event:
            event[name] = value
    return event


def _with_logger_and_error(name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Add the logger's name and the fields of an exception."""
    if name:
        event["log.logger"] = name
    if "exc_info" in event:
        event |= error_fields(_exception(event.pop("exc_info")))
    if "stack_info" in event and _is_true(event.pop("stack_info")):
        event["error.stack_trace"] = "".join(traceback.format_stack(sys._getframe(3)))  # noqa: SLF001 -- the caller's frame
    return event


def _exception(given: Any) -> BaseException | None:
    """Return the exception of `exc_info`: itself, a tuple's, or the current one if it is true."""
    kind = type(given)  # not `isinstance`: the value's own `__class__` may raise
    if issubclass(kind, BaseException):
        return given  # type: ignore[no-any-return]
    if kind is tuple and len(given) == 3 and issubclass(type(given[1]), BaseException):  # noqa: PLR2004 -- sys.exc_info()'s form
        return given[1]  # type: ignore[no-any-return]
    return sys.exception() if _is_true(given) else None


def _is_true(given: Any) -> bool:
    """Whether a value is a true integer or boolean; an array has no truth value."""
    return issubclass(type(given), int) and bool(given)


def _interpolate(event: Any, args: tuple[Any, ...]) -> Any:
    """Fill the message's format; if the arguments do not fit, append them."""
    try:
        return event % (args[0] if len(args) == 1 and isinstance(args[0], dict) else args)
    except Exception:  # noqa: BLE001 -- formats and arguments are the caller's
        return [event, *args]


def _logger_class(level: str) -> type[EventLogger]:
    """Return a logger class whose methods below a level do nothing."""
    below = LOG_LEVELS[: LOG_LEVELS.index(level)]
    disabled = dict.fromkeys(below, _do_nothing)
    disabled_async = dict.fromkeys((f"a{name}" for name in below), _do_nothing_async)
    return type("EventLogger", (EventLogger,), {**disabled, **disabled_async})


def _do_nothing(_: EventLogger, *args: Any, **fields: Any) -> None:
    """Ignore a call below the level."""


async def _do_nothing_async(_: EventLogger, *args: Any, **fields: Any) -> None:
    """Ignore a call below the level."""


def configure_structlog(current: Callable[[], EventLog], level: str) -> None:
    """Send the events of every structlog logger to the log.

    Args:
        current: returns the process-wide log.
        level: lowest level written.
    """
    structlog.configure(
        processors=[merge_context],
        wrapper_class=_logger_class(level),
        context_class=dict,
        logger_factory=lambda *args: Destination(current, str(args[0]) if args else ""),
        cache_logger_on_first_use=True,
    )
