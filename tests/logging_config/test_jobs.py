"""Jobs: an event at start and end of each run, and the run's ids on all in between."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
import schedule
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.schedulers.background import BackgroundScheduler

from mlmon.logging_config import EventLog, Model, context, current_run, job, job_run

Events = Callable[[], list[dict[str, Any]]]


def test_a_run(log: EventLog, events: Events) -> None:
    """A run's events share its ids; its end tells duration and records; no request leaks in."""
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
