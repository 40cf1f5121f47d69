"""The panel model as bodies of `PUT /api/dashboards/{id}`, which Kibana 9.5 and newer take.

The API knows neither Vega nor panels of links: a picture is replaced by its chart, and the
navigation is written in Markdown.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from mlmon.dashboards.model.chart import Axis, Bins, Chart, EventMark, Layer, Measure, Time, Values
from mlmon.dashboards.model.condition import EVERYTHING, Condition, both, kql
from mlmon.dashboards.model.dashboard import Documents
from mlmon.dashboards.model.layout import Heading, Navigation
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.query import sortable, sorted_by_first
from mlmon.dashboards.model.source import TIME_FIELD
from mlmon.dashboards.palette import KIBANA
from mlmon.kibana.emit.artefact import OWNERSHIP_NOTE
from mlmon.kibana.emit.data_views import data_view_id
from mlmon.kibana.emit.drilldowns import OPEN_DASHBOARD, OPEN_DOCUMENTS, drilldowns
from mlmon.kibana.emit.lens.columns import api_format, formula
from mlmon.kibana.emit.lens.visualizations import marks_by_layer
from mlmon.kibana.emit.saved_objects import (
    heading_markdown,
    linked_dashboards,
    panel_title,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.dashboard import Dashboard
    from mlmon.dashboards.model.layout import PlacedPanel
    from mlmon.dashboards.palette import Tone
    from mlmon.elastic.json_object import Json
    from mlmon.kibana.emit.drilldowns import Drilldowns

_LAYERS = {"line": "line", "area": "area", "bar": "bar", "stacked": "bar_stacked"}
_OPERATIONS = {"unique": "unique_count", "last": "last_value", "ratio": "formula"}
_LEGEND = {"visibility": "auto", "placement": "outside", "position": "bottom"}


def dashboard(
    shown: Dashboard, panels: Sequence[PlacedPanel], others: Sequence[Dashboard], target: LinkTarget
) -> Json:
    """Return a dashboard's body; the arguments are those of `emit_saved_objects.dashboard`."""
    body: Json = {
        "title": titled(shown.title, target),
        "description": f"{shown.question} {OWNERSHIP_NOTE}",
        "query": {"expression": "", "language": "kql"},
        "options": {"sync_colors": True, "sync_cursor": True},
        "panels": list(_panels(panels, shown, others, target)),
        "pinned_panels": [
            {
                "type": "options_list_control",
                "grow": True,
                "width": "medium",
                "config": {
                    "data_view_id": data_view_id(control.source, target),
                    "field_name": control.field,
                    "title": control.label,
                    "search_technique": "prefix",
                    "sort": {"by": "_key", "direction": "asc"},
                },
            }
            for control in shown.controls
        ],
    }
    if shown.since is not None:
        body["time_range"] = {"from": shown.since, "to": "now"}
        body["refresh_interval"] = {"pause": False, "value": 60000}
    return body


def _panels(
    panels: Sequence[PlacedPanel],
    shown: Dashboard,
    others: Sequence[Dashboard],
    target: LinkTarget,
) -> Iterator[Json]:
    """Yield the panels; those of a section that can be collapsed lie in it, below its title."""
    for name, members in groupby(panels, key=lambda panel: panel.section):
        found = list(members)
        if not name:
            yield from (_panel(panel, shown, others, target) for panel in found)
            continue
        top = found[0].y
        moved = (replace(panel, y=panel.y - top) for panel in found)
        yield {
            "id": found[0].id + "-section",
            "title": name,
            "collapsed": True,
            "grid": {"y": top},
            "panels": [_panel(panel, shown, others, target) for panel in moved],
        }


def _panel(
    placed: PlacedPanel, shown: Dashboard, others: Sequence[Dashboard], target: LinkTarget
) -> Json:
    kind, config = _content(placed, shown, others, target)
    grid = {"x": placed.x, "y": placed.y, "w": placed.w, "h": placed.h}
    return {"type": kind, "id": placed.id, "grid": grid, "config": config}


