"""Configure the process-wide log, or open a separate one."""

import logging
import time
from functools import cache
from pathlib import Path

from mlmon.logging_config.emit.event_encoder import EventEncoder, WallClock
from mlmon.logging_config.emit.event_log import EventLog, Observer
from mlmon.logging_config.emit.ids import Ids, make_entity_id
from mlmon.logging_config.emit.levels import LOG_LEVELS, find_level
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.sampling import Sampling
from mlmon.logging_config.emit.service import Service
from mlmon.logging_config.errors import ConfigurationError, warn_once
from mlmon.logging_config.sinks import lifecycle
from mlmon.logging_config.sinks.file_sink import FileSink, Rotation, StreamSink
from mlmon.logging_config.sinks.queue_sink import Overflow, QueueSink
from mlmon.logging_config.sinks.sink import Sink
from mlmon.logging_config.sources.stdlib import EventHandler, log_uncaught_exceptions

_process_log: EventLog | None = None


def open_log(
    service: Service,
    *,
    path: Path | None = None,
    clock: WallClock | None = None,
    entity_id: str | None = None,
    redaction: Redaction | None = None,
    sampling: Sampling | None = None,
    observers: tuple[Observer, ...] = (),
    strict: bool | None = None,
    sink: Sink | None = None,
) -> EventLog:
    """Open a separate log: nothing global; each line is written before the call returns.

    Args:
        service: the service.
        path: file to append to; None writes to standard output, also one replaced by a text stream.
        clock: returns the time in nanoseconds since the epoch; the system's when None.
        entity_id: id of the process start. With `clock`, all generated ids are reproducible: such a
            log must write the same events each time, because an id stands for one event. Without
            `clock`, it is a prefix, and a random suffix makes the ids of each start unique.
        redaction: what to remove; the built-in keys and patterns when None.
        sampling: shares of traces whose features are written; all when None.
        observers: called with each accepted event, for example Prometheus counters.
        strict: raise on a value of a wrong type; None: only in the environment `development`.
        sink: receives the lines instead of a file.

    Raises:
        ConfigurationError: the file cannot be written, there is no standard output, or an argument
            is wrong.
    """
    seed = entity_id
    if entity_id is not None and clock is None:
        entity_id, seed = f"{entity_id}-{make_entity_id()}", None
    encoder = EventEncoder(
        service, clock=clock or time.time_ns, entity_id=entity_id, redaction=redaction
    )
    log = EventLog(
        encoder,
        sink or _sink(path, None),
        ids=Ids(seed),
        sampling=sampling,
        observers=observers,
        strict=service.environment == "development" if strict is None else strict,
    )
    lifecycle.register(log)
    return log


def configure(
    service: Service,
    path: Path | None = None,
    *,
    level: str | int = "info",
    rotation: Rotation | None = None,
    queue_capacity: int = 32_768,
    overflow: Overflow = "drop",
    redaction: Redaction | None = None,
    sampling: Sampling | None = None,
    observers: tuple[Observer, ...] = (),
    strict: bool | None = None,
) -> EventLog:
    """Configure the process-wide log: structlog, Python's logging, warnings, uncaught exceptions.

    A writer thread writes the lines; at exit, on SIGTERM and on SIGHUP the queue is flushed.

    Args:
        service: the service.
        path: file to append to; None writes to standard output, also one replaced by a text stream.
        level: lowest level written by structlog and logging, by name or by logging's number; typed
            events are always written.
        rotation: when to start a new file; None: never, or logrotate does it.
        queue_capacity: lines that may wait for the disk.
        overflow: when the queue is full, `drop` and count the event, or `block` the caller.
        redaction: what to remove; the built-in keys and patterns when None.
        sampling: shares of traces whose features are written; all when None.
        observers: called with each accepted event, for example Prometheus counters.
        strict: raise on a value of a wrong type; None: only in the environment `development`.

    Raises:
        ConfigurationError: the file cannot be written, there is no standard output, or an argument
            is wrong; nothing was changed.
    """
    global _process_log
    lowest = find_level(level)
    if lowest is None:
        raise ConfigurationError(
            f"Unknown level {level!r}.", f"Use one of: {', '.join(LOG_LEVELS)}."
        )
    output = _sink(path, rotation)
    queue = QueueSink(output, capacity=queue_capacity, overflow=overflow)
    log = open_log(
        service,
        redaction=redaction,
        sampling=sampling,
        observers=observers,
        strict=strict,
        sink=queue,
    )
    if isinstance(output, FileSink):
        output.on_deleted = lambda file, size: log.app(
            "warning",
            f"deleted the rotated log file {file.name} (keep={rotation and rotation.keep}); "
            "lines not yet shipped are lost",
            {"file": str(file), "bytes": size},
        )
    previous, _process_log = _process_log, log
    _install_sources(lowest)
    if previous is not None:
        previous.close()
    return log


def process_log() -> EventLog:
    """Return the log that `configure` opened.

    Raises:
        ConfigurationError: `configure` was not called.
    """
    if _process_log is None:
        raise ConfigurationError("No log is configured.", "Call logging_config.configure first.")
    return _process_log


def current_log() -> EventLog:
    """Return the process-wide log; without one, a log that discards, and a warning once."""
    if _process_log is not None:
        return _process_log
    warn_once("no log is configured, events are discarded: call logging_config.configure first")
    return _discarding_log()


@cache
def _discarding_log() -> EventLog:
    return EventLog(EventEncoder(Service("unconfigured")), _NoSink())


class _NoSink:
    """Discards all lines."""

    def write(self, lines: bytes) -> int:
        return len(lines)

    def flush(self) -> bool:
        return True

    def close(self, timeout_s: float = 0.0) -> None:
        """Nothing is open."""

    def before_fork(self) -> None:
        """Nothing is being written."""

    def after_fork(self, *, in_child: bool) -> None:
        """Nothing was being written."""


def _sink(path: Path | None, rotation: Rotation | None) -> Sink:
    return StreamSink() if path is None else FileSink(Path(path), rotation)


def _install_sources(level: str) -> None:
    """Send everything a program logs to the process-wide log."""
    from mlmon.logging_config.sources.structlog_source import configure_structlog

    configure_structlog(current_log, level)  # also for a logger pickled into another process
    logging.basicConfig(level=level.upper(), handlers=[EventHandler(process_log)], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(capture=True)
    log_uncaught_exceptions()
    lifecycle.close_on_signals()
