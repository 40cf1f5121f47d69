"""The drawing of a chart's columns: the `visualization` part of a Lens state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.model.condition import both, kql
from mlmon.dashboards.model.query import sorted_by_first
from mlmon.dashboards.palette import KIBANA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.dashboards.model.chart import Chart, EventMark, Measure
    from mlmon.dashboards.palette import Tone
    from mlmon.elastic.json_object import Json
    from mlmon.kibana.emit.lens.columns import LensColumns

LINES = "lines"
"""Id of the layer of fixed lines."""
MARKS = "events-"
"""Begin of the ids of layers of events; the source's name follows."""
TYPES = {"tile": "lnsMetric", "table": "lnsDatatable", "heatmap": "lnsHeatmap"}
_SERIES = {"line": "line", "area": "area", "bar": "bar", "stacked": "bar_stacked"}


def visualization(chart: Chart, layers: Sequence[LensColumns]) -> tuple[str, Json]:
    """Return the type of a chart's visualization, and the visualization.

    Args:
        chart: The chart.
        layers: The columns of its layers, `l0`, `l1`, ….
    """
    drawn = {"tile": _tile, "table": _table, "heatmap": _heatmap}.get(chart.draw)
    if drawn is not None:
        return TYPES[chart.draw], drawn(chart, layers[0])
    return "lnsXY", _xy(chart, layers)


def line_id(index: int) -> str:
    """Return the id of the column of one fixed line."""
    return f"{LINES}{index}"


def _xy(chart: Chart, layers: Sequence[LensColumns]) -> Json:
    shown = {"x": True, "yLeft": True, "yRight": True}
    series = _SERIES[chart.draw]
    drawn = [
        _data_layer(f"l{index}", "line" if index else series, found, layer.measures)
        for index, (found, layer) in enumerate(zip(layers, chart.layers, strict=True))
    ]
    return {
        "legend": {"isVisible": True, "position": "bottom"},
        "valueLabels": "hide",
        # What lies between two windows is drawn, and drawn as what it is: dashed.
        "fittingFunction": "Linear",
        "emphasizeFitting": False,
        # The first and last part of time hold less than a whole one: they are marked.
        "hideEndzones": False,
        "yLeftExtent": {"mode": "full"},
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "tickLabelsVisibilitySettings": shown,
        "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
        "gridlinesVisibilitySettings": shown,
        "preferredSeriesType": series,
        "layers": [
            *drawn,
            *([_lines(chart)] if chart.lines else []),
            *(_marks(name, marks) for name, marks in marks_by_layer(chart).items()),
        ],
    }


def marks_by_layer(chart: Chart) -> dict[str, list[EventMark]]:
    """Return the events of a chart by the id of their layer: one for each source."""
    found: dict[str, list[EventMark]] = {}
    for mark in chart.marks:
        found.setdefault(f"{MARKS}{mark.source.name}", []).append(mark)
    return found


def _marks(name: str, marks: Sequence[EventMark]) -> Json:
    """Return a layer of events; controls that filter the values do not filter them."""
    return {
        "layerId": name,
        "layerType": "annotations",
        "persistanceType": "byValue",  # Kibana's spelling
        "ignoreGlobalFilters": True,
        "annotations": [
            {
                "type": "query",
                "id": f"{name}-{index}",
                "label": mark.label,
                "key": {"type": "point_in_time"},
                "timeField": mark.source.time,
                "filter": {
                    "type": "kibana_query",
                    "query": kql(both(mark.source.where, mark.where)),
                    "language": "kuery",
                },
                "textVisibility": True,
                "textField": mark.text,
                "extraFields": [mark.text],
                "icon": "triangle",
                "lineStyle": "dashed",
                "lineWidth": 1,
            }
            | _colour(mark.tone)
            for index, mark in enumerate(marks)
        ],
    }


def _data_layer(name: str, series: str, found: LensColumns, measures: Sequence[Measure]) -> Json:
    layer: Json = {
        "layerId": name,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": found.by[0],
        "accessors": list(found.measures),
        "yConfig": [
            {"forAccessor": id_, "axisMode": "left"} | _colour(measure.tone)
            for id_, measure in zip(found.measures, measures, strict=True)
        ],
    }
    return layer | ({"splitAccessor": found.by[1]} if len(found.by) > 1 else {})


def _colour(tone: Tone) -> Json:
    """Return a colour that means something; other colours are Kibana's own."""
    return {} if tone == "plain" else {"color": KIBANA.tone(tone)}


def _lines(chart: Chart) -> Json:
    return {
        "layerId": LINES,
        "layerType": "referenceLine",
        "accessors": [line_id(index) for index in range(len(chart.lines))],
        "yConfig": [
            {
                "forAccessor": line_id(index),
                "axisMode": "left",
                "fill": "none",
                "lineStyle": "dashed",
                "lineWidth": 1,
                "textVisibility": True,
            }
            | _colour(line.tone)
            for index, line in enumerate(chart.lines)
        ],
    }


def _tile(chart: Chart, found: LensColumns) -> Json:
    tile = {
        "layerId": "l0",
        "layerType": "data",
        "metricAccessor": found.measures[0],
        "showBar": False,
    }
    return tile | ({"palette": _palette(chart)} if chart.steps else {})


def _palette(chart: Chart) -> Json:
    """Return the colours of a tile: each from its value on, to the next one's."""
    colours = [KIBANA.tone(step.tone) for step in chart.steps]
    starts = [step.value for step in chart.steps]
    ends = [*starts[1:], None]
    return {
        "type": "palette",
        "name": "custom",
        "params": {
            "name": "custom",
            "reverse": False,
            "rangeType": "number",
            "rangeMin": starts[0],
            "rangeMax": None,
            "progression": "fixed",
            "continuity": "above",
            "steps": len(colours),
            "maxSteps": 5,
            "colorStops": [
                {"color": colour, "stop": start}
                for colour, start in zip(colours, starts, strict=True)
            ],
            "stops": [
                {"color": colour, "stop": end} for colour, end in zip(colours, ends, strict=True)
            ],
        },
    }


def _table(chart: Chart, found: LensColumns) -> Json:
    direction = sorted_by_first(chart)
    sorting = {"sorting": {"columnId": found.measures[0], "direction": direction}}
    return (sorting if direction else {}) | {
        "layerId": "l0",
        "layerType": "data",
        "columns": [{"columnId": id_, "isTransposed": False} for id_ in found.by]
        + [{"columnId": id_, "isTransposed": False, "isMetric": True} for id_ in found.measures],
        "paging": {"enabled": True, "size": 10},
    }


def _heatmap(chart: Chart, found: LensColumns) -> Json:
    del chart
    return {
        "layerId": "l0",
        "layerType": "data",
        "shape": "heatmap",
        "xAccessor": found.by[0],
        "yAccessor": found.by[1],
        "valueAccessor": found.measures[0],
        "gridConfig": {
            "type": "heatmap_grid",
            "isCellLabelVisible": False,
            "isXAxisLabelVisible": True,
            "isXAxisTitleVisible": False,
            "isYAxisLabelVisible": True,
            "isYAxisTitleVisible": False,
        },
        "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
    }
