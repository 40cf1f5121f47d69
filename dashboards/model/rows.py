"""The answer to a chart's question, as rows to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.chart import Bins, Layer, Measure, Time, Values
from mlmon.dashboards.model.condition import EVERYTHING

if TYPE_CHECKING:
    from mlmon.elastic.json_object import Json

ChartRow = dict[str, Any]


def rows(layer: Layer, answer: Json) -> list[ChartRow]:
    """Return one row per part: the axes' values and the measures, by their labels.

    A time is in milliseconds since the epoch, a measure without a value None. An index that does
    not exist has no rows.
    """
    whole = answer.get("aggregations", {}) | {"doc_count": answer["hits"]["total"]["value"]}
    if "aggregations" not in answer and not whole["doc_count"]:
        return []
    return _inside(layer, 0, whole, {})


def axis_label(axis: Time | Values | Bins) -> str:
    """Return what an axis is called in a row."""
    return axis.field if isinstance(axis, Time) else axis.label


def _inside(layer: Layer, index: int, part: Json, known: ChartRow) -> list[ChartRow]:
    if index == len(layer.by):
        values = {
            measure.label: _value(f"m{number}", measure, part)
            for number, measure in enumerate(layer.measures)
        }
        return [known | values]
    label = axis_label(layer.by[index])
    return [
        row
        for bucket in part[f"by{index}"]["buckets"]
        for row in _inside(layer, index + 1, bucket, known | {label: bucket["key"]})
    ]


def _value(name: str, measure: Measure, part: Json) -> Any:
    if measure.operation == "ratio":
        whole = part[f"{name}whole"]["doc_count"]
        return part[f"{name}part"]["doc_count"] / whole if whole else None
    filtered = measure.where != EVERYTHING
    found = part[name] if filtered else part
    if measure.operation == "count":
        return found["doc_count"]
    return _read(measure, found["value"] if filtered else part[name])


def _read(measure: Measure, found: Json) -> Any:
    if measure.operation == "last":
        hits = found["hits"]["hits"]
        values = hits[0].get("fields", {}).get(measure.field, []) if hits else []
        return values[0] if values else None
    if measure.operation in {"median", "percentile"}:
        return next(iter(found["values"].values()))
    return found["value"]
