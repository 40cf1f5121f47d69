"""A chart as the attributes of a Lens panel, and the references it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.model.condition import kql
from mlmon.kibana.emit.lens.columns import columns, static_value
from mlmon.kibana.emit.lens.visualizations import LINES, line_id, visualization

if TYPE_CHECKING:
    from mlmon.dashboards.model.chart import Chart
    from mlmon.elastic.json_object import Json


def attributes(chart: Chart, data_view: str) -> Json:
    """Return a chart as Lens keeps it by value.

    Args:
        chart: The chart.
        data_view: Id of the data view of its source.
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
            {
                "type": "index-pattern",
                "id": data_view,
                "name": f"indexpattern-datasource-layer-{name}",
            }
            for name in states
        ],
    }


def _fixed(chart: Chart) -> Json:
    found = {
        line_id(index): static_value(line.label, line.value)
        for index, line in enumerate(chart.lines)
    }
    return {"columnOrder": list(found), "columns": found, "incompleteColumns": {}, "sampling": 1}
