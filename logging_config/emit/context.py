"""Context of the current work: ids and labels that are added to each event logged inside it.

It is stored in `contextvars`: asyncio tasks, `asyncio.to_thread` and Starlette's thread pool
inherit it; a plain thread starts without it.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any, Final, TypeVar

from mlmon.logging_config.emit.ids import Id, Ids, Span, active_span, is_id, trusted
from mlmon.logging_config.emit.service import Model
from mlmon.logging_config.interruptions import is_interruption

FIELD_NAMES: Final = MappingProxyType(
    {
        "trace_id": "trace.id",
        "span_id": "span.id",
        "transaction_id": "transaction.id",
        "request_id": "http.request.id",
        "job": "ml.job.name",
        "run_id": "ml.job.run_id",
    }
)
"""Field names of the short names of `context`."""

_T = TypeVar("_T")
Fields = Mapping[str, Any]
_EMPTY: Final[Fields] = {}
_current: ContextVar[Fields] = ContextVar("logging_config", default=_EMPTY)
_ids: Final = Ids()


class context:  # noqa: N801 -- used like a function
    """Add fields to each event logged inside the block; yields the trace id.

    The trace id comes from the fields, the enclosing context, OpenTelemetry or Elastic APM; else it
    is random.

    Args:
        fresh: ignore the enclosing context, as at the start of a request or a job.
        **fields: `trace_id`, `span_id`, `transaction_id`, `request_id`, `job`, `run_id`, `model`
            (a `Model`), or the dotted name of a field; any other name becomes a label.
            None is ignored.
    """

    __slots__ = ("_fields", "_fresh", "_token")

    def __init__(self, *, fresh: bool = False, **fields: Any) -> None:
        self._fields = _with_field_names(fields)
        self._fresh = fresh

    def __enter__(self) -> str:
        self._token = enter(self._fields, fresh=self._fresh)
        trace_id: str = _current.get()["trace.id"]
        return trace_id

    def __exit__(self, *_: object) -> None:
        leave(self._token)


def enter(fields: Fields, *, fresh: bool = False) -> Token[Fields]:
    """Enter a context of fields by dotted name; pass the returned token to `leave`."""
    merged = {**fields} if fresh else {**_current.get(), **fields}
    trace_id = merged.get("trace.id")
    if type(trace_id) is not Id:
        if is_id(trace_id):
            merged["trace.id"] = trusted(trace_id)
        else:
            merged |= {} if trace_id is None else {"given_trace_id": trace_id}
            merged |= (active_span() or Span(_ids.trace())).to_fields()
    return _current.set(merged)


def leave(token: Token[Fields]) -> None:
    """Leave the context that `enter` began."""
    reset(_current, token)


def reset(variable: ContextVar[_T], token: Token[_T]) -> None:
    """Give a context variable the value it had before; no effect in another `Context`.

    The steps of a generator may run in one each: Starlette streams a response from a pool of
    threads, and a generator that is dropped is closed by the event loop. What was set in the first
    step's does not exist in that of the last.
    """
    try:
        variable.reset(token)
    except ValueError as raised:
        if is_interruption(raised):
            raise


def correlation_fields(ids: Ids) -> Mapping[str, Any]:
    """Return the fields of the current context; a trace id is always among them.

    Args:
        ids: generates the trace id where there is neither a context nor an active span.
    """
    current = _current.get()
    if "trace.id" in current:
        return current
    span = active_span()
    return {"trace.id": ids.trace()} if span is None else span.to_fields()


def current_fields() -> Fields:
    """Return the fields of the current context."""
    return _current.get()


def make_id() -> Id:
    """Return a new id of a request or a run: 32 hexadecimal digits."""
    return _ids.trace()


def current_trace_id() -> str | None:
    """Return the current trace id; None outside a context and a span."""
    if trace_id := _current.get().get("trace.id"):
        return str(trace_id)
    span = active_span()
    return span.trace_id if span else None


def traceparent() -> str:
    """Return a W3C `traceparent` header that continues the current trace in another service."""
    return f"00-{current_trace_id() or _ids.trace()}-{_ids.span()}-01"


def _with_field_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in fields.items():
        if type(value) is Model:
            named |= {"ml.model.name": value.name, "ml.model.version": value.version}
        elif value is not None:
            named[FIELD_NAMES.get(name, name)] = value
    return named
