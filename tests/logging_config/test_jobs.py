"""Jobs: an event at start and end of each run, and the run's ids on all in between."""

import asyncio
import contextlib
import csv
import itertools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
import schedule
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.schedulers.background import BackgroundScheduler

from mlmon.logging_config import (
    EventLog,
    Model,
    context,
    current_run,
    current_trace_id,
    job,
    job_run,
)

Events = Callable[[], list[dict[str, Any]]]


def test_a_run(log: EventLog, events: Events) -> None:
    """A run's events share its ids; its end has duration and records; no request leaks in."""
    with context(request_id="r"), job_run("train", log=log) as run:
        log.model_event(action="train", succeeded=True, model=Model("m", "2"))
        run.records = 10
    started, trained, ended = events()
    assert [event["event.action"] for event in (started, trained, ended)] == [
        "started", "train", "ended",
    ]  # fmt: skip
    assert {event["ml.job.run_id"] for event in (started, trained, ended)} == {run.run_id}
    assert len({event["trace.id"] for event in (started, trained, ended)}) == 1
    assert ended["event.outcome"] == "success"
    assert ended["ml.job.records"] == 10
    assert ended["event.duration"] > 0
    assert "http.request.id" not in started
    assert current_run() is None


def test_a_failed_run(log: EventLog, events: Events) -> None:
    """A run that raises ends as a failure with its error, and the exception goes on."""
    with pytest.raises(ValueError, match="no data"), job_run("assemble", log=log):
        raise ValueError("no data")
    _, ended = events()
    assert ended["event.outcome"] == "failure"
    assert ended["log.level"] == "error"
    assert ended["error.message"] == "no data"


def test_the_decorator(log: EventLog, events: Events) -> None:
    """A decorated function keeps its result and name, and reaches its run."""

    @job("count", log=log)
    def count(upto: int) -> int:
        """Count."""
        run = current_run()
        assert run is not None
        run.records = upto
        return upto

    assert count(3) == 3
    assert count.__name__ == "count"
    assert events()[1]["ml.job.records"] == 3


def test_coroutines(log: EventLog, events: Events) -> None:
    """A decorated coroutine function is logged from its start to its end."""

    @job("wait", log=log)
    async def wait() -> str:
        await asyncio.sleep(0)
        log.bid(bid_id="b", prediction_id="p")
        return "done"

    assert asyncio.run(wait()) == "done"
    assert [event["event.dataset"] for event in events()] == ["ml.job", "ml.bid", "ml.job"]


def test_schedule(log: EventLog, events: Events) -> None:
    """A job of the `schedule` library is logged at each run, under a new id."""
    scheduler = schedule.Scheduler()

    @job("tick", log=log)
    def tick() -> None:
        """Do nothing."""

    scheduler.every().hour.do(tick)
    scheduler.run_all()
    scheduler.run_all()
    runs = {event["ml.job.run_id"] for event in events()}
    assert len(events()) == 4
    assert len(runs) == 2


def test_apscheduler(log: EventLog, events: Events) -> None:
    """Jobs of APScheduler are logged in its threads, each run under a trace of its own."""
    scheduler = BackgroundScheduler()
    ended: SimpleQueue[str] = SimpleQueue()
    scheduler.add_listener(
        lambda event: ended.put(event.job_id), EVENT_JOB_EXECUTED | EVENT_JOB_ERROR
    )

    @job("refresh", log=log)
    def refresh() -> None:
        """Emit within the run."""
        log.fallback(source="stats")

    @job("train", log=log)
    def train() -> None:
        """Fail."""
        raise ValueError("no data")

    for function in (refresh, train):
        scheduler.add_job(function, id=function.__name__)
    scheduler.start()
    assert {ended.get(timeout=30), ended.get(timeout=30)} == {"refresh", "train"}
    scheduler.shutdown()
    traces = {event["ml.job.name"]: event["trace.id"] for event in events()}
    assert len(set(traces.values())) == 2
    for name, outcomes in (("refresh", [None, None, "success"]), ("train", [None, "failure"])):
        run = [event for event in events() if event["trace.id"] == traces[name]]
        assert [event.get("event.outcome") for event in run] == outcomes
        assert {event["ml.job.name"] for event in run} == {name}


