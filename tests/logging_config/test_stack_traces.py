"""Stack traces of exceptions and of calls."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from mlmon.logging_config import EventLog
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import ContextFilter, EventHandler
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger

Events = Callable[[], list[dict[str, Any]]]


def log_by(source: str, log: EventLog, capture: Callable[[dict[str, Any]], None]) -> None:
    """Log an exception together with the stack of the call, by one of the sources."""
    logger = logging.getLogger("stacks")
    logger.propagate = False
    handler: logging.Handler = EventHandler(lambda: log)
    if source == "formatter":
        handler = logging.Handler()
        formatter = EventFormatter(service="s")
        handler.emit = lambda record: capture(json.loads(formatter.format(record)))  # type: ignore[method-assign]
    if source == "filter":
        handler.addFilter(ContextFilter())
    logger.handlers = [handler]
    try:
        int("broken")
    except ValueError:
        if source == "structlog":
            EventLogger(Destination(lambda: log), [], {}).exception("m", stack_info=True)
        else:
            logger.exception("m", stack_info=True)


@pytest.mark.parametrize("source", ["structlog", "handler", "filter", "formatter"])
def test_an_exception_and_the_stack_of_the_call(log: EventLog, events: Events, source: str) -> None:
    """Both are written, the exception's first, as `logging` prints them."""
    formatted: list[dict[str, Any]] = []
    log_by(source, log, formatted.append)
    [event] = events() + formatted
    exception, stack = event["error.stack_trace"].split("\nStack (most recent call last):")
    assert exception.splitlines()[-1].startswith("ValueError: ")
    assert "in log_by" in stack
    assert event["error.type"] == "ValueError"


def raise_from_itself() -> None:
    """Raise an exception that is its own cause."""
    error = ValueError("broken")
    raise error from error


def raise_from_group() -> None:
    """Raise a member of a group, whose context is the group again."""
    group = ExceptionGroup("group", [ValueError("broken")])
    try:
        raise group
    except ExceptionGroup as caught:
        raise caught.exceptions[0]  # noqa: B904 -- the context is what matters


def raise_in_a_circle() -> None:
    """Raise an exception whose cause has it as cause."""
    error, other = ValueError("broken"), KeyError("other")
    error.__cause__, other.__cause__ = other, error
    raise error


@pytest.mark.parametrize("fail", [raise_from_itself, raise_from_group, raise_in_a_circle])
def test_chains_of_exceptions_that_lead_back(
    log: EventLog, events: Events, fail: Callable[[], None]
) -> None:
    """As Starlette's middleware makes them; each exception is written, and the line is bounded."""
    try:
        fail()
    except ValueError:
        logger = logging.getLogger("circles")
        logger.handlers = [EventHandler(lambda: log)]
        logger.propagate = False
        logger.exception("m")
    (event,) = events()
    assert event["error.stack_trace"].endswith("ValueError: broken\n")
    assert len(event["error.stack_trace"]) < 5_000
