"""Rules for a Lens panel by value: its columns exist, are used rightly, and ask existing fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.kibana.emit.lens.columns import RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.kibana.lint.bundle import Bundle

Found = tuple[str, str]
_ACCESSORS = {
    "metricAccessor",
    "xAccessor",
    "yAccessor",
    "valueAccessor",
    "splitAccessor",
    "forAccessor",
    "columnId",
}
_LISTS = {"accessors"}
_WITHOUT_FIELD = {"formula", "math", "static_value"}


def lens_problems(attributes: Mapping[str, Any], bundle: Bundle) -> Iterator[Found]:
    """Yield (path, message) of what is wrong with a Lens panel's attributes."""
    layers = attributes["state"]["datasourceStates"]["formBased"]["layers"]
    views = {reference["name"]: reference["id"] for reference in attributes["references"]}
    everything: set[str] = set()
    for name, layer in layers.items():
        everything |= layer["columns"].keys()
        view = views.get(f"indexpattern-datasource-layer-{name}")
        if view is None or view not in bundle.patterns:
            yield f"/{name}", "has no reference to a data view"
            continue
        yield from _layer(name, layer, view, bundle)
    for id_ in sorted(set(_used(attributes["state"]["visualization"])) - everything):
        yield "/visualization", f"draws the column {id_}, which no layer has"


def _layer(name: str, layer: Mapping[str, Any], view: str, bundle: Bundle) -> Iterator[Found]:
    columns = layer["columns"]
    if sorted(layer["columnOrder"]) != sorted(columns):
        yield f"/{name}", "columnOrder and columns differ"
    buckets = [columns[id_]["isBucketed"] for id_ in layer["columnOrder"] if id_ in columns]
    if buckets != sorted(buckets, reverse=True):
        yield f"/{name}", "measures stand before axes in columnOrder"
    for id_, column in columns.items():
        for message in _column(column, columns, view, bundle):
            yield f"/{name}/{id_}", message


def _column(
    column: Mapping[str, Any], columns: Mapping[str, Any], view: str, bundle: Bundle
) -> Iterator[str]:
    kind, field = column["operationType"], column.get("sourceField", "")
    if kind == "count" and not field:
        yield f"a count needs the field {RECORDS}"
    asked = kind not in _WITHOUT_FIELD and field not in {"", RECORDS}
    if asked and not bundle.has_field(view, field):
        yield f"{field} is in no index template of {view}"
    for id_ in column.get("references", []):
        if id_ not in columns:
            yield f"refers to the column {id_}, which is not there"
    order = column.get("params", {}).get("orderBy", {})
    ranked_by = columns.get(order.get("columnId"), {})
    if order.get("type") == "column" and (not ranked_by or ranked_by["isBucketed"]):
        yield f"is ranked by {order['columnId']}, which is no measure"
    if ranked_by.get("operationType") in {"formula", "last_value", "math"}:
        yield f"is ranked by a {ranked_by['operationType']}, which Lens cannot"


def _used(drawn: Any) -> Iterator[str]:
    """Yield every column that a visualization names."""
    if isinstance(drawn, dict):
        for key, value in drawn.items():
            if key in _ACCESSORS and isinstance(value, str):
                yield value
            elif key in _LISTS:
                yield from value
            else:
                yield from _used(value)
    elif isinstance(drawn, list):
        for each in drawn:
            yield from _used(each)
