"""Exceptions of the program pass through the log; those of a value do not."""

import asyncio
import json
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from httpx import ASGITransport, AsyncClient, Response

from mlmon.logging_config import AccessLog, EventLog, Model, context, job_run
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import EventHandler
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger

Events = Callable[[], list[dict[str, Any]]]

LIMITED = """
    import functools, logging, signal, sys, structlog
    from pathlib import Path
    from mlmon.logging_config import Model, Service, configure, open_log
    class SoftTimeLimitExceeded({base}):
        pass
    class Handler:
        def __call__(self, number, frame):
            raise SoftTimeLimitExceeded
    def stop(number, frame):
        raise SoftTimeLimitExceeded
    handlers = [
        stop, Handler(), lambda *args: stop(*args),
        functools.partial(lambda n, f, x: stop(n, f), x=1),
    ]
    service = Service("limited", "1", "production")
    log = {log}
    features = {{"f%d" % number: float(number) for number in range(30)}}
    features["odd"] = [1, {{"a": set()}}]
    def prediction():
        log.prediction(prediction_id="p", model=Model("m", "1"), score=0.5, approved=True,
                       features=features)
    logger, bound = logging.getLogger("stdlib"), structlog.get_logger()
    calls = [prediction, lambda: logger.info("m %s", {{1, 2}}), lambda: bound.info("m", a={{1, 2}})]
    reached = 0
    for attempt in range(48):
        signal.signal(signal.SIGALRM, handlers[attempt % 4])
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        try:
            for _ in range(100_000):
                calls[attempt % {calls}]()
        except SoftTimeLimitExceeded:
            reached += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    log.close()
    print(reached)
"""


@pytest.mark.parametrize("base", ["Exception", "TimeoutError", "RuntimeError", "BaseException"])
@pytest.mark.parametrize(
    ("log", "calls"),
    [
        ("configure(service, Path(sys.argv[1]))", 3),
        ("open_log(service, path=Path(sys.argv[1]))", 1),
    ],
)
def test_a_time_limit_reaches_the_caller(tmp_path: Path, base: str, log: str, calls: int) -> None:
    """The exception of a signal handler, as of Celery's soft time limit, always passes the log."""
    script = textwrap.dedent(LIMITED).format(base=base, log=log, calls=calls)
    path = tmp_path / "log.jsonl"
    command = [sys.executable, "-c", script, str(path)]
    ended = run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) == 48
    with path.open() as lines:
        assert all(json.loads(line)["event.id"] for line in lines)


SET_BY_A_THREAD = """
    import ctypes, sys, threading, time
    from pathlib import Path
    from mlmon.logging_config import Model, Service, open_log
    class TimeLimitExceeded({base}):
        pass
    log = open_log(Service("limited", "1", "production"), path=Path(sys.argv[1]))
    main = threading.get_ident()
    def interrupt():
        time.sleep(0.02)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(main), ctypes.py_object(TimeLimitExceeded))
    reached = 0
    for _ in range(20):
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            for _ in range(100_000):
                log.app("info", "m", {{"a": {{1, 2}}}})
        except TimeLimitExceeded:
            reached += 1
        thread.join()
    print(reached)
"""


@pytest.mark.parametrize("base", ["Exception", "BaseException"])
def test_an_exception_set_by_another_thread(tmp_path: Path, base: str) -> None:
    """A time limit that a thread sets, as Dramatiq's, ends the caller and not a value.

    Where it arrives in the standard library's code below the log, it may still be taken for a
    value's: a few of twenty.
    """
    script = textwrap.dedent(SET_BY_A_THREAD).format(base=base)
    command = [sys.executable, "-c", script, str(tmp_path / "log.jsonl")]
    ended = run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) >= 15


class PanicError(BaseException):
    """Derived like `pyo3_runtime.PanicException`, which a value written in Rust raises."""


