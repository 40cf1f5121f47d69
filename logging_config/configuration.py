"""Set up a log: one of its own, or the process-wide one."""

import logging
import time
from pathlib import Path

from mlmon.logging_config.emit.envelope import LEVELS, Clock, Envelope
from mlmon.logging_config.emit.event_log import EventLog, Observer
from mlmon.logging_config.emit.ids import Ids
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.sampling import Sampling
from mlmon.logging_config.emit.service import Service
from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.sinks import lifecycle
from mlmon.logging_config.sinks.file_sink import FileSink, Sink, StreamSink
from mlmon.logging_config.sinks.queue_sink import Overflow, QueueSink
from mlmon.logging_config.sinks.rotation import Rotation
from mlmon.logging_config.sources import capture
from mlmon.logging_config.sources.stdlib import EventHandler

_process_log: EventLog | None = None


def open_log(
    service: Service,
    *,
    path: Path | None = None,
    clock: Clock = time.time_ns,
    entity_id: str | None = None,
    redaction: Redaction | None = None,
    sampling: Sampling | None = None,
    observers: tuple[Observer, ...] = (),
    strict: bool | None = None,
    sink: Sink | None = None,
) -> EventLog:
    """Open a log of its own: nothing global, each line written before the call returns.

    Args:
        service: the service.
        path: file to append to; None writes to standard output.
        clock: tells the time in nanoseconds since the epoch.
        entity_id: id of the process start; given, the ids the log makes are always the same.
        redaction: what to take out; the built-in keys and patterns when None.
        sampling: shares of traces whose features are written; all when None.
        observers: told of each accepted event, for example Prometheus counters.
        strict: raise on a value of a wrong type; None: only in the environment `development`.
        sink: takes the lines instead of a file.

    Raises:
        ConfigurationError: the file cannot be written or an argument is wrong.
    """
    envelope = Envelope(service, clock=clock, entity_id=entity_id, redaction=redaction)
    log = EventLog(
        envelope,
        sink or _sink(path, None),
        ids=Ids(entity_id),
        sampling=sampling,
        observers=observers,
        strict=service.environment == "development" if strict is None else strict,
    )
    lifecycle.watch(log)
    return log


def configure(
    service: Service,
    path: Path | None = None,
    *,
    level: str = "info",
    rotation: Rotation | None = None,
    queue_capacity: int = 32_768,
    overflow: Overflow = "drop",
    redaction: Redaction | None = None,
    sampling: Sampling | None = None,
    observers: tuple[Observer, ...] = (),
    strict: bool | None = None,
) -> EventLog:
    """Set up the process-wide log: structlog, Python's logging, warnings, uncaught exceptions.

    Lines are written by a thread of their own; at exit and on SIGTERM the queue is written out.

    Args:
        service: the service.
        path: file to append to; None writes to standard output.
        level: the least severe level written of what is logged freely.
        rotation: when to begin a new file; None leaves that to others.
        queue_capacity: lines that may wait for the disk.
        overflow: `drop` an event that finds the queue full, and count it; or `block` its caller.
        redaction: what to take out; the built-in keys and patterns when None.
        sampling: shares of traces whose features are written; all when None.
        observers: told of each accepted event, for example Prometheus counters.
        strict: raise on a value of a wrong type; None: only in the environment `development`.

    Raises:
        ConfigurationError: the file cannot be written or an argument is wrong; nothing is set up.
    """
    global _process_log
    if level.lower() not in LEVELS:
        raise ConfigurationError(f"Unknown level {level!r}.", f"Use one of: {', '.join(LEVELS)}.")
    queue = QueueSink(_sink(path, rotation), capacity=queue_capacity, overflow=overflow)
    log = open_log(
        service,
        redaction=redaction,
        sampling=sampling,
        observers=observers,
        strict=strict,
        sink=queue,
    )
    former, _process_log = _process_log, log
    _take_over(level.lower())
    if former is not None:
        former.close()
    return log


def process_log() -> EventLog:
    """The log that `configure` has set up.

    Raises:
        ConfigurationError: it has not been called.
    """
    if _process_log is None:
        raise ConfigurationError("There is no log yet.", "Call logging_config.configure first.")
    return _process_log


def _sink(path: Path | None, rotation: Rotation | None) -> Sink:
    return StreamSink() if path is None else FileSink(Path(path), rotation)


def _take_over(level: str) -> None:
    """Make everything a program emits arrive in the process-wide log."""
    from mlmon.logging_config.sources.structlog_source import use_for_structlog

    use_for_structlog(process_log, level)
    logging.basicConfig(level=level.upper(), handlers=[EventHandler(process_log)], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    capture.capture_warnings()
    capture.capture_uncaught()
    lifecycle.close_on_sigterm()
