"""Hits read from their columns: several times faster than from their source, and typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATES = frozenset({"@timestamp", "event.created", "event.ingested"})


def doc_values(fields: Iterable[str]) -> list[Any]:
    """Return the `docvalue_fields` of a search for these fields."""
    return [{"field": name, "format": "epoch_millis"} if name in DATES else name for name in fields]


def read_values(hit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first value of each field the hit has; times to the millisecond."""
    return {
        name: from_milliseconds(float(values[0])) if name in DATES else values[0]
        for name, values in hit.get("fields", {}).items()
    }
