"""Context that follows the work: ids and labels merged into each event emitted inside it.

It is carried by `contextvars`, hence by asyncio tasks and by the thread pools of Starlette and
`asyncio.to_thread`; a plain thread starts without it.
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any, Final

from mlmon.logging_config.emit.ids import Id, Ids, is_id, trusted
from mlmon.logging_config.emit.service import Model
from mlmon.logging_config.emit.trace import Span, active_span

NAMES: Final = MappingProxyType(
    {
        "trace_id": "trace.id",
        "span_id": "span.id",
        "transaction_id": "transaction.id",
        "request_id": "http.request.id",
        "job": "ml.job.name",
        "run_id": "ml.job.run_id",
    }
)
"""Short names of the ids that follow the work."""

Fields = Mapping[str, Any]
_EMPTY: Final[Fields] = {}
_current: ContextVar[Fields] = ContextVar("logging_config", default=_EMPTY)
_ids = Ids()


class context:  # noqa: N801 -- it is used like a function
    """Merge fields into each event emitted inside the block; yields its trace id.

    The trace id is taken from the fields, the enclosing context, OpenTelemetry or Elastic APM,
    else made.

    Args:
        fresh: forget the enclosing context, as at the start of a request or a job.
        **fields: `trace_id`, `span_id`, `transaction_id`, `request_id`, `job`, `run_id`, `model`
            (a `Model`), or the dotted name of a field; any other name becomes a label.
            None is left out.
    """

    __slots__ = ("_fields", "_fresh", "_token")

    def __init__(self, *, fresh: bool = False, **fields: Any) -> None:
        self._fields = _named(fields)
        self._fresh = fresh

    def __enter__(self) -> str:
        self._token = enter(self._fields, fresh=self._fresh)
        trace_id: str = _current.get()["trace.id"]
        return trace_id

    def __exit__(self, *_: object) -> None:
        leave(self._token)


def enter(fields: Fields, *, fresh: bool = False) -> Token[Fields]:
    """Begin a context of fields under their dotted names; the answer goes to `leave`."""
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
    """End what `enter` began."""
    _current.reset(token)


def correlation(ids: Ids) -> Mapping[str, Any]:
    """The fields of the current context, with a trace id in any case.

    Args:
        ids: makes the trace id where there is neither a context nor an active span.
    """
    current = _current.get()
    if "trace.id" in current:
        return current
    span = active_span()
    return {"trace.id": ids.trace()} if span is None else span.to_fields()


def make_id() -> Id:
    """Make an id for a request or a run: 32 hexadecimal digits."""
    return _ids.trace()


def current_trace_id() -> str | None:
    """The trace the current work belongs to, None outside of any."""
    if trace_id := _current.get().get("trace.id"):
        return str(trace_id)
    span = active_span()
    return span.trace_id if span else None


def traceparent() -> str:
    """Make the W3C `traceparent` header that hands the current trace to another service."""
    return f"00-{current_trace_id() or _ids.trace()}-{_ids.span()}-01"


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in fields.items():
        if type(value) is Model:
            named |= {"ml.model.name": value.name, "ml.model.version": value.version}
        elif value is not None:
            named[NAMES.get(name, name)] = value
    return named


def _draw_anew() -> None:
    global _ids  # noqa: PLW0603 -- a forked child must not draw its parent's ids
    _ids = Ids()


os.register_at_fork(after_in_child=_draw_anew)
