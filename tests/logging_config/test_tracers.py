"""Tracers whose ids an event takes, and which may be half imported or replaced."""

import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from mlmon.logging_config import EventLog, context
from mlmon.logging_config.sources.stdlib import EventHandler

Events = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize("tracer", ["opentelemetry.trace", "elasticapm", "structlog.contextvars"])
@pytest.mark.parametrize("module", [ModuleType("half"), MagicMock(), None])
def test_a_tracer_that_cannot_answer(
    monkeypatch: pytest.MonkeyPatch, log: EventLog, events: Events, tracer: str, module: Any
) -> None:
    """A tracer that logs while it is imported, or a stand-in of tests, costs no event."""
    monkeypatch.setitem(sys.modules, tracer, module)
    log.app("info", "m", {})
    log.bid(bid_id="b", prediction_id="p")
    with context(request_id="r"):
        log.app("info", "m", {})
    EventHandler(lambda: log).handle(logging.LogRecord("n", 20, __file__, 1, "m", (), None))
    written = events()
    assert [event["event.sequence"] for event in written] == [1, 2, 3, 4]
    assert all(len(event["trace.id"]) == 32 for event in written)
    assert not any("ml.log.changes" in event for event in written)
