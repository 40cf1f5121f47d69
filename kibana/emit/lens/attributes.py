"""A chart as the attributes of a Lens panel, and the references it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.model.condition import kql
from mlmon.kibana.emit.data_views import data_view_id
from mlmon.kibana.emit.lens.columns import columns, static_value
from mlmon.kibana.emit.lens.visualizations import (
    LINES,
    line_id,
    marks_by_layer,
    visualization,
)

if TYPE_CHECKING:
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.chart import Chart
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json


def attributes(chart: Chart, target: LinkTarget) -> Json:
    """Return a chart as Lens keeps it by value.

    Args:
        chart: The chart.
        target: The namespace and space of its data views.
    """
    # A tile without documents shows a zero; a line has a gap.
    shown_empty = chart.draw in {"tile", "table"}
    layers = [
        columns(f"l{index}", layer, chart.source, empty_as_null=not shown_empty)
        for index, layer in enumerate(chart.layers)
    ]
    kind, drawn = visualization(chart, layers)
    states: Json = {f"l{index}": layer.state for index, layer in enumerate(layers)}
    if chart.lines:
        states[LINES] = _fixed(chart)
    return {
        "title": chart.title,
        "description": chart.sentence,
        "type": "lens",
        "visualizationType": kind,
        "state": {
            "datasourceStates": {"formBased": {"layers": states}},
            "visualization": drawn,
            "query": {"query": kql(chart.condition), "language": "kuery"},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
        "references": [
            *(
                _reference(f"indexpattern-datasource-layer-{name}", chart.source, target)
                for name in states
            ),
            *(
                _reference(f"xy-visualization-layer-{name}", marks[0].source, target)
                for name, marks in marks_by_layer(chart).items()
            ),
        ],
    }


def _reference(name: str, source: DataSource, target: LinkTarget) -> Json:
    return {"type": "index-pattern", "id": data_view_id(source, target), "name": name}


def _fixed(chart: Chart) -> Json:
    found = {
        line_id(index): static_value(line.label, line.value)
        for index, line in enumerate(chart.lines)
    }
    return {"columnOrder": list(found), "columns": found, "incompleteColumns": {}, "sampling": 1}
