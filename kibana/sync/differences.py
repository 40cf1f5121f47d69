"""Where what Kibana has differs from what it was given: Kibana fills in defaults of its own.

Every key of ours has to have our value. Other keys of Kibana (looks, times, owners) are ignored,
unless they change a query: those differ when they hold anything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MEANINGFUL = frozenset(
    {
        "alerts_filter",
        "breakdown_by",
        "drilldowns",
        "filter",
        "filterKuery",
        "filters",
        "metrics",
        "query",
        "runtimeFieldMap",
        "sourceFilters",
        "splitAccessor",
        "time_range",
        "timeRange",
    }
)
REDACTED = "::es_redacted::"
"""Watcher's placeholder of a secret."""
_EMPTY_QUERIES = (
    {"query": "", "language": "kuery"},
    {"expression": "", "language": "kql"},
    {"expression": ""},
)
_JSON_SUFFIX = "JSON"
_JSON_STRINGS = frozenset({"fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"})


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each difference, with what stands there and what would."""
    ours, theirs = _decoded(path, ours), _decoded(path, theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _of_objects(ours, theirs, path)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{path}: {len(theirs)} → {len(ours)} entries"
            return
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(mine, other, f"{path}/{_name(mine, index)}")
    elif theirs not in (ours, REDACTED):
        yield f"{path}: {_short(theirs)} → {_short(ours)}"


def _of_objects(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> Iterator[str]:
    for key, value in ours.items():
        if key in theirs:
            yield from differences(value, theirs[key], f"{path}/{key}")
        elif not _is_empty(value):
            yield f"{path}/{key}: absent → {_short(value)}"
    for key in sorted((theirs.keys() - ours.keys()) & MEANINGFUL):
        if not _is_empty(_decoded(key, theirs[key])):
            yield f"{path}/{key}: {_short(theirs[key])} → absent"


def _decoded(path: str, value: Any) -> Any:
    """Return the value of a string that holds JSON by its name."""
    name = path.rpartition("/")[2]
    if isinstance(value, str) and (name.endswith(_JSON_SUFFIX) or name in _JSON_STRINGS):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _is_empty(value: Any) -> bool:
    """Whether a value is what its absence means as well."""
    return value in (None, "", [], {}) or value is False or value in _EMPTY_QUERIES


def _name(entry: Any, index: int) -> str:
    """Return what an entry of a list is called: its own id, else its index."""
    if isinstance(entry, dict):
        return str(entry.get("panelIndex") or entry.get("id") or index)
    return str(index)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - a line of a terminal
