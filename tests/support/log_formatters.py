"""Inputs that break log formatters, and what ours and its peers make of each."""

import io
import json
import logging
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import ecs_logging
import numpy as np
import structlog
from pythonjsonlogger.json import JsonFormatter

from mlmon.logging_config.sources.formatter import EventFormatter

Result = str
"""`ok`, or what went wrong: `raises`, `lost`, `invalid`, `text` (a number became one), `accepted`,
`twice` (two keys that conflict in Elasticsearch), `nested` (not as specified), `leaked`,
`large`."""


def circular() -> dict[str, Any]:
    """A mapping that holds itself."""
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def nested(levels: int) -> Any:
    """A mapping within a mapping, many times."""
    value: Any = 1
    for _ in range(levels):
        value = {"x": value}
    return value


class Disguised:
    """Raises when it is asked for its class."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise RuntimeError


class Unreadable:
    """Raises when it is to be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


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


def judge_number(line: str) -> Result:
    """A number must stay a number."""
    return "ok" if isinstance(found(line, "x"), (int, float)) else "text"


def judge_list(line: str) -> Result:
    """An array must stay a list of numbers."""
    return "ok" if found(line, "x") == [1.0, 2.0] else "text"


def judge_error(line: str) -> Result:
    """`error` as a text next to `error.type` must not end as two conflicting keys."""
    event = json.loads(line)
    return "twice" if "error" in event and "error.type" in event else "ok"


def judge_spoof(line: str) -> Result:
    """The time, level, id and service must be the log's own."""
    flat = flatten(json.loads(line))
    own = ("@timestamp", "log.level", "event.id", "service.name")
    return "accepted" if "evil" in map(flat.get, own) else "ok"


def judge_size(line: str) -> Result:
    """A line over 1 MiB is one that shippers cut or refuse."""
    return "large" if len(line.encode()) > 1 << 20 else "ok"


def judge_labels(line: str) -> Result:
    """A label's dots become `_`, as the specification of ecs-logging asks."""
    labels = json.loads(line).get("labels", {})
    return "ok" if labels.get("a_b") == "c" else "nested"


def judge_secret(line: str) -> Result:
    """A secret must not be written."""
    return "leaked" if "S3cr3t" in line else "ok"


def judge_nothing(_: str) -> Result:
    """A valid line is all that is asked."""
    return "ok"


INPUTS: Final[dict[str, tuple[dict[Any, Any], Callable[[str], Result]]]] = {
    "nan": ({"x": math.nan}, judge_nothing),
    "infinity": ({"x": -math.inf}, judge_nothing),
    "numpy float": ({"x": np.float32(0.5)}, judge_number),
    "numpy array": ({"x": np.array([1.0, 2.0])}, judge_list),
    "decimal": ({"x": Decimal("1.5")}, judge_number),
    "set": ({"x": {1, 2}}, judge_nothing),
    "error beside error.type": ({"error": "boom", "error.type": "ValueError"}, judge_error),
    "integer key": ({"x": {1: "a"}}, judge_nothing),
    "tuple key": ({"x": {(1, 2): "a"}}, judge_nothing),
    "circular": ({"x": circular()}, judge_nothing),
    "@timestamp": ({"@timestamp": "evil"}, judge_spoof),
    "log.level": ({"log.level": "evil"}, judge_spoof),
    "event.id": ({"event.id": "evil"}, judge_spoof),
    "service.name": ({"service.name": "evil"}, judge_spoof),
    "newline": ({"x": "a\nb"}, judge_nothing),
    "labels": ({"labels": {"a.b": "c"}}, judge_labels),
    "bytes": ({"x": b"\xff"}, judge_nothing),
    "lone surrogate": ({"x": "\ud800"}, judge_nothing),
    "integer of 5,000 digits": ({"x": 10**5000}, judge_nothing),
    "text of 2 MiB": ({"x": "a" * (2 << 20)}, judge_size),
    "repr that raises": ({"x": Unreadable()}, judge_nothing),
    "class that raises": ({"x": Disguised()}, judge_nothing),
    "nested 2,000 deep": ({"x": nested(2000)}, judge_nothing),
    "secret in a header": ({"headers": {"Cookie": "S3cr3t"}}, judge_secret),
    "secret in header pairs": ({"headers": [("Authorization", "Token S3cr3t")]}, judge_secret),
    "secret in JSON text": ({"body": '{"user": {"password": "S3cr3t"}}'}, judge_secret),
    "secret in a URL": ({"url": "postgres://app:S3cr3t/@x@db/shop"}, judge_secret),
}


def by_formatter(formatter: logging.Formatter) -> Callable[[dict[Any, Any]], Result | str]:
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


def by_structlog(*processors: Any) -> Callable[[dict[Any, Any]], Result | str]:
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


def result_of(emitter: str, name: str) -> Result:
    """Return what one formatter makes of one input."""
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
