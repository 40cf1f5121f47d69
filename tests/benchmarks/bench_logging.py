"""Time one event of 20 fields in this log and its peers, a stalled disk, and the middleware.

Usage: python -m tests.benchmarks.bench_logging [--rounds 15] [--write]

With --write the tables are written into docs/logging.md, too. Ratios are of the same run; each
figure is the best of the rounds, which take turns, so that what else the machine does weighs on all
alike. All write to the null device, one write an event.
"""

import argparse
import asyncio
import itertools
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import ecs_logging
import orjson
import structlog
from fastapi import FastAPI
from pythonjsonlogger.json import JsonFormatter
from pythonjsonlogger.orjson import OrjsonFormatter

from mlmon.logging_config import AccessLog, EventLog, Model, Service, context, open_log
from mlmon.logging_config.sinks.file_sink import FileSink
from mlmon.logging_config.sinks.queue_sink import QueueSink
from mlmon.logging_config.sources.stdlib import EventHandler
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger, merge_context
from tests.support.generated_block import machine, markdown_table, write_block

EVENTS = 2_000
MODEL = Model("autobid", "7")
FEATURES: dict[str, Any] = {
    "bid_price": 10.5, "hour": 13, "ctr_7d": 0.031, "ctr_30d": 0.029, "impressions": 120345,
    "wins_7d": 312, "budget_left": 1843.25, "days_active": 41, "country": "DE", "device": "mobile",
    "category": "IAB-12", "returning": True,
}  # fmt: skip
# With the ids of trace and request, 20 fields besides what each log adds by itself.
ID, ID_FIELD = "p-000001", "ml.prediction.id"
FIELDS: dict[str, Any] = {
    ID_FIELD: ID, "ml.model.name": "autobid", "ml.model.version": "7",
    "ml.prediction.score": 0.71, "ml.prediction.threshold": 0.5,
    "ml.prediction.decision": "approved",
    **{
        f"ml.features.{'numeric' if type(value) in (int, float) else 'categorical'}.{name}": value
        for name, value in FEATURES.items()
    },
}  # fmt: skip
IDS: dict[str, Any] = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "request_id": "req-000001"}
NULL = Path(os.devnull).open("wb", buffering=0)  # noqa: SIM115 -- as long as the process
BARE = "structlog with orjson, bare"
Emit = Callable[[], object]
Draw = Callable[[], str]


def main() -> None:
    """Print the tables, and write them into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="write them into docs/logging.md")
    options = parser.parse_args()
    text = "\n\n".join(
        [
            machine_and_event(options.rounds),
            compare(options.rounds),
            stall(),
            serve(options.rounds),
        ]
    )
    sys.stdout.write(f"{text}\n")
    if options.write:
        write_block("logging.md", "cost", text)


def machine_and_event(rounds: int) -> str:
    """Return what was measured, and on what."""
    return (
        f"One event of 20 fields, CPU of the calling thread, best of {rounds} rounds that took "
        f"turns ({machine()})."
    )


def compare(rounds: int) -> str:
    """Return what one event costs in each log.

    Once with the same event again and again, once with a new id in each event, which must be
    searched for secrets.
    """
    numbers = itertools.count()

    def draw() -> str:
        return f"p-{next(numbers):06d}"

    same = costs({**ours(lambda: ID), **peers(lambda: ID)}, rounds)
    new = costs({**ours(draw), **peers(draw)}, rounds)
    heading = ["log", "the same event, µs", "times bare structlog"]
    heading += ["a new id in each event, µs", "times bare structlog"]
    return markdown_table(
        heading,
        [
            [
                name,
                *(f"{same[name]:.1f}", f"{same[name] / same[BARE]:.2f}"),
                *(f"{new[name]:.1f}", f"{new[name] / new[BARE]:.2f}"),
            ]
            for name in sorted(same, key=lambda name: name != BARE)
        ],
    )


def ours(draw: Draw) -> dict[str, Emit]:
    """Our log by its helper, by structlog and by Python's logging."""
    return {
        "`log.prediction`, written at once": predict(open_at_once(), draw),
        "`log.prediction`, queued (`configure`)": predict(open_queued(), draw),
        "a structlog logger, at once": by_structlog(open_at_once(), draw),
        "a structlog logger, queued": by_structlog(open_queued(), draw),
        "Python's `logging`, queued": standard(EventHandler(open_queued_once), draw),
    }


def peers(draw: Draw) -> dict[str, Emit]:
    """What it is compared with; all write at once."""
    return {
        BARE: bare_structlog(draw),
        "python-json-logger with orjson": standard(to_null(OrjsonFormatter()), draw),
        "python-json-logger": standard(to_null(JsonFormatter()), draw),
        "ecs-logging, `StdlibFormatter`": standard(to_null(ecs_logging.StdlibFormatter()), draw),
    }


def costs(emitters: dict[str, Emit], rounds: int) -> dict[str, float]:
    """Return what an event costs by each emitter under a context of two ids, in µs."""
    with context(fresh=True, **IDS):
        structlog.contextvars.bind_contextvars(**IDS)
        return take_turns(emitters, rounds)