def _content(
    placed: PlacedPanel, shown: Dashboard, others: Sequence[Dashboard], target: LinkTarget
) -> tuple[str, Json]:
    match placed.panel:
        case Chart() as chart:
            return "vis", _chart(chart, target, drilldowns(chart, shown, others))
        case Picture(chart=chart):
            return "vis", _chart(chart, target, drilldowns(chart, shown, others))
        case Heading() as heading:
            return "markdown", _markdown(heading_markdown(heading, target))
        case Documents(name):
            return "discover_session", {
                "ref_id": target.id(name),
                "title": panel_title(placed.panel),
            }
        case Navigation() as found:
            linked = linked_dashboards(found, others)
            links = (f"[{one.title}](#/view/{target.id(one.name)})" for one in linked)
            return "markdown", _markdown(" · ".join(links))


def _markdown(content: str) -> Json:
    settings = {"open_links_in_new_tab": False}
    return {"content": content, "settings": settings, "hide_title": True}


def _chart(chart: Chart, target: LinkTarget, offered: Drilldowns) -> Json:
    emitter = {"tile": _tile, "table": _table, "heatmap": _heatmap}.get(chart.draw, _xy)
    drawn = emitter(chart, target)
    config = {"title": chart.title, "description": chart.sentence, **drawn}
    config["query"] = _kql(chart.condition)
    actions = list(_drilldowns(offered, target))
    return config | ({"drilldowns": actions} if actions else {})


def _drilldowns(offered: Drilldowns, target: LinkTarget) -> Iterator[Json]:
    click = {"trigger": "on_apply_filter", "open_in_new_tab": False}
    if offered.dashboard is not None:
        yield {
            "type": "dashboard_drilldown",
            "dashboard_id": target.id(offered.dashboard),
            "label": OPEN_DASHBOARD,
            "use_time_range": True,
            "use_filters": offered.with_filters,
            **click,
        }
    if offered.documents:
        yield {"type": "discover_drilldown", "label": OPEN_DOCUMENTS, **click}


def _xy(chart: Chart, target: LinkTarget) -> Json:
    layers = [
        _xy_layer(chart, layer, "line" if index else _LAYERS[chart.draw], target)
        for index, layer in enumerate(chart.layers)
    ]
    if chart.lines:
        layers.append(_lines(chart, target))
    layers += [_marks(marks, target) for marks in marks_by_layer(chart).values()]
    hidden = {"title": {"visible": False}}
    axis = {"x": hidden, "y": hidden | {"domain": {"type": "full"}}}
    return {"type": "xy", "legend": _LEGEND, "axis": axis, "layers": layers}


def _xy_layer(chart: Chart, layer: Layer, kind: str, target: LinkTarget) -> Json:
    drawn: Json = {
        "type": kind,
        "data_source": _source(chart, target),
        "x": _axis(layer.by[0], layer),
        "y": [_measure(measure, chart) | _colour(measure) for measure in layer.measures],
    }
    if len(layer.by) > 1:
        drawn["breakdown_by"] = _axis(layer.by[1], layer)
    return drawn


def _lines(chart: Chart, target: LinkTarget) -> Json:
    return {
        "type": "reference_lines",
        "data_source": _source(chart, target),
        "thresholds": [
            {
                "operation": "static_value",
                "value": line.value,
                "label": line.label,
                "text": {"visible": True},
                "stroke_dash": "dashed",
                "stroke_width": 1,
                "axis": "y",
            }
            | _static(line.tone)
            for line in chart.lines
        ],
    }


