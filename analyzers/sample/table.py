"""Sampled predictions as a table, the way pandas, Evidently and NannyML take them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mlmon.analyzers.base.window import FIRST, from_milliseconds, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ID = "ml.prediction.id"
TIME = "@timestamp"
PLAIN = (
    TIME,
    ID,
    "ml.model.name",
    "ml.model.version",
    "ml.prediction.score",
    "ml.prediction.threshold",
    "ml.prediction.decision",
)
LABEL, VALUE = "ml.outcome.label", "ml.outcome.value"
_PLAIN_KINDS: Mapping[str, pa.DataType] = {
    TIME: pa.timestamp("us", tz="UTC"),
    "ml.prediction.score": pa.float64(),
    "ml.prediction.threshold": pa.float64(),
}
_FEATURES = "ml.features."
_KINDS: Mapping[str, pa.DataType] = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "embedding": pa.list_(pa.float64()),
}


def row_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prediction's event as a row; features are keyed by their type and name.

    Values are what Elasticsearch takes them for, of a list the first; what it could not take for
    one of the column's type is missing.
    """
    row = {name: _one(event.get(name), _PLAIN_KINDS.get(name, pa.string())) for name in PLAIN}
    for field, value in event.items():
        if field.startswith(_FEATURES):
            kind, _, name = field.removeprefix(_FEATURES).partition(".")
            if kind in _KINDS and name:
                row[f"{kind} {name}"] = _one(value, _KINDS[kind])
    return row


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table; a feature logged as two types is two columns, named with its type."""
    ordered = sorted(rows, key=lambda row: (row[TIME] or FIRST, row[ID] or ""))
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in ordered], _PLAIN_KINDS.get(name, pa.string()))
        for name in PLAIN
    }
    features = sorted({name for row in ordered for name in row if name.split(" ")[0] in _KINDS})
    names = [feature.partition(" ")[2] for feature in features]
    for feature in features:
        kind, _, name = feature.partition(" ")
        title = name if names.count(name) == 1 else f"{name} ({kind})"
        columns[title] = pa.array([row.get(feature) for row in ordered], _KINDS[kind])
    columns[LABEL] = pa.array([row.get(LABEL) for row in ordered], pa.bool_())
    columns[VALUE] = pa.array([row.get(VALUE) for row in ordered], pa.float64())
    return pa.table(columns)


def _one(value: Any, kind: pa.DataType) -> Any:
    """Return a value as one of a column's type, None where it is none."""
    if kind == _KINDS["embedding"]:
        numbers = isinstance(value, list) and all(
            isinstance(number, int | float) for number in value
        )
        return value if numbers else None
    first = value[0] if isinstance(value, list) and value else value
    if first is None or isinstance(first, list | dict):
        return None
    with suppress(ValueError):
        if kind == pa.float64():
            return float(first)
        if kind == _PLAIN_KINDS[TIME]:
            return from_milliseconds(first) if isinstance(first, int) else parse_time(first)
    if kind != pa.string():
        return None
    return str(first).lower() if isinstance(first, bool) else str(first)
