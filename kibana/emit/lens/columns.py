"""The columns of a Lens layer: its axes, its measures with their formats, and formulas."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mlmon.dashboards.model.chart import Axis, Bins, Layer, Measure, Time, Values
from mlmon.dashboards.model.condition import EVERYTHING, Condition, both, kql
from mlmon.dashboards.model.query import sortable
from mlmon.dashboards.model.source import TIME_FIELD
from mlmon.elastic.json_object import Json

if TYPE_CHECKING:
    from mlmon.dashboards.model.chart import Measure
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json


RECORDS = "___records___"
"""Lens' field of the documents themselves: a count without it is an error."""
_TYPES = {"long": "number", "double": "number", "date": "date", "boolean": "boolean"}
_NAMES = {"unique": "unique_count", "last": "last_value"}


@dataclass(frozen=True, slots=True)
class LensColumns:
    """The columns of one layer.

    Args:
        by: Ids of the axes' columns.
        measures: Ids of the measures' columns.
        state: The layer as Lens keeps it.
    """

    by: tuple[str, ...]
    measures: tuple[str, ...]
    state: Json


def columns(name: str, layer: Layer, source: DataSource, *, empty_as_null: bool) -> LensColumns:
    """Return a layer's columns.

    Args:
        name: The layer's id, part of its columns' ids.
        layer: Axes and measures.
        source: Of which documents.
        empty_as_null: Whether a count of nothing is nothing, not zero.
    """
    axes = tuple(f"{name}by{index}" for index in range(len(layer.by)))
    measures = tuple(f"{name}m{index}" for index in range(len(layer.measures)))
    found: Json = {
        id_: _axis(axis, source, measures[0], layer.measures[0])
        for id_, axis in zip(axes, layer.by, strict=True)
    }
    for id_, measure in zip(measures, layer.measures, strict=True):
        found |= _measure(id_, measure, source, empty_as_null=empty_as_null)
    state = {"columnOrder": list(found), "columns": found, "incompleteColumns": {}, "sampling": 1}
    return LensColumns(axes, measures, state)


def static_value(label: str, value: float) -> Json:
    """Return the column of a fixed value."""
    return {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": "static_value",
        "isBucketed": False,
        "isStaticValue": True,
        "scale": "ratio",
        "params": {"value": f"{value:g}"},
        "references": [],
    }


def formula(measure: Measure) -> str:
    """Return a ratio as a formula of Lens."""
    part, whole = _quoted(both(measure.of, measure.where)), _quoted(measure.of)
    return f"count({part}) / count({whole})"


def _axis(axis: Axis, source: DataSource, ranked_by: str, first: Measure) -> Json:
    match axis:
        case Time(field):
            return {
                "label": field,
                "dataType": "date",
                "operationType": "date_histogram",
                "sourceField": field,
                "isBucketed": True,
                "scale": "interval",
                "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
            }
        case Bins(field, label, edges):
            ranges = [{"from": low, "to": high, "label": ""} for low, high in pairwise(edges)]
            return {
                "label": label,
                "customLabel": True,
                "dataType": "string",
                "operationType": "range",
                "sourceField": field,
                "isBucketed": True,
                "scale": "ordinal",
                "params": {
                    "type": "range",
                    "ranges": ranges,
                    "maxBars": "auto",
                    "parentFormat": {
                        "id": "range",
                        "params": {"template": "arrow_right", "replaceInfinity": True},
                    },
                },
            }
        case Values():
            return _values(axis, source, ranked_by, first)


