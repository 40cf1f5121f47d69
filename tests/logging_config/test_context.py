"""Context follows the work: through requests, jobs, threads and tasks, and from tracers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace as opentelemetry

from mlmon.logging_config import EventLog, Model, context, current_trace_id, traceparent
from mlmon.logging_config.emit.ids import Span, parse_traceparent

Events = Callable[[], list[dict[str, Any]]]


def test_merging_and_clearing(log: EventLog, events: Events) -> None:
    """Nested contexts add to one another and end with their blocks; `fresh` forgets."""
    with context(request_id="r1", model=Model("m", "2"), shop="north") as trace_id:
        with context(run_id="run"):
            log.bid(bid_id="inner", prediction_id="p")
        with context(fresh=True):
            log.bid(bid_id="fresh", prediction_id="p")
        log.bid(bid_id="outer", prediction_id="p")
    log.bid(bid_id="outside", prediction_id="p")
    inner, fresh, outer, outside = events()
    assert inner["trace.id"] == outer["trace.id"] == trace_id
    assert inner["ml.job.run_id"] == "run"
    assert inner["ml.model.version"] == "2"
    assert inner["labels"] == {"shop": "north"}
    assert "ml.job.run_id" not in outer
    assert len({trace_id, fresh["trace.id"], outside["trace.id"]}) == 3
    assert "http.request.id" not in fresh
    assert "http.request.id" not in outside


def test_tasks_and_threads_carry_it(log: EventLog, events: Events) -> None:
    """Tasks of asyncio and its threads have their own context, inherited at their start."""

    async def work(name: str) -> None:
        with context(request_id=name):
            await asyncio.sleep(0)
            await asyncio.to_thread(log.bid, bid_id=name, prediction_id="p")

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    asyncio.run(both())
    assert {(event["ml.bid.id"], event["http.request.id"]) for event in events()} == {
        ("a", "a"), ("b", "b"),
    }  # fmt: skip


def test_opentelemetry(log: EventLog, events: Events) -> None:
    """Inside a span of OpenTelemetry its ids are the event's, in a context too."""
    ids = opentelemetry.SpanContext(0xABC, 0xDEF, is_remote=False)
    with opentelemetry.use_span(opentelemetry.NonRecordingSpan(ids)):
        log.bid(bid_id="1", prediction_id="p")
        with context():
            log.bid(bid_id="2", prediction_id="p")
        assert current_trace_id() == f"{0xABC:032x}"
    assert len(events()) == 2
    for event in events():
        assert event["trace.id"] == f"{0xABC:032x}"
        assert event["span.id"] == f"{0xDEF:016x}"


def test_traceparent_goes_round() -> None:
    """The header made for another service carries this trace."""
    with context() as trace_id:
        span = parse_traceparent(traceparent())
    assert span is not None
    assert span.trace_id == trace_id


@pytest.mark.parametrize(
    ("header", "span"),
    [
        # The first is the example of the W3C's specification, section 3.2.4.
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", True),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", False),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("", False),
    ],
)
def test_traceparent(header: str, span: bool) -> None:  # noqa: FBT001 -- a column of the table
    """Valid headers are read, invalid ones ignored, by the rules of W3C Trace Context."""
    expected = Span("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7") if span else None
    assert parse_traceparent(header) == expected


@given(st.text(max_size=80))
def test_any_header(header: str) -> None:
    """No header raises."""
    parse_traceparent(header)
