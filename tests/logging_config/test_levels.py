"""Levels by any name or number that other libraries use."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from mlmon.logging_config import ConfigurationError, EventLog, Service, configure
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import EventHandler

Events = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("INFO", "info"), ("warn", "warning"), ("Warning", "warning"), ("fatal", "critical"),
        ("exception", "error"), ("notset", "debug"), (logging.ERROR, "error"), (25, "info"),
    ],
)  # fmt: skip
def test_other_names_of_levels(log: EventLog, events: Events, level: Any, written: str) -> None:
    """A name in capitals, an alias or a number of `logging` raises nothing and is known."""
    log.app(level, "m", {})
    (event,) = events()
    assert event["log.level"] == written
    assert "labels" not in event


@pytest.mark.parametrize("level", ["loud", "", None, [1]])
def test_an_unknown_level_is_kept(log: EventLog, events: Events, level: Any) -> None:
    """The event is written as `info`, and shows what was given."""
    log.app(level, "m", {})
    (event,) = events()
    assert event["log.level"] == "info"
    assert event["labels"] == {"given_level": level}


@pytest.mark.parametrize("level", ["ERROR", None, 40.0, object()])
def test_a_level_that_a_filter_has_set(log: EventLog, events: Events, level: Any) -> None:
    """A record is written whatever its level is; by the handler and by the formatter."""
    record = logging.LogRecord("n", logging.INFO, __file__, 1, "m", (), None)
    record.levelno = level
    EventHandler(lambda: log).handle(record)
    (event,) = events()
    expected = "error" if level in ("ERROR", 40.0) else "info"
    assert event["log.level"] == expected
    assert json.loads(EventFormatter(service="s").format(record))["log.level"] == expected


def test_a_record_that_a_filter_puts_in_place_of_another(log: EventLog, events: Events) -> None:
    """As filters may from Python 3.12 on, such as one that returns a copy without a secret."""
    handler = EventHandler(lambda: log)
    given, other = (
        logging.LogRecord("n", logging.INFO, __file__, 1, text, (), None)
        for text in ("with a secret", "without")
    )
    handler.filter = lambda _: other  # type: ignore[assignment,method-assign,return-value]
    assert handler.handle(given)
    handler.filter = lambda _: False  # type: ignore[method-assign]
    assert not handler.handle(given)
    assert [event["message"] for event in events()] == ["without"]


def test_the_lowest_level_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    """What is neither a name nor a number of a level is refused at the start, like a wrong name."""
    for wrong in (None, "loud"):
        with pytest.raises(ConfigurationError, match="Unknown level"):
            configure(Service("s"), level=wrong)  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""
