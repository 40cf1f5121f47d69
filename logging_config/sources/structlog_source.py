"""structlog as a source of events: its loggers write to the log."""

import logging
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import cache
from typing import Any, Final

import structlog
from structlog.contextvars import STRUCTLOG_KEY_PREFIX
from structlog.typing import EventDict, WrappedLogger

from mlmon.logging_config.emit.context import FIELD_NAMES
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.events import error_fields, stack_fields
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import MAX_CACHED
from mlmon.logging_config.sources.stdlib import level_name

_LEVELS: Final = {
    "notset": logging.NOTSET,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "msg": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "err": logging.ERROR,
    "failure": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
"""The numbers of levels and of the methods that write them."""


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

    structlog's own loggers raise when the arguments do not fit the message's format. It has all
    methods of `structlog.typing.FilteringBoundLogger`; what `structlog.stdlib.BoundLogger` has
    beyond them, such as `addHandler`, is that of the logger of the same name in `logging`.
    """

    _logger: Destination
    _level = logging.NOTSET

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

    def log(self, level: Any = None, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at a level given by its number or name."""
        number = _level_number(fields.pop("level", None) if level is None else level)
        if number >= self._level:
            self._emit(level_name(number), event, args, fields)

    async def alog(
        self, level: Any = None, event: Any = None, /, *args: Any, **fields: Any
    ) -> None:
        """Log like `log`."""
        self.log(level, event, *args, **fields)

    def is_enabled_for(self, level: Any) -> bool:
        """Return whether events of a level, given by its number or name, are written."""
        return _level_number(level) >= self._level

    def get_effective_level(self) -> int:
        """Return the number of the lowest level written."""
        return self._level

    warn = warning
    err = failure = error
    fatal = critical
    msg = info
    awarn = awarning
    aerr = afailure = aerror
    afatal = acritical
    amsg = ainfo
    isEnabledFor = is_enabled_for  # noqa: N815 -- the names in `logging`
    getEffectiveLevel = get_effective_level  # noqa: N815

    def setLevel(self, level: Any) -> None:  # noqa: N802 -- the name in `logging`
        """Set the lowest level written by this logger and by those bound from it later."""
        self.__class__ = _logger_class(_level_number(level))

    @property
    def name(self) -> str:
        """Name of the logger."""
        return self._logger.name

    @property
    def level(self) -> int:
        """Number of the lowest level written."""
        return self._level

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it by its level, because its class is made when the log is configured.

        Its processors must be functions of a module, as those of structlog's own loggers.
        """
        return _restore, (self._level, self._logger, self._processors, self._context)

    def __getattr__(self, name: str) -> Any:
        """Return what only `logging.Logger` has, of the logger of the same name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(logging.getLogger(self._logger.name), name)

    def _emit(self, level: str, event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        if event is None and "event" in fields:
            event = fields.pop("event")
        message = _interpolate(event, args) if args else event
        destination = self._logger
        processed: Any = {**self._context, **fields}
        try:
            for processor in self._processors:
                processed = processor(destination, level, processed)
        except structlog.DropEvent:
            return
        except BaseException as raised:
            if is_interruption(raised):
                raise
            processed = {**self._context, **fields}
        try:
            described = _with_logger_and_error(destination.name, processed)
        except BaseException as raised:
            if is_interruption(raised):
                raise
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
        stack = "".join(traceback.format_stack(sys._getframe(3)))  # noqa: SLF001 -- the caller's frame
        trace = event.get("error.stack_trace")
        event |= stack_fields(trace, f"Stack (most recent call last):\n{stack.rstrip()}")
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
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return [event, *args]


@cache
def _logger_class(level: int) -> type[EventLogger]:
    """Return a logger class whose methods below a level do nothing."""
    disabled = {name: _do_nothing for name, number in _LEVELS.items() if number < level}
    disabled_async = {f"a{name}": _do_nothing_async for name in disabled}
    return type("EventLogger", (EventLogger,), {**disabled, **disabled_async, "_level": level})


def _restore(level: int, destination: Destination, processors: Any, context: Any) -> EventLogger:
    """Return a pickled logger; where no log is configured, its events are discarded."""
    return _logger_class(level)(destination, processors, context)


def _level_number(level: Any) -> int:
    """Return the number of a level given by number or name; an unknown one is `info`."""
    if issubclass(type(level), int):  # not `isinstance`: the value's own `__class__` may raise
        return int.__index__(level)
    return _LEVELS.get(str.lower(level), logging.INFO) if type(level) is str else logging.INFO


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
        wrapper_class=_logger_class(_LEVELS[level]),
        context_class=dict,
        logger_factory=lambda *args: Destination(current, str(args[0]) if args else ""),
        cache_logger_on_first_use=True,
    )