def _values(axis: Values, source: DataSource, ranked_by: str, first: Measure) -> Json:
    by_name = axis.order == "name" or not sortable(first)
    order = (
        {"type": "alphabetical", "fallback": False}
        if by_name
        else {"type": "column", "columnId": ranked_by}
    )
    return {
        "label": axis.label,
        "customLabel": True,
        "dataType": _type(axis.field, source),
        "operationType": "terms",
        "sourceField": axis.field,
        "isBucketed": True,
        "scale": "ordinal",
        "params": {
            "size": axis.size,
            "orderBy": order,
            "orderDirection": "asc" if by_name or axis.order == "lowest" else "desc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        },
    }


def _measure(id_: str, measure: Measure, source: DataSource, *, empty_as_null: bool) -> Json:
    if measure.operation == "ratio":
        return _ratio(id_, measure, source)
    kind = _type(measure.field, source) if measure.field else "number"
    column: Json = {
        "label": measure.label,
        "customLabel": True,
        "dataType": kind if measure.operation in {"min", "max", "last"} else "number",
        "operationType": _NAMES.get(measure.operation, measure.operation),
        "sourceField": measure.field or RECORDS,
        "isBucketed": False,
        "scale": "ordinal" if kind == "string" and measure.operation == "last" else "ratio",
        "params": _params(measure, source, empty_as_null=empty_as_null),
    }
    if measure.where != EVERYTHING:
        column["filter"] = _kuery(measure.where)
    if measure.operation == "last" and measure.where == EVERYTHING:
        column["filter"] = {"query": f'"{measure.field}": *', "language": "kuery"}
    return {id_: column}


def _params(measure: Measure, source: DataSource, *, empty_as_null: bool) -> Json:
    params: Json = {}
    if measure.operation in {"count", "unique", "sum"}:
        params["emptyAsNull"] = empty_as_null
    if measure.operation == "percentile":
        params["percentile"] = measure.percent
    if measure.operation == "last":
        params |= {"sortField": TIME_FIELD, "showArrayValues": False}
    form = lens_format(measure, source)
    return params | ({"format": form} if form else {})


def _ratio(id_: str, measure: Measure, source: DataSource) -> Json:
    """Return a formula with the columns Lens computes it from, as it writes them itself."""
    text, label = formula(measure), f"Part of {measure.label}"
    part, whole, quotient = (f"{id_}X{index}" for index in range(3))
    basis = {"label": label, "customLabel": True, "dataType": "number", "isBucketed": False}
    counting = basis | {
        "operationType": "count",
        "scale": "ratio",
        "sourceField": RECORDS,
        "params": {"emptyAsNull": False},
    }
    division = {
        "type": "function",
        "name": "divide",
        "args": [part, whole],
        "location": {"min": 0, "max": len(text)},
        "text": text,
    }
    return {
        id_: basis
        | {
            "label": measure.label,
            "operationType": "formula",
            "scale": "ratio",
            "params": {
                "formula": text,
                "isFormulaBroken": False,
                "format": lens_format(measure, source),
            },
            "references": [quotient],
        },
        part: counting | {"filter": _kuery(both(measure.of, measure.where))},
        whole: counting | ({"filter": _kuery(measure.of)} if measure.of != EVERYTHING else {}),
        quotient: basis
        | {
            "operationType": "math",
            "scale": "ratio",
            "params": {"tinymathAst": division},
            "references": [part, whole],
        },
    }


def _type(field: str, source: DataSource) -> str:
    known = source.field(field)
    return _TYPES.get(known.type, "string") if known else "string"


def _kuery(condition: Condition) -> Json:
    return {"query": kql(condition), "language": "kuery"}


def _quoted(condition: Condition) -> str:
    """Return a condition as a formula's argument: quotes inside it are escaped."""
    text = kql(condition).replace("\\", "\\\\").replace("'", "\\'")
    return f"kql='{text}'" if text else ""


SHARE = "ratio"


def lens_format(measure: Measure, source: DataSource) -> Json | None:
    """Return the format of a measure; None leaves it to the data view, which knows the field's."""
    known = source.field(measure.field) if measure.field else None
    if measure.unit == SHARE:
        return {"id": "percent", "params": {"decimals": 1}}
    if not measure.unit or (known is not None and known.unit):
        return None
    return {"id": "number", "params": {"decimals": 2, "suffix": f" {measure.unit}"}}


def api_format(measure: Measure, source: DataSource) -> Json:
    """Return the same for the Dashboards API: a `format` to merge in, or nothing."""
    form = lens_format(measure, source)
    if form is None:
        return {}
    kind = {"percent": "percent", "number": "number"}[form["id"]]
    return {"format": {"type": kind, **form["params"]}}