def take_turns(emitters: dict[str, Emit], rounds: int) -> dict[str, float]:
    """The best time of each emitter in µs of its thread's CPU, rounds taken in turns."""
    best = dict.fromkeys(emitters, float("inf"))
    for _ in range(rounds):
        for name, emit in emitters.items():
            began = time.thread_time()
            for _ in range(EVENTS):
                emit()
            best[name] = min(best[name], (time.thread_time() - began) / EVENTS * 1e6)
    return best


def predict(log: EventLog, draw: Draw) -> Emit:
    """Emit the event by the typed helper."""
    return lambda: log.prediction(
        prediction_id=draw(),
        model=MODEL,
        score=0.71,
        threshold=0.5,
        approved=True,
        features=FEATURES,
    )


def production() -> Service:
    """A service in production: ids, sequence, context and redaction on."""
    return Service("autobid-api", "1.4.0", "production")


def open_at_once() -> EventLog:
    """Our log, each line written before the call returns."""
    return open_log(production(), path=Path(os.devnull))


def open_queued() -> EventLog:
    """Our log as `configure` sets it up; the CPU of the writer's thread is not counted."""
    queue = QueueSink(FileSink(Path(os.devnull)), capacity=1_000_000)
    return open_log(production(), sink=queue)


@cache
def open_queued_once() -> EventLog:
    """The queued log that Python's logging looks up with each record."""
    return open_queued()


def by_structlog(log: EventLog, draw: Draw) -> Emit:
    """Emit the same fields by a structlog logger."""
    logger = EventLogger(Destination(lambda: log, "bench"), [merge_context], {})
    return lambda: logger.info("Prediction", **{**FIELDS, ID_FIELD: draw()})


def bare_structlog(draw: Draw) -> Emit:
    """Bare structlog: its context, level, time and orjson, and nothing else."""
    logger = structlog.wrap_logger(
        structlog.BytesLogger(NULL),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind()
    return lambda: logger.info("Prediction", **{**FIELDS, ID_FIELD: draw()})


def to_null(formatter: logging.Formatter) -> logging.Handler:
    """A handler that writes to the null device with a formatter."""
    handler = logging.FileHandler(os.devnull)
    handler.setFormatter(formatter)
    return handler


def standard(handler: logging.Handler, draw: Draw) -> Emit:
    """Python's logging with a handler."""
    logger = logging.getLogger(f"bench.{id(handler)}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    ids = {"trace.id": IDS["trace_id"], "http.request.id": IDS["request_id"]}
    return lambda: logger.info("Prediction", extra={**FIELDS, **ids, ID_FIELD: draw()})


class StalledSink(FileSink):
    """A disk that stalls half a second at each batch."""

    def write(self, lines: bytes) -> int:
        """Write the lines, late."""
        time.sleep(0.5)
        return super().write(lines)


def stall() -> str:
    """Return how long a caller waits, also where the disk stalls."""
    rows = []
    for name, kind in (
        ("a call, disk working", FileSink),
        ("a call, each write stalled for half a second", StalledSink),
    ):
        queue = QueueSink(kind(Path(os.devnull)), capacity=1_000_000)
        waits = waits_of(predict(open_log(production(), sink=queue), lambda: ID))
        rows.append([name, *(f"{wait:.0f} µs" for wait in waits)])
    return markdown_table(["", "p50", "p99", "p99.9"], rows)


def waits_of(emit: Emit) -> tuple[float, float, float]:
    """How long 20,000 calls take, some thousand a second: p50, p99, p99.9, in µs."""
    waits = []
    for _ in range(20_000):
        began = time.perf_counter()
        emit()
        waits.append((time.perf_counter() - began) * 1e6)
        time.sleep(0.0002)
    waits.sort()
    return waits[10_000], waits[19_800], waits[19_980]


def serve(rounds: int) -> str:
    """Return what the middleware adds to a request of FastAPI."""
    log = open_log(production(), path=Path(os.devnull))
    apps: dict[str, Any] = {"without": endpoint(), "with": AccessLog(endpoint(), log)}
    best = dict.fromkeys(apps, float("inf"))
    for _ in range(rounds):
        for name, app in apps.items():
            best[name] = min(best[name], asyncio.run(requests(app)))
    added = best["with"] - best["without"]
    return (
        f"The middleware adds {added:.0f} µs to a request of FastAPI ({best['without']:.0f} µs "
        "without it)."
    )


def endpoint() -> FastAPI:
    """An application with one endpoint."""
    app = FastAPI()

    @app.get("/x")
    async def answer() -> dict[str, int]:
        return {"x": 1}

    return app


async def requests(app: Any, count: int = 300) -> float:
    """Send requests without a server; µs of CPU each."""
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "path": "/x", "raw_path": b"/x", "root_path": "", "scheme": "http", "query_string": b"",
        "headers": [(b"traceparent", trace)], "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        assert message["type"].startswith("http.response")

    began = time.thread_time()
    for _ in range(count):
        await app(dict(scope), receive, send)
    return (time.thread_time() - began) / count * 1e6


if __name__ == "__main__":
    main()