def outcomes(events: Events) -> list[Any]:
    """The actions and outcomes of the job's events, in order."""
    return [event.get("event.outcome", event["message"]) for event in events()]


def test_a_generator_is_judged_by_its_run(log: EventLog, events: Events) -> None:
    """The run of a generator starts with its first item, and ends with its last."""

    @job("rows", log=log)
    def rows(upto: int) -> Iterator[int]:
        for number in range(upto):
            log.bid(bid_id=str(number), prediction_id="p")
            yield number

    generator = rows(2)
    assert events() == []
    assert current_trace_id() is None
    assert next(generator) == 0
    assert current_run() is None
    assert current_trace_id() is None
    assert list(generator) == [1]
    assert outcomes(events) == ["job rows started", "bid 0 placed", "bid 1 placed", "success"]
    assert len({event["trace.id"] for event in events()}) == 1
    assert len({event["ml.job.run_id"] for event in events()}) == 1


def test_a_generator_that_fails(log: EventLog, events: Events) -> None:
    """A generator that raises, or is closed before its end, is a failed run."""

    @job("rows", log=log)
    def rows() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(rows())
    early = rows()
    next(early)
    early.close()
    failed = [event for event in events() if event["event.action"] == "ended"]
    assert [event["event.outcome"] for event in failed] == ["failure", "failure"]
    assert [event["error.type"] for event in failed] == ["ValueError", "GeneratorExit"]


def test_generators_keep_their_protocol(log: EventLog) -> None:
    """`send`, `throw` and the return value reach and leave a decorated generator."""

    @job("echo", log=log)
    def echo() -> Any:
        received = yield "first"
        try:
            yield received
        except KeyError:
            yield "thrown"
        return "returned"

    generator = echo()
    assert [next(generator), generator.send("sent"), generator.throw(KeyError("k"))] == [
        "first", "sent", "thrown",
    ]  # fmt: skip
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "returned"


def iterators() -> list[Any]:
    """Iterators whose third item raises."""

    class Own:
        def __init__(self) -> None:
            self.left = [1, 1, 0]

        def __iter__(self) -> "Own":
            return self

        def __next__(self) -> float:
            return 1 / self.left.pop(0)

    def divide(number: int) -> float:
        return 1 / number

    numbers = [1, 1, 0]
    return [
        map(divide, numbers), filter(divide, numbers), zip(map(divide, numbers), strict=False),
        enumerate(map(divide, numbers)), itertools.chain(map(divide, numbers)),
        itertools.takewhile(divide, numbers), Own(),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(7))
def test_an_iterator_that_is_returned_is_judged_by_its_run(
    log: EventLog, events: Events, number: int
) -> None:
    """The run of a job that returns an iterator ends where that does, or fails."""
    items = job("j", log=log)(lambda: iterators()[number])()
    assert len(events()) == 1
    next(items)
    next(items)
    with pytest.raises(ZeroDivisionError):
        next(items)
    _, end = events()
    assert (end["event.outcome"], end["error.type"]) == ("failure", "ZeroDivisionError")


def test_the_end_of_an_iterator(log: EventLog, events: Events) -> None:
    """Exhausted or never asked for an item it is a success, dropped half-way a failure."""
    double = job("j", log=log)(lambda: map(abs, [1, 2]))
    assert list(double()) == [1, 2]
    double()
    next(double())
    outcomes = [event["event.outcome"] for event in events() if "event.outcome" in event]
    assert outcomes == ["success", "success", "failure"]


