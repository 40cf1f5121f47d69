"""Trace ids: read from W3C traceparent, OpenTelemetry or Elastic APM, else made.

Sources: https://www.w3.org/TR/trace-context/ (32 lower-case hexadecimal digits, not all zero),
https://www.elastic.co/docs/reference/apm/agents/python/logs.
"""

import re
import sys
from typing import Any, Final, NamedTuple

from mlmon.logging_config.emit.ids import Id

_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class Span(NamedTuple):
    """Where the current work stands in a trace; empty ids are unknown."""

    trace_id: str
    span_id: str = ""
    transaction_id: str = ""

    def to_fields(self) -> dict[str, str]:
        """The ids that are known, by field."""
        named = zip(("trace.id", "span.id", "transaction.id"), self, strict=True)
        return {name: value for name, value in named if value}


def parse_traceparent(header: str) -> Span | None:
    """Read a W3C `traceparent` header; None if it is not valid, as the specification asks."""
    match = _TRACEPARENT.fullmatch(header.strip())
    if match is None or (match[1] == "00" and match[4]):
        return None
    return Span(Id(match[2]), Id(match[3]))


def active_span() -> Span | None:
    """The span of OpenTelemetry or Elastic APM, if the service has loaded one and it is tracing."""
    return _opentelemetry_span() or _elastic_apm_span()


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
    if not trace_id:
        return None
    return Span(trace_id, module.get_span_id() or "", module.get_transaction_id() or "")
