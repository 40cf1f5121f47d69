"""What the panels of all dashboards draw of the documents of a namespace."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlmon.analyzers.base.window import Window, iso
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.model.chart import Chart, Layer, Measure
from mlmon.dashboards.model.condition import EVERYTHING, Condition, Exists, both, query
from mlmon.dashboards.model.dashboard import Control, Dashboard
from mlmon.dashboards.model.layout import layout
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.query import bodies, period
from mlmon.dashboards.model.rows import rows
from mlmon.elastic.client.cluster import Cluster
from mlmon.kibana.emit.vega import specification


@dataclass(frozen=True)
class Drawn:
    """What a measure of a chart's layer draws.

    Args:
        dashboard: Where.
        chart: Of which chart.
        measure: Of which measure.
        values: Of how many parts there is a value.
        documents: Where there is no value: how many documents it could be of.
        seconds: How long its search took.
    """

    dashboard: str
    chart: str
    measure: str
    values: int
    documents: int
    seconds: float


def drawn(
    cluster: Cluster, namespace: str, window: Window, selected: Condition = EVERYTHING
) -> Iterator[Drawn]:
    """Ask every question of every chart and yield what came back."""
    for shown in dashboards():
        for panel in layout(shown, shown_on(shown, discover())):
            chart = panel.panel.chart if isinstance(panel.panel, Picture) else panel.panel
            if isinstance(chart, Chart):
                for layer, body in zip(chart.layers, bodies(chart, window, selected), strict=True):
                    begin = time.perf_counter()
                    answer = cluster.search(chart.source.index(namespace), body)
                    seconds = time.perf_counter() - begin
                    found = rows(layer, answer)
                    for measure in layer.measures:
                        values = sum(row[measure.label] is not None for row in found)
                        there = 0
                        if not values:
                            there = _documents(cluster, namespace, chart, layer, measure, window)
                        yield Drawn(shown.name, chart.title, measure.label, values, there, seconds)


def _documents(
    cluster: Cluster,
    namespace: str,
    chart: Chart,
    layer: Layer,
    measure: Measure,
    window: Window,
) -> int:
    """Count the documents that a measure could be of."""
    fields = [axis.field for axis in layer.by] + ([measure.field] if measure.field else [])
    condition = both(chart.condition, measure.where, *(Exists(field) for field in fields))
    chosen = {"bool": {"filter": [*period(chart.source, window), query(condition)]}}
    return cluster.count(chart.source.index(namespace), chosen)


def pictures(cluster: Cluster, namespace: str, window: Window) -> Iterator[tuple[Picture, Any]]:
    """Ask what every picture asks, as Kibana sends it, and yield the rows at its path."""
    for shown in dashboards():
        for panel in layout(shown, shown_on(shown, discover())):
            if isinstance(panel.panel, Picture):
                spec = specification(panel.panel, namespace)
                url = spec["data"]["url"]
                answer: Any = cluster.search(url["index"], filled(url["body"], window))
                for name in spec["data"]["format"]["property"].split("."):
                    answer = answer[name]
                yield panel.panel, answer


def filled(body: Any, window: Window) -> Any:
    """Return a body of Vega's with the placeholders filled in as Kibana's Vega plugin does."""
    text = json.dumps(body)
    bounds = {
        "gte": iso(window.start),
        "lte": iso(window.end),
        "format": "strict_date_optional_time",
    }
    text = text.replace('{"%timefilter%": true}', json.dumps(bounds))
    text = text.replace('{"%autointerval%": true}', '"6h"')
    for clause in ("must", "filter", "must_not"):
        everything = '{"match_all": {}}' if clause != "must_not" else '{"match_none": {}}'
        text = text.replace(f'"%dashboard_context-{clause}_clause%"', everything)
    assert "%" not in text
    return json.loads(text)


def of_times(start: str, end: datetime) -> Window:
    """Return the time from a scenario's begin to now, in which the shipper has reported."""
    return Window(datetime.fromisoformat(start), end)


def filled_charts(
    cluster: Cluster, namespace: str, window: Window, shown: Dashboard, selected: Condition
) -> set[str]:
    """Return the ids of a dashboard's charts that draw anything, given what its controls chose."""
    found = set()
    for panel in layout(shown, shown_on(shown, discover())):
        if isinstance(panel.panel, Chart):
            layer = panel.panel.layers[0]
            body = bodies(panel.panel, window, selected)[0]
            drawn_rows = rows(layer, cluster.search(panel.panel.source.index(namespace), body))
            if any(row[measure.label] for row in drawn_rows for measure in layer.measures):
                found.add(panel.id)
    return found


def choices(cluster: Cluster, namespace: str, control: Control) -> list[str]:
    """Return the values a control offers, the most frequent first."""
    body = {"size": 0, "aggs": {"values": {"terms": {"field": control.field, "size": 5}}}}
    answer = cluster.search(control.source.index(namespace), body)
    return [bucket["key"] for bucket in answer["aggregations"]["values"]["buckets"]]