class Raises:
    """Raises a given exception from its own methods."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error

    __str__ = __format__ = __repr__  # type: ignore[assignment]


def calls(log: EventLog) -> dict[str, Callable[[Any], object]]:
    """Ways to log a value."""
    handler = EventHandler(lambda: log)
    formatter = EventFormatter(service="s")
    bound = EventLogger(Destination(lambda: log), [], {})
    model = Model("m", "1")

    def record(value: Any) -> Any:
        from logging import LogRecord

        made = LogRecord("n", 20, "p", 1, "m %s", (value,), None)
        made.extra = value
        return made

    return {
        "app": lambda value: log.app("info", "m", {"a": value, "b": [value], "c": {value: 1}}),
        "message": lambda value: log.app("info", value, {}),
        "feature": lambda value: log.prediction(
            prediction_id=value, model=model, score=value, approved=True, features={"a": value}
        ),
        "access": lambda value: log.access(method=value, path=value, status_code=value),
        "stdlib": lambda value: handler.emit(record(value)),
        "formatter": lambda value: formatter.format(record(value)),
        "structlog": lambda value: bound.info("m %s", value, a=value),
        "error": lambda value: log.app("info", "m", {}) and bound.error("m", exc_info=Error(value)),
    }


class Error(Exception):
    """An exception whose text is a value."""

    def __str__(self) -> str:
        return str(self.args[0])


@pytest.mark.parametrize(
    "way",
    ["app", "message", "feature", "access", "stdlib", "formatter", "structlog", "error"],
)
@pytest.mark.parametrize(
    "error", [PanicError("panicked"), PanicError(), Exception(), TimeoutError()]
)
def test_a_value_that_panics(log: EventLog, way: str, error: BaseException) -> None:
    """A value whose methods raise anything, also beyond `Exception`, is written as unreadable."""
    calls(log)[way](Raises(error))


def test_a_value_that_panics_is_named(log: EventLog, events: Events) -> None:
    """The event has the value's type, and says that it could not be read."""
    log.app("info", "m", {"a": Raises(PanicError("panicked")), "b": 1})
    (event,) = events()
    assert event["labels"] == {"a": "<unreadable Raises>", "b": 1}
    assert event["ml.log.changes"] == ["repr:a"]


@pytest.mark.parametrize("way", ["app", "message", "stdlib", "formatter", "structlog"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_the_end_of_the_program_passes(log: EventLog, way: str, error: type[BaseException]) -> None:
    """What ends a task or the process is raised, also where a value's method raises it."""
    with pytest.raises(error):
        calls(log)[way](Raises(error()))


def test_the_reading_of_frames_is_no_signal_handler() -> None:
    """A method that looks at its caller's frame, and fails, is still a value's."""

    class Curious:
        def __repr__(self) -> str:
            caller = sys._getframe(1)
            raise ValueError(caller.f_lineno)

    with pytest.raises(ValueError, match=r"\d+") as raised:
        repr(Curious())
    assert not is_interruption(raised.value)

    def handle(number: int, frame: Any) -> None:
        raise ValueError(number, frame)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(ValueError, match="frame") as raised:
            signal.raise_signal(signal.SIGUSR1)
        assert is_interruption(raised.value)
    finally:
        signal.signal(signal.SIGUSR1, before)


def rows_in_context(_: EventLog) -> Iterator[str]:
    """Yields inside a context."""
    with context(tenant="t"):
        yield "1"
        yield "2"


def rows_of_a_run(log: EventLog) -> Iterator[str]:
    """Yields inside a run of a job."""
    with job_run("export", log=log):
        yield "1"
        yield "2"


@pytest.mark.parametrize("rows", [rows_in_context, rows_of_a_run])
def test_a_generator_resumed_elsewhere(
    log: EventLog, events: Events, rows: Callable[[EventLog], Iterator[str]]
) -> None:
    """A generator whose steps run in several contexts ends, and leaves nothing behind."""
    generator = rows(log)
    for _ in range(2):
        copy_context().run(next, generator)
    assert copy_context().run(next, generator, "end") == "end"
    log.app("info", "after", {})
    assert "tenant" not in events()[-1].get("labels", {})
    assert "ml.job.name" not in events()[-1]
    outcomes = [event["event.outcome"] for event in events() if "event.outcome" in event]
    assert outcomes == (["success"] if rows is rows_of_a_run else [])


@pytest.mark.parametrize("rows", [rows_in_context, rows_of_a_run])
def test_a_streamed_response_with_a_context(
    log: EventLog, events: Events, rows: Callable[[EventLog], Iterator[str]]
) -> None:
    """A response streamed from a pool of threads, with a context for each step, is complete."""
    app = FastAPI()
    app.add_middleware(AccessLog, log=log)

    @app.get("/rows")
    def stream() -> StreamingResponse:
        return StreamingResponse(rows(log))

    async def ask() -> Response:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
            return await client.get("/rows")

    assert asyncio.run(ask()).text == "12"
    (access,) = [event for event in events() if event["event.dataset"] == "ml.access"]
    assert access["http.response.status_code"] == 200
    assert access["log.level"] == "info"


def test_an_asynchronous_generator_that_is_dropped(log: EventLog, events: Events) -> None:
    """The event loop closes it in a context of its own, without an error; its run has failed."""
    problems: list[dict[str, Any]] = []

    async def rows() -> AsyncIterator[int]:
        with context(tenant="t"), job_run("export", log=log):
            yield 1
            yield 2

    async def first() -> int:
        asyncio.get_running_loop().set_exception_handler(lambda _, given: problems.append(given))
        async for number in rows():
            return number
        return 0

    assert asyncio.run(first()) == 1
    assert problems == []
    assert events()[-1]["event.outcome"] == "failure"
