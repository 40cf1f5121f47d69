"""The inputs that break the field's formatters: each peer's fate beside ours."""

import io
import json
import logging
import math
import re
from collections.abc import Callable
from typing import Any, Final

import ecs_logging
import numpy as np
import pytest
import structlog
from pythonjsonlogger.json import JsonFormatter

from mlmon.logging_config.sources.formatter import EventFormatter

Fate = str
"""`ok`, or what went wrong: `raises`, `lost`, `invalid`, `text` (a number became one), `accepted`,
`twice` (two keys that conflict in Elasticsearch), `nested` (against the specification)."""


def circular() -> dict[str, Any]:
    """A mapping that holds itself."""
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def is_invalid(line: str) -> bool:
    """Whether a strict parser refuses a line."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(line, parse_constant=refuse)
    except ValueError:
        return True
    return False


def flatten(event: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """An event's values by dotted name, whichever way it was written."""
    flat: dict[str, Any] = {}
    for name, value in event.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {}
        flat[f"{prefix}{name}"] = value
    return flat


def found(line: str, *names: str) -> Any:
    """The first of some names that a line has, looked for among its labels too."""
    flat = flatten(json.loads(line))
    for name in names:
        for place in (name, f"labels.{name}"):
            if place in flat:
                return flat[place]
    return None


def judge_number(line: str) -> Fate:
    """A number must stay a number."""
    return "ok" if isinstance(found(line, "x"), (int, float)) else "text"


def judge_list(line: str) -> Fate:
    """An array must stay a list of numbers."""
    return "ok" if found(line, "x") == [1.0, 2.0] else "text"


def judge_error(line: str) -> Fate:
    """`error` as a text beside `error.type` must not end as two conflicting keys."""
    event = json.loads(line)
    return "twice" if "error" in event and "error.type" in event else "ok"


def judge_spoof(line: str) -> Fate:
    """The time and level must be the log's own."""
    flat = flatten(json.loads(line))
    return "accepted" if "evil" in (flat.get("@timestamp"), flat.get("log.level")) else "ok"


def judge_labels(line: str) -> Fate:
    """A label's dots become `_`, as the specification of ecs-logging asks."""
    labels = json.loads(line).get("labels", {})
    return "ok" if labels.get("a_b") == "c" else "nested"


def judge_nothing(_: str) -> Fate:
    """A valid line is all that is asked."""
    return "ok"


INPUTS: Final[dict[str, tuple[dict[Any, Any], Callable[[str], Fate]]]] = {
    "nan": ({"x": math.nan}, judge_nothing),
    "infinity": ({"x": -math.inf}, judge_nothing),
    "numpy float": ({"x": np.float32(0.5)}, judge_number),
    "numpy array": ({"x": np.array([1.0, 2.0])}, judge_list),
    "error beside error.type": ({"error": "boom", "error.type": "ValueError"}, judge_error),
    "integer key": ({"x": {1: "a"}}, judge_nothing),
    "tuple key": ({"x": {(1, 2): "a"}}, judge_nothing),
    "circular": ({"x": circular()}, judge_nothing),
    "@timestamp": ({"@timestamp": "evil"}, judge_spoof),
    "log.level": ({"log.level": "evil"}, judge_spoof),
    "newline": ({"x": "a\nb"}, judge_nothing),
    "labels": ({"labels": {"a.b": "c"}}, judge_labels),
}


def by_formatter(formatter: logging.Formatter) -> Callable[[dict[Any, Any]], Fate | str]:
    """Log by Python's logging; a lost record is what `handleError` leaves."""

    def emit(fields: dict[Any, Any]) -> str:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        lost: list[logging.LogRecord] = []
        setattr(handler, "handleError", lost.append)  # noqa: B010 -- mypy forbids the assignment
        record = logging.LogRecord("torture", logging.INFO, __file__, 1, "torture", (), None)
        vars(record).update(fields)
        handler.handle(record)
        return "lost" if lost else stream.getvalue()

    return emit


def by_structlog(*processors: Any) -> Callable[[dict[Any, Any]], Fate | str]:
    """Log by structlog; what a processor raises, the caller gets."""

    def emit(fields: dict[Any, Any]) -> str:
        stream = io.StringIO()
        logger = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=list(processors),
            wrapper_class=structlog.BoundLogger,
        )
        logger.info("torture", **fields)
        return stream.getvalue()

    return emit


EMITTERS: Final = {
    "ours": by_formatter(EventFormatter(service="tortured")),
    "ecs stdlib": by_formatter(ecs_logging.StdlibFormatter()),
    "ecs structlog": by_structlog(ecs_logging.StructlogFormatter()),
    "python-json-logger": by_formatter(JsonFormatter()),
    "structlog": by_structlog(structlog.processors.JSONRenderer()),
}


def fate_of(emitter: str, name: str) -> Fate:
    """What becomes of one input in one formatter."""
    fields, judge = INPUTS[name]
    try:
        line = EMITTERS[emitter](fields)
    except Exception:  # noqa: BLE001 -- that it raises at all is the finding
        return "raises"
    if line == "lost":
        return line
    if line.count("\n") != 1 or is_invalid(line):
        return "invalid"
    return judge(line)


@pytest.mark.parametrize("name", INPUTS)
def test_ours(name: str) -> None:
    """Our formatter passes each input of the table."""
    assert fate_of("ours", name) == "ok"


# The fates published in the comparison of peers; `-` where the table says nothing.
PEERS: Final = """
                        ecs stdlib  ecs structlog  python-json-logger  structlog
nan                     invalid     invalid        invalid             invalid
infinity                invalid     invalid        invalid             invalid
numpy float             text        text           text                text
numpy array             text        text           text                text
error beside error.type lost        raises         twice               twice
integer key             ok          raises         ok                  ok
tuple key               ok          raises         lost                raises
circular                raises      raises         lost                raises
@timestamp              lost        accepted       accepted            accepted
log.level               lost        accepted       accepted            accepted
newline                 ok          ok             ok                  ok
labels                  nested      nested         -                   -
"""


def expected_fates() -> list[tuple[str, str, Fate]]:
    """The table's cells: emitter, input, fate."""
    header, *rows = PEERS.strip().splitlines()
    emitters = re.split(r"  +", header.strip())
    cells = [(row[:24].strip(), re.split(r" +", row[24:].strip())) for row in rows]
    return [
        (emitter, name, fate)
        for name, fates in cells
        for emitter, fate in zip(emitters, fates, strict=True)
        if fate != "-"
    ]


@pytest.mark.parametrize(("emitter", "name", "fate"), expected_fates())
def test_peers(emitter: str, name: str, fate: Fate) -> None:
    """Each peer fails where it is known to: if one is mended, the comparison must be too."""
    assert fate_of(emitter, name) == fate


def test_ours_marks_what_it_changed() -> None:
    """What could not be written as it was is named in the line."""
    fields = {"x": math.nan, "y": {(1, 2): "a"}, "z": circular(), "@timestamp": "evil"}
    changes = json.loads(str(EMITTERS["ours"](fields)))["ml.log.changes"]
    assert changes == ["nan:x", "key:y", "cycle:z.self", "reserved:@timestamp"]
