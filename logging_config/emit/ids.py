"""Ids of traces, spans, runs and process starts: generated, or read from tracers and headers.

Sources: https://www.w3.org/TR/trace-context/ (32 lower-case hexadecimal digits, not all zero),
https://www.elastic.co/docs/reference/apm/agents/python/logs.
"""

import os
import random
import re
import sys
from typing import Any, Final, NamedTuple, TypeGuard
from weakref import WeakSet

from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.interruptions import is_interruption

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
# No token, address or credential has this form: they have longer runs, or other characters.
_HARMLESS: Final = re.compile(r"[0-9a-f]{32}|(?:[0-9A-Za-z]{1,15}[-_.:]){0,8}[0-9A-Za-z]{1,15}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class Id(str):
    """An id that is known to hold no secret, so that it is not searched again in each event."""

    __slots__ = ()


class Ids:
    """A generator of random ids; with a seed, always the same ids.

    It does not use Python's global generator: a service that calls `random.seed(0)` at start
    would otherwise generate the same ids after each start. A forked child generates ids of its own.
    """

    def __init__(self, seed: str | None = None) -> None:
        self._seed(os.urandom(32) if seed is None else seed)
        _generators.add(self)

    def _seed(self, seed: str | bytes) -> None:
        self._bits = random.Random(seed).getrandbits

    def trace(self) -> Id:
        """Return a new trace id: 32 hexadecimal digits, not all zero (W3C)."""
        return Id(f"{self._bits(128) or 1:032x}")

    def span(self) -> str:
        """Return a new span id: 16 hexadecimal digits, not all zero (W3C)."""
        return f"{self._bits(64) or 1:016x}"


_generators: Final[WeakSet[Ids]] = WeakSet()


def _seed_again() -> None:
    for generator in list(_generators):
        generator._seed(os.urandom(32))  # noqa: SLF001 -- its own module


os.register_at_fork(after_in_child=_seed_again)


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value is valid as an id: 1 to 128 letters, digits and `_.:-`."""
    return type(value) is str and _ID.fullmatch(value) is not None


def is_harmless(text: str) -> bool:
    """Whether an id's form alone shows that it holds no secret."""
    return _HARMLESS.fullmatch(text) is not None


def trusted(text: str) -> str:
    """Return the id as `Id` if it is harmless, else unchanged, to be searched in each event."""
    return Id(text) if is_harmless(text) else text


def make_entity_id() -> str:
    """Return a random id of a process start: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def check_entity_id(entity_id: str) -> str:
    """Return the id if it can be part of a document's id.

    Raises:
        ConfigurationError: it is not 1 to 128 letters, digits and `_.:-`.
    """
    if not is_id(entity_id):
        raise ConfigurationError(
            f"The entity id is {entity_id!r}.",
            "Give 1 to 128 letters, digits, '_', '.', ':' or '-', the first a letter or digit.",
        )
    return entity_id


class Span(NamedTuple):
    """The current position in a trace; an empty id is unknown."""

    trace_id: str
    span_id: str = ""
    transaction_id: str = ""

    def to_fields(self) -> dict[str, str]:
        """Return the known ids by field."""
        named = zip(("trace.id", "span.id", "transaction.id"), self, strict=True)
        return {name: value for name, value in named if value}


def parse_traceparent(header: str) -> Span | None:
    """Parse a W3C `traceparent` header; None if it is invalid, as the specification asks."""
    match = _TRACEPARENT.fullmatch(header.strip())
    if match is None or (match[1] == "00" and match[4]):
        return None
    return Span(Id(match[2]), Id(match[3]))


def active_span() -> Span | None:
    """Return the span of OpenTelemetry or Elastic APM, if the service has loaded one of them.

    A tracer that cannot answer, such as one that is being imported and logs, has no span.
    """
    for read_span in (_opentelemetry_span, _elastic_apm_span):
        try:
            span = read_span()
        except BaseException as raised:
            if is_interruption(raised):
                raise
        else:
            if span is not None:
                return span
    return None


def _opentelemetry_span() -> Span | None:
    module: Any = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    span = module.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return Span(Id(f"{span.trace_id:032x}"), Id(f"{span.span_id:016x}"))


def _elastic_apm_span() -> Span | None:
    module: Any = sys.modules.get("elasticapm")
    if module is None:
        return None
    trace_id = module.get_trace_id()
    if not is_id(trace_id):
        return None
    return Span(trace_id, module.get_span_id() or "", module.get_transaction_id() or "")
