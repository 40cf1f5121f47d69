"""Events kept one by one, where a dataset has few: their fields, and their hours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlmon.analyzers.base.profile_key import SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window, floor, from_milliseconds, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

E = TypeVar("E")

EVENT_STEP = HOUR
_DATES = ("@timestamp", "event.ingested")


def field_of(source: Mapping[str, Any], name: str) -> Any:
    """Return a field written flat, as our shipper does, or nested, as others do; None without."""
    if name in source:
        return source[name]
    found: Any = source
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def typed(fields: Iterable[str]) -> dict[str, Any]:
    """Return what a search asks for so that `first_values` finds these fields, and the dates.

    A line's source holds what its producer wrote, such as `"500"` or `[500]` in a field of numbers,
    which Elasticsearch takes for 500; `fields` returns it as the mapping has it.
    """
    dates = [{"field": name, "format": "epoch_millis"} for name in _DATES]
    return {"_source": False, "fields": [*dates, *fields]}


def first_values(hit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first value of each field that a hit of a `typed` search has, by dotted name."""
    return {
        name: iso(from_milliseconds(float(values[0]))) if name in _DATES else values[0]
        for name, values in hit.get("fields", {}).items()
    }


def family_of(source: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the fields `prefix.<name>` by name, written flat or nested."""
    flat = {
        name.removeprefix(f"{prefix}."): value
        for name, value in source.items()
        if name.startswith(f"{prefix}.")
    }
    nested = field_of(source, prefix)
    return (nested if isinstance(nested, dict) else {}) | flat


def by_hour(
    sources: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any], datetime], E]
) -> Iterator[tuple[Window, SourceWatermark, list[E]]]:
    """Yield each hour that holds events, what it was made from, and its events as they came.

    Args:
        sources: The events, in any order.
        read: Makes one from an event's source and its time.
    """
    hours: dict[datetime, list[tuple[E, SourceWatermark]]] = {}
    for source in sources:
        at = parse_time(source["@timestamp"])
        ingested = field_of(source, "event.ingested")
        known = SourceWatermark(1, parse_time(ingested) if ingested else None)
        hours.setdefault(floor(at, EVENT_STEP), []).append((read(source, at), known))
    for start, found in sorted(hours.items()):
        watermark = sum((known for _, known in found), SourceWatermark())
        yield Window(start, start + EVENT_STEP), watermark, [event for event, _ in found]
