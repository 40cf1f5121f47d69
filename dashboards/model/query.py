"""The search that a chart's question amounts to: what Lens asks, as far as it decides the answer.

Parts are aggregations `by0`, `by1`, … inside one another, measures `m0`, `m1`, … in the innermost.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from mlmon.analyzers.base.window import iso
from mlmon.dashboards.model.chart import Axis, Bins, Chart, Layer, Measure, Time, Values
from mlmon.dashboards.model.condition import EVERYTHING, Condition, both, query
from mlmon.dashboards.model.source import TIME_FIELD

if TYPE_CHECKING:
    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json

MOST_PARTS = 100
"""Of time, about: what Kibana's `histogram:maxBars` allows."""
_WIDTHS = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 10, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080, 40320)
)
_SIMPLE = {"average": "avg", "sum": "sum", "min": "min", "max": "max", "unique": "cardinality"}


def bodies(chart: Chart, window: Window, selected: Condition = EVERYTHING) -> tuple[Json, ...]:
    """Return the search bodies of a chart, one per layer.

    Args:
        chart: The chart.
        window: The time range.
        selected: What the controls have chosen.
    """
    chosen = [*period(chart.source, window), query(both(chart.condition, selected))]
    return tuple(_body(layer, chosen, window) for layer in chart.layers)


def period(source: DataSource, window: Window) -> list[Json]:
    """Return the filter by a time range, where a source has one."""
    if source.time is None:
        return []
    return [{"range": {source.time: {"gte": iso(window.start), "lt": iso(window.end)}}}]


def width(window: Window) -> timedelta:
    """Return the length of the parts that a time range is divided into."""
    return next((width for width in _WIDTHS if window.length <= MOST_PARTS * width), _WIDTHS[-1])


def _body(layer: Layer, chosen: list[Json], window: Window) -> Json:
    measures: Json = {}
    for index, measure in enumerate(layer.measures):
        measures |= _measure(f"m{index}", measure)
    aggregations = measures
    for index, axis in reversed(list(enumerate(layer.by))):
        # A part is ranked by a sibling aggregation of the parts inside it.
        ranked = measures if index < len(layer.by) - 1 else {}
        divided = _divide(axis, window, layer.measures[0])
        aggregations = {f"by{index}": divided | {"aggs": {**ranked, **aggregations}}}
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": chosen}},
        "aggs": aggregations,
    }


def _divide(axis: Axis, window: Window, first: Measure) -> Json:
    match axis:
        case Time(field):
            minutes = int(width(window).total_seconds() // 60)
            return {"date_histogram": {"field": field, "fixed_interval": f"{minutes}m"}}
        case Values(field, size=size):
            return {"terms": {"field": field, "size": size, "order": _order(axis, first)}}
        case Bins(field, edges=edges):
            ranges = [{"from": low, "to": high} for low, high in pairwise(edges)]
            return {"range": {"field": field, "ranges": ranges}}


def _order(axis: Values, first: Measure) -> Json:
    if axis.order == "name" or not sortable(first):
        return {"_key": "asc"}
    direction = "desc" if axis.order == "highest" else "asc"
    return {_ranking(first): direction}


def sortable(measure: Measure) -> bool:
    """Whether values can be ranked by a measure, in Elasticsearch and in Lens."""
    return measure.operation not in {"ratio", "last"}


def sorted_by_first(chart: Chart) -> Literal["asc", "desc"] | None:
    """How the rows of a table of several axes are sorted by its first measure; None: they are not.

    Elasticsearch ranks the parts of each axis within one part of the axis before it only.
    """
    first = chart.by[0]
    if chart.draw != "table" or len(chart.by) == 1 or not sortable(chart.measures[0]):
        return None
    if not isinstance(first, Values) or first.order == "name":
        return None
    return "desc" if first.order == "highest" else "asc"


def _ranking(measure: Measure) -> str:
    filtered = measure.where != EVERYTHING
    if measure.operation == "count":
        return "m0" if filtered else "_count"
    path = "m0>value" if filtered else "m0"
    percents = {"percentile": measure.percent, "median": 50.0}
    percent = percents.get(measure.operation)
    return path if percent is None else f"{path}[{percent}]"


def _measure(name: str, measure: Measure) -> Json:
    if measure.operation == "ratio":
        part = {"filter": query(both(measure.of, measure.where))}
        return {f"{name}part": part, f"{name}whole": {"filter": query(measure.of)}}
    inner = _value(measure)
    if measure.where == EVERYTHING:
        return {name: inner} if inner else {}
    filtered: Json = {"filter": query(measure.where)}
    return {name: filtered | ({"aggs": {"value": inner}} if inner else {})}


def _value(measure: Measure) -> Json:
    """Return the aggregation of a measure; a count needs none."""
    if measure.operation == "count":
        return {}
    if measure.operation in {"median", "percentile"}:
        percent = 50.0 if measure.operation == "median" else measure.percent
        return {"percentiles": {"field": measure.field, "percents": [percent]}}
    if measure.operation == "last":
        return {
            "top_hits": {
                "size": 1,
                "sort": [{TIME_FIELD: "desc"}],
                "_source": False,
                "docvalue_fields": [measure.field],
            }
        }
    return {_SIMPLE[measure.operation]: {"field": measure.field}}
