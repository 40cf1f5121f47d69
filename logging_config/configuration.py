"""Set up a log: one of its own, or the process-wide one."""

import time
from pathlib import Path

from logging_config.envelope import Clock, Envelope
from logging_config.event_log import EventLog, Observer
from logging_config.ids import Ids
from logging_config.redaction import Redaction
from logging_config.sampling import Sampling
from logging_config.service import Service
from logging_config.sink import FileSink, Sink, StreamSink


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

    Raises:
        ConfigurationError: the file cannot be written or an argument is wrong.
    """
    envelope = Envelope(service, clock=clock, entity_id=entity_id, redaction=redaction)
    sink: Sink = StreamSink() if path is None else FileSink(Path(path))
    return EventLog(
        envelope,
        sink,
        ids=Ids(entity_id),
        sampling=sampling,
        observers=observers,
        strict=service.environment == "development" if strict is None else strict,
    )
