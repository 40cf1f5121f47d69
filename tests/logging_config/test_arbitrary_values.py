"""Whatever Python value is thrown at an entry point, a valid line comes out and nothing is lost."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from inspect import Parameter, isfunction, signature
from pathlib import PurePosixPath
from typing import Any, NoReturn
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.logging_config import (
    AccessLog,
    EventLog,
    FeatureSource,
    Model,
    context,
    job_run,
    publish_evaluation,
    set_error_code,
)
from mlmon.logging_config.emit.event_encoder import LOG_LEVELS
from mlmon.logging_config.sources.asgi import Receive, Scope, Send
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import EventHandler
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger, merge_context

COMMON = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    BROKEN = float("nan")


class Hostile:
    """Raises from every method the log might call."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(name)

    def __repr__(self) -> NoReturn:
        raise RuntimeError

    def __eq__(self, other: object) -> NoReturn:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> NoReturn:
        raise RuntimeError


class HostileMapping(Mapping[str, int]):
    """A mapping that breaks while it is read."""

    def __getitem__(self, key: str) -> int:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        yield "a"
        raise RuntimeError

    def __len__(self) -> int:
        return 2


class LyingText(str):
    """A text whose methods raise."""

    __slots__ = ()

    def __str__(self) -> NoReturn:
        raise RuntimeError

    def __len__(self) -> NoReturn:
        raise RuntimeError


def cycle() -> list[Any]:
    """A list that holds itself."""
    items: list[Any] = [1]
    items.append(items)
    return items


def deep(levels: int) -> Any:
    """A mapping within a mapping, many times."""
    value: Any = "bottom"
    for _ in range(levels):
        value = {"down": value}
    return value


TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(
    ["\ud800", "a\x00b", "\u2028", "line\nbreak\r", "x" * 1_100, "null", "NaN"]
)
ODD: list[Any] = [
    Colour.RED,
    Colour.BROKEN,
    Hostile(),
    HostileMapping(),
    LyingText("lying"),
    Exception("boom"),
    object(),
    print,
    int,
    np.float32(0.5),
    np.float64("nan"),
    np.longdouble(1) / 3,
    np.int8(-3),
    np.bool_(True),  # noqa: FBT003 -- numpy's constructor takes no name
    np.datetime64("2026-01-01"),
    np.array([1.0, np.nan]),
    np.zeros((2, 2)),
    np.array(["a"]),
    np.array({"a": 1}),
    pd.NA,
    pd.NaT,
    pd.Timestamp("2026-01-01", tz="UTC"),
    pd.Series([1, 2]),
    Decimal("1E+999999"),
    Decimal("sNaN"),
    Fraction(10**400, 3),
    10**5000,
    PurePosixPath("/a"),
    FeatureSource("fresh"),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    cycle(),
    deep(300),
    range(9),
    (number for number in range(3)),
    memoryview(b"ab"),
    UUID(int=0),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**1100),
    st.floats(),
    TEXTS,
    st.binary(max_size=20),
    st.decimals(),
    st.fractions(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.timedeltas(),
    st.uuids(),
    st.complex_numbers(),
    # Not sampled_from, which would read the values it offers.
    st.integers(0, len(ODD) - 1).map(lambda index: ODD[index]),
)
KEYS = st.one_of(
    TEXTS,
    st.integers(),
    st.none(),
    st.floats(),
    st.tuples(st.integers()),
    st.sampled_from(
        [
            "@timestamp",
            "event.id",
            "event",
            "service",
            "service.name",
            "labels",
            "error",
            "error.type",
            "ml.features.numeric.a.b",
            "ml.features.numeric.",
            "ml.prediction.score",
            "ml.log.changes",
            "trace.id",
            "password",
            Colour.RED,
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(st.integers(), max_size=3)
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVALUATIONS = st.fixed_dictionaries(
    {
        "model": JSON | st.fixed_dictionaries({"name": JSON, "version": JSON}),
        "metrics": JSON | st.dictionaries(st.text(), JSON, max_size=3),
    }
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["event_", "exc_info", "stack_info", "@timestamp", "service.name", "error", "a.b", "password"]
)


@COMMON
@given(
    fields=st.dictionaries(KEYS, VALUES, max_size=6),
    message=VALUES,
    level=st.sampled_from(LOG_LEVELS),
)
def test_free_events(
    fields: dict[Any, Any],
    message: Any,
    level: str,
    new_memory: Any,
    open_memory_log: Any,
    check: Any,
) -> None:
    """Any mapping and any message make one valid line."""
    memory = new_memory()
    log = open_memory_log(memory)
    event_id = log.app(level, message, fields)
    (line,) = memory.lines
    assert check(line)["event.id"] == event_id


HELPERS = {
    name: [
        parameter.name
        for parameter in signature(method).parameters.values()
        if parameter.kind is Parameter.KEYWORD_ONLY
    ]
    for name, method in vars(EventLog).items()
    if isfunction(method)
    and name[0] != "_"
    and name != "app"
    and signature(method).return_annotation is str
}
"""The arguments of each typed method, as it declares them."""
assert {"prediction", "job_ended"} <= HELPERS.keys()


@pytest.mark.parametrize("helper", HELPERS)
@settings(COMMON, max_examples=20)
@given(data=st.data())
def test_typed_helpers(
    helper: str, data: st.DataObject, new_memory: Any, open_memory_log: Any, check: Any
) -> None:
    """In production a helper called with any values makes one valid line."""
    memory = new_memory()
    log = open_memory_log(memory)
    arguments = {name: data.draw(VALUES, name) for name in HELPERS[helper]}
    event_id = getattr(log, helper)(**arguments)
    (line,) = memory.lines
    assert check(line)["event.id"] == event_id


@COMMON
@given(
    features=st.dictionaries(KEYS, VALUES, max_size=6),
    sources=st.dictionaries(KEYS, st.builds(FeatureSource, VALUES, VALUES, VALUES), max_size=3),
)
def test_features_and_sources(
    features: dict[Any, Any],
    sources: dict[Any, Any],
    new_memory: Any,
    open_memory_log: Any,
    check: Any,
) -> None:
    """Features and sources of any name and value make one valid line."""
    memory = new_memory()
    open_memory_log(memory).prediction(
        prediction_id="p", model=Model("m", "1"), score=0.5, approved=True,
        features=features, sources=sources,
    )  # fmt: skip
    (line,) = memory.lines
    assert check(line)["ml.prediction.score"] == 0.5


@COMMON
@given(
    message=VALUES,
    args=st.lists(VALUES, max_size=3),
    extra=st.dictionaries(NAMES, VALUES, max_size=4),
)
def test_standard_library(
    message: Any,
    args: list[Any],
    extra: dict[str, Any],
    new_memory: Any,
    open_memory_log: Any,
    check: Any,
) -> None:
    """A record of Python's logging with any message, arguments and attributes makes one line."""
    memory = new_memory()
    log = open_memory_log(memory)
    record = logging.LogRecord("any", logging.INFO, __file__, 1, message, tuple(args), None)
    vars(record).update(extra)
    EventHandler(lambda: log).handle(record)
    assert [check(line)["event.sequence"] for line in memory.lines] == [1]


@COMMON
@given(message=VALUES, extra=st.dictionaries(NAMES, VALUES, max_size=4))
def test_formatter(message: Any, extra: dict[str, Any], check: Any) -> None:
    """The formatter makes one valid line of any record."""
    formatter = EventFormatter(service="tested")
    record = logging.LogRecord("any", logging.INFO, __file__, 1, message, (), None)
    vars(record).update(extra)
    check(formatter.format(record).encode() + b"\n")


@COMMON
@given(
    message=VALUES,
    args=st.lists(VALUES, max_size=2),
    fields=st.dictionaries(NAMES, VALUES, max_size=4),
    level=st.sampled_from([*LOG_LEVELS, "exception", "warn", "fatal", "msg"]),
)
def test_structlog(
    message: Any, args: list[Any], fields: dict[str, Any], level: str,
    new_memory: Any, open_memory_log: Any, check: Any,
) -> None:  # fmt: skip
    """A structlog logger called with anything makes one valid line."""
    memory = new_memory()
    log = open_memory_log(memory)
    logger = EventLogger(Destination(lambda: log, "any"), [merge_context], {})
    getattr(logger, level)(message, *args, **fields)
    asyncio.run(logger.ainfo(message, *args, **fields))
    assert [check(line)["event.sequence"] for line in memory.lines] == [1, 2]


@COMMON
@given(fields=st.dictionaries(NAMES, VALUES, max_size=4), trace_id=VALUES)
def test_context(
    fields: dict[str, Any], trace_id: Any, new_memory: Any, open_memory_log: Any, check: Any
) -> None:
    """A context of anything is merged into a valid line, whose trace id is the one announced."""
    memory = new_memory()
    log = open_memory_log(memory)
    fields = {name: value for name, value in fields.items() if name not in ("fresh", "trace_id")}
    with context(trace_id=trace_id, **fields) as announced:
        log.bid(bid_id="b", prediction_id="p")
    (line,) = memory.lines
    assert check(line)["trace.id"] == announced


@COMMON
@given(
    method=NAMES,
    path=TEXTS,
    headers=st.dictionaries(
        st.sampled_from([b"traceparent", b"x-request-id", b"other"]), st.binary(max_size=60)
    ),
    status=st.none() | st.integers(-1, 2000),
    error_code=VALUES,
)
def test_middleware(
    method: str, path: str, headers: dict[bytes, bytes], status: int | None, error_code: Any,
    new_memory: Any, open_memory_log: Any, check: Any,
) -> None:  # fmt: skip
    """Any request, answered with any status or none, makes one valid line."""
    memory = new_memory()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        set_error_code(error_code)
        if status is not None:
            await send({"type": "http.response.start", "status": status})

    async def ignore(*_: Any) -> Any:
        """Take what the application sends."""

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers.items())}
    asyncio.run(AccessLog(app, open_memory_log(memory))(scope, ignore, ignore))
    (line,) = memory.lines
    check(line)


@COMMON
@given(name=VALUES, records=VALUES, text=VALUES)
def test_jobs(
    name: Any, records: Any, text: Any, new_memory: Any, open_memory_log: Any, check: Any
) -> None:
    """A run of any name and records that fails with anything makes two valid lines."""
    memory = new_memory()
    with contextlib.suppress(ValueError), job_run(name, log=open_memory_log(memory)) as run:
        run.records = records
        raise ValueError(text)
    started, ended = (check(line) for line in memory.lines)
    assert started["trace.id"] == ended["trace.id"]


@COMMON
@given(content=st.binary(max_size=50) | EVALUATIONS.map(lambda value: json.dumps(value).encode()))
def test_evaluations(
    content: bytes, tmp_path_factory: Any, new_memory: Any, open_memory_log: Any, check: Any
) -> None:
    """A file of any content makes one valid line."""
    path = tmp_path_factory.mktemp("model") / "evaluation_metrics.json"
    path.write_bytes(content)
    memory = new_memory()
    publish_evaluation(path, log=open_memory_log(memory))
    (line,) = memory.lines
    check(line)


@settings(COMMON, max_examples=10)
@given(
    batches=st.lists(
        st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=5), min_size=4, max_size=4
    )
)
def test_threads(
    batches: list[list[dict[Any, Any]]], new_memory: Any, open_memory_log: Any, check: Any
) -> None:
    """Events of many threads are all there, each with a number of its own."""
    memory = new_memory()
    log: EventLog = open_memory_log(memory)

    def emit(batch: list[dict[Any, Any]]) -> list[str]:
        return [log.app("info", "threaded", fields) for fields in batch]

    with ThreadPoolExecutor(len(batches)) as pool:
        ids = [event_id for emitted in pool.map(emit, batches) for event_id in emitted]
    assert sorted(check(line)["event.id"] for line in memory.lines) == sorted(ids)
    assert len(set(ids)) == sum(map(len, batches))


@COMMON
@given(value=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_stay(value: float, new_memory: Any, open_memory_log: Any, check: Any) -> None:
    """A number within double's range comes back as the same number, of the same type."""
    memory = new_memory()
    open_memory_log(memory).app("info", "number", {"value": value})
    written = check(memory.lines[0])["labels"]["value"]
    assert written == value
    assert type(written) is type(value)


def test_hostile_keys(new_memory: Any, open_memory_log: Any, check: Any) -> None:
    """A key that raises when it is read costs neither the event nor its other fields."""
    memory = new_memory()
    open_memory_log(memory).app("info", "hostile", {Hostile(): 1, "good": 2, "low": {Hostile(): 3}})
    assert check(memory.lines[0])["labels"]["good"] == 2