def test_a_result_that_is_more_than_an_iterator_is_unchanged(
    log: EventLog, events: Events, tmp_path: Path
) -> None:
    """A file, a reader of CSV, a list and a range are returned as they are."""
    (tmp_path / "file").write_text("a")
    with (tmp_path / "file").open() as file:
        for result in (file, csv.reader(file), [1], range(2)):
            assert job("j", log=log)(lambda result=result: result)() is result
    assert [event.get("event.outcome") for event in events()] == [None, "success"] * 4


def test_an_asynchronous_generator(log: EventLog, events: Events) -> None:
    """The run of an asynchronous generator ends with it, too."""

    @job("rows", log=log)
    async def rows(*, fail: bool) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        if fail:
            raise ValueError("no more")
        yield 2

    async def read(*, fail: bool) -> list[int]:
        return [number async for number in rows(fail=fail)]

    assert asyncio.run(read(fail=False)) == [1, 2]
    with pytest.raises(ValueError, match="no more"):
        asyncio.run(read(fail=True))
    assert outcomes(events) == ["job rows started", "success", "job rows started", "failure"]


def test_work_that_is_returned(log: EventLog, events: Events) -> None:
    """A function that returns a coroutine, a generator or a future is judged when that ends."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("in the coroutine")

    with pytest.raises(ValueError, match="in the coroutine"):
        asyncio.run(job("coroutine", log=log)(partial(fail))())
    with pytest.raises(ZeroDivisionError):
        list(job("generator", log=log)(lambda: (1 / 0 for _ in range(1)))())
    future: Future[None] = Future()
    assert job("future", log=log)(lambda: future)() is future
    assert len(events()) == 5
    future.set_exception(ValueError("in the future"))
    with ThreadPoolExecutor() as pool:
        job("thread", log=log)(lambda: pool.submit(lambda: 1))().result()
    ended = {
        event["ml.job.name"]: event["event.outcome"]
        for event in events()
        if "event.outcome" in event
    }
    assert ended == {
        "coroutine": "failure", "generator": "failure", "future": "failure", "thread": "success",
    }  # fmt: skip


@pytest.mark.parametrize(("code", "outcome"), [(0, "success"), (None, "success"), (3, "failure")])
def test_a_job_that_exits(log: EventLog, events: Events, code: Any, outcome: str) -> None:
    """`sys.exit(0)` ends a run successfully, any other code does not."""
    with contextlib.suppress(SystemExit), job_run("exit", log=log):
        sys.exit(code)
    assert events()[1]["event.outcome"] == outcome


class Pending:
    """Can be awaited and entered, as a request of aiohttp."""

    def __await__(self) -> Iterator[Any]:
        return iter(())

    async def __aenter__(self) -> str:
        return "entered"

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


class Plain:
    """Can only be awaited."""

    def __await__(self) -> Iterator[Any]:
        yield from asyncio.sleep(0).__await__()
        raise ValueError("awaited")


class Refusing(Future[None]):
    """A future that takes no callback."""

    def add_done_callback(self, *_: object) -> None:
        """Refuse it."""
        raise RuntimeError


def test_a_result_that_can_do_more_is_returned_unchanged(log: EventLog, events: Events) -> None:
    """An object that is awaitable and more, a mock or a refusing future is the function's own."""

    async def enter() -> str:
        async with job("pending", log=log)(Pending)() as entered:
            return str(entered)

    assert asyncio.run(enter()) == "entered"
    for result in (MagicMock(), Mock(spec=Future), Refusing()):
        assert job("mock", log=log)(lambda result=result: result)() is result
    assert [event.get("event.outcome") for event in events()] == [None, "success"] * 4


def test_a_plain_awaitable_is_judged_when_it_was_awaited(log: EventLog, events: Events) -> None:
    """An object that can only be awaited is the run's work, as a coroutine is."""

    async def wait() -> None:
        await job("plain", log=log)(Plain)()

    with pytest.raises(ValueError, match="awaited"):
        asyncio.run(wait())
    assert outcomes(events) == ["job plain started", "failure"]