def _marks(marks: Sequence[EventMark], target: LinkTarget) -> Json:
    return {
        "type": "annotations",
        "data_source": {
            "type": "data_view_reference",
            "ref_id": data_view_id(marks[0].source, target),
        },
        "ignore_global_filters": True,
        "events": [
            {
                "type": "query",
                "label": mark.label,
                "query": _kql(both(mark.source.where, mark.where)),
                "time_field": mark.source.time,
                "text": {"visible": True, "field": mark.text},
                "extra_fields": [mark.text],
                "icon": "triangle",
                "line": {"stroke_width": 1, "stroke_dash": "dashed"},
            }
            | _static(mark.tone)
            for mark in marks
        ],
    }


def _tile(chart: Chart, target: LinkTarget) -> Json:
    measure = {"type": "primary", **_measure(chart.measures[0], chart)}
    if chart.steps:
        measure["color"] = {"type": "dynamic", "range": "absolute", "steps": _steps(chart)}
    return {"type": "metric", "data_source": _source(chart, target), "metrics": [measure]}


def _steps(chart: Chart) -> list[Json]:
    bounds = [step.value for step in chart.steps[1:]]
    return [
        {"gte": step.value, "color": KIBANA.tone(step.tone)} | ({"lt": bound} if bound else {})
        for step, bound in zip(chart.steps, [*bounds, None], strict=True)
    ]


def _table(chart: Chart, target: LinkTarget) -> Json:
    layer, direction = chart.layers[0], sorted_by_first(chart)
    by_first = {"column_type": "metric", "index": 0, "direction": direction}
    return {
        "type": "data_table",
        "data_source": _source(chart, target),
        "rows": [_axis(axis, layer) for axis in chart.by],
        "metrics": [_measure(measure, chart) for measure in chart.measures],
        "styling": {"paging": 10} | ({"sort_by": by_first} if direction else {}),
    }


def _heatmap(chart: Chart, target: LinkTarget) -> Json:
    layer = chart.layers[0]
    return {
        "type": "heatmap",
        "data_source": _source(chart, target),
        "x": _axis(chart.by[0], layer),
        "y": _axis(chart.by[1], layer),
        "metric": _measure(chart.measures[0], chart),
    }


def _source(chart: Chart, target: LinkTarget) -> Json:
    return {"type": "data_view_reference", "ref_id": data_view_id(chart.source, target)}


def _axis(axis: Axis, layer: Layer) -> Json:
    match axis:
        case Time(field):
            return {"operation": "date_histogram", "field": field}
        case Bins(field, label, edges):
            # A bucket is (gt, lte] in the API's words, although Elasticsearch has [gte, lt).
            ranges = [{"gt": low, "lte": high} for low, high in pairwise(edges)]
            return {"operation": "range", "field": field, "label": label, "ranges": ranges}
        case Values(field, label, size):
            found = {"operation": "terms", "fields": [field], "label": label, "limit": size}
            return found | {"rank_by": _rank(axis, layer.measures[0])}


def _rank(axis: Values, first: Measure) -> Json:
    if axis.order == "name" or not sortable(first):
        return {"type": "alphabetical", "direction": "asc"}
    direction = "desc" if axis.order == "highest" else "asc"
    return {"type": "metric", "metric_index": 0, "direction": direction}


def _measure(measure: Measure, chart: Chart) -> Json:
    operation = _OPERATIONS.get(measure.operation, measure.operation)
    found: Json = {"operation": operation, "label": measure.label}
    if measure.field is not None:
        found["field"] = measure.field
    if measure.operation == "percentile":
        found["percentile"] = measure.percent
    if measure.operation == "last":
        found["time_field"] = TIME_FIELD
    if measure.operation == "ratio":
        found["formula"] = formula(measure)
    elif measure.where != EVERYTHING:
        found["filter"] = _kql(measure.where)
    return found | api_format(measure, chart.source)


def _colour(measure: Measure) -> Json:
    return _static(measure.tone)


def _static(tone: Tone) -> Json:
    """Return a colour that means something; other colours are Kibana's own."""
    return {} if tone == "plain" else {"color": {"type": "static", "color": KIBANA.tone(tone)}}


def _kql(condition: Condition) -> Json:
    return {"expression": kql(condition), "language": "kql"}
