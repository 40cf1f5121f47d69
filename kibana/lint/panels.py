"""Rules for panels by value: Lens, Vega, and links in Markdown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mlmon.kibana.emit.lens.columns import RECORDS
from mlmon.kibana.lint.bundle import kql_fields, search_fields
from mlmon.kibana.lint.lens_keys import key_problems

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
_VIEW: Final = re.compile(r"\(#/view/([^)?]+)")


def lens_problems(attributes: Mapping[str, Any], bundle: Bundle) -> Iterator[Found]:
    """Yield (path, message) of what is wrong with a Lens panel's attributes."""
    yield from key_problems(attributes)
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
        for message in bundle.missing(view, kql_fields(attributes["state"]["query"]["query"])):
            yield "/query", message
    for layer in attributes["state"]["visualization"].get("layers", []):
        if layer["layerType"] == "annotations":
            yield from _marks(layer, views, bundle)
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


def _marks(layer: Mapping[str, Any], views: Mapping[str, str], bundle: Bundle) -> Iterator[Found]:
    """Yield what is wrong with a layer of events."""
    name = layer["layerId"]
    view = views.get(f"xy-visualization-layer-{name}")
    if view is None or view not in bundle.patterns:
        yield f"/{name}", "has no reference to a data view"
        return
    for mark in layer["annotations"]:
        asked = [mark["timeField"], mark["textField"], *mark["extraFields"]]
        asked += kql_fields(mark.get("filter", {}).get("query", ""))
        for message in bundle.missing(view, asked):
            yield f"/{name}/{mark['id']}", message


def _column(
    column: Mapping[str, Any], columns: Mapping[str, Any], view: str, bundle: Bundle
) -> Iterator[str]:
    kind, field = column["operationType"], column.get("sourceField", "")
    if kind == "count" and not field:
        yield f"a count needs the field {RECORDS}"
    asked = [field] if kind not in _WITHOUT_FIELD and field not in {"", RECORDS} else []
    yield from bundle.missing(view, asked + kql_fields(column.get("filter", {}).get("query", "")))
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
        for member in drawn:
            yield from _used(member)


def vega_problems(spec: str, bundle: Bundle) -> Iterator[Found]:
    """Yield (path, message) of what is wrong with a specification."""
    try:
        data = json.loads(spec)["data"]
    except ValueError as error:
        yield "/spec", f"is not JSON: {error}"
        return
    url = data["url"]
    views = [id_ for id_, pattern in bundle.patterns.items() if pattern == url["index"]]
    if not views:
        yield "/spec", f"asks {url['index']}, which no data view has"
        return
    for message in bundle.missing(views[0], search_fields(url["body"])):
        yield "/spec", message
    path = data.get("format", {}).get("property", "")
    parts = path.removeprefix("aggregations.").split(".")
    if not path.startswith("aggregations.") or parts[0] not in url["body"].get("aggs", {}):
        yield "/spec", f"draws {path or 'nothing'}, which its search does not answer"


def link_problems(markdown: str, bundle: Bundle) -> Iterator[str]:
    """Yield a message for each link to a dashboard that is not there."""
    for dashboard in _VIEW.findall(markdown):
        if ("dashboard", dashboard) not in bundle.ids:
            yield f"links to the dashboard {dashboard}, which does not exist"
