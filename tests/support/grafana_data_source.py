"""What Grafana's Elasticsearch data source asks and reads, by its source: no Grafana runs here.

`pkg/tsdb/elasticsearch/data_query.go` and `response_parser.go` of Grafana 11.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time
from mlmon.dashboards.model.layout import layout
from mlmon.dashboards.model.query import bodies, width
from mlmon.dashboards.model.rows import axis_label, rows
from mlmon.grafana.target import chart_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.window import Window
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

ALL = "*:*"
"""What a variable is replaced by when everything is chosen."""

Key = tuple[Any, ...]


def as_json(built: Any) -> Any:
    """Return what Grafana reads of an object of the SDK."""
    return json.loads(json.dumps(built, cls=JSONEncoder))


def search_body(target: Json, window: Window) -> Json:
    """Return the search of a target: the filters first, then buckets in their order."""
    query = target["query"]
    while "${" in query:
        begin = query.index("${")
        query = query[:begin] + ALL + query[query.index("}", begin) + 1 :]
    (metric,) = target["metrics"]
    aggregations: Json = {}
    if metric["type"] != "count":
        field = {"field": metric["field"]} if metric.get("field") else {}
        settings = dict(metric.get("settings", {}))
        if "percents" in settings:
            settings["percents"] = [float(percent) for percent in settings["percents"]]
        aggregations = {metric["id"]: {metric["type"]: field | settings}}
    for bucket in reversed(target["bucketAggs"]):
        ranked = {} if bucket["type"] == "date_histogram" else _plain(metric)
        divided = _divided(bucket, metric, window)
        aggregations = {bucket["id"]: divided | {"aggs": ranked | aggregations}}
    time = {"gte": window.start.isoformat(), "lt": window.end.isoformat()}
    return {
        "size": 0,
        "query": {
            "bool": {
                "filter": [
                    {"range": {target["timeField"]: time}},
                    {"query_string": {"query": query, "analyze_wildcard": True}},
                ]
            }
        },
        "aggs": aggregations,
    }


def _plain(metric: Json) -> Json:
    """Return the metric as it is added where values are ranked: without its settings."""
    if metric["type"] == "count":
        return {}
    return {metric["id"]: {metric["type"]: {"field": metric["field"]}}}


def _divided(bucket: Json, metric: Json, window: Window) -> Json:
    settings = bucket["settings"]
    if bucket["type"] == "date_histogram":
        interval = settings["interval"]
        if interval == "auto":
            interval = f"{int(width(window).total_seconds() // 60)}m"
        least = int(settings["min_doc_count"])
        return {
            "date_histogram": {
                "field": bucket["field"],
                "fixed_interval": interval,
                "min_doc_count": least,
            }
        }
    assert bucket["type"] == "terms"
    order = settings["orderBy"]
    if order[0].isdigit() and metric["type"] == "count":
        order = "_count"
    return {
        "terms": {
            "field": bucket["field"],
            "size": int(settings["size"]),
            "order": {order: settings["order"]},
        }
    }


def values(target: Json, answer: Json) -> Iterator[tuple[Key, float]]:
    """Yield the value of each part, by its buckets' keys in their order; none without an index."""
    if "aggregations" in answer:
        yield from _values(target, 0, answer["aggregations"], ())


def _values(target: Json, depth: int, part: Json, key: Key) -> Iterator[tuple[Key, float]]:
    buckets = target["bucketAggs"]
    if depth < len(buckets):
        for bucket in part[buckets[depth]["id"]]["buckets"]:
            yield from _values(target, depth + 1, bucket, (*key, bucket["key"]))
        return
    (metric,) = target["metrics"]
    if metric["type"] == "count":
        yield key, part["doc_count"]
        return
    found = part[metric["id"]]
    value = next(iter(found["values"].values())) if "values" in found else found["value"]
    if value is not None:
        yield key, value


def compare(cluster: Cluster, namespace: str, window: Window) -> tuple[int, list[str]]:
    """Ask every chart's question both ways.

    Left out are charts that Grafana gets as a list of documents or as a query per range. Where both
    rank by something else they show other parts; a part that both show has one value.

    Returns:
        How many values were compared, and what is different.
    """
    compared, different = 0, []
    for board in dashboards():
        for placed in layout(board, shown_on(board, discover())):
            chart = placed.panel
            if not isinstance(chart, Chart) or _is_other(chart):
                continue
            for title, one, other in _pairs(cluster, chart, namespace, window):
                compared += 1
                # Percentiles and numbers of different values are estimates.
                if abs(one - other) > 0.02 * max(abs(one), abs(other)):
                    different.append(f"{title}: {one} is {other} in Grafana")
    return compared, different


def _is_other(chart: Chart) -> bool:
    divided = any(isinstance(axis, Bins) for axis in chart.by)
    return divided or any(measure.operation == "last" for measure in chart.measures)


def _pairs(
    cluster: Cluster, chart: Chart, namespace: str, window: Window
) -> Iterator[tuple[str, float, float]]:
    """Yield each value as the model's query gets it, and as Grafana's does."""
    index = chart.source.index(namespace)
    expected = rows(chart.layers[0], cluster.search(index, bodies(chart, window)[0]))
    # Grafana divides by time last.
    axes = sorted(chart.by, key=lambda axis: isinstance(axis, Time))
    for measure, answer in _answers(cluster, chart, index, window):
        if chart.draw == "tile" and answer:
            found = {(): _reduced(measure, list(answer.values()))}
        else:
            found = {key[: len(axes)]: value for key, value in answer.items()}
        for row in expected:
            key = tuple(row[axis_label(axis)] for axis in axes)
            value = row[measure.label]
            if value is not None and key in found:
                yield f"{chart.title}, {measure.label} of {key}", value, found[key]


def _answers(
    cluster: Cluster, chart: Chart, index: str, window: Window
) -> Iterator[tuple[Measure, dict[Key, float]]]:
    """Yield what Grafana gets of each measure, and what its expressions make of it."""
    known: dict[str, dict[Key, float]] = {}
    for target in chart_targets(chart, ()):
        query = as_json(target.query.build())
        if target.limit or (target.measure.operation == "ratio" and chart.draw == "table"):
            continue
        if "expression" in query:
            part, whole = (known[name.strip(" $")] for name in query["expression"].split("/"))
            yield (
                target.measure,
                {key: value / whole[key] for key, value in part.items() if whole.get(key)},
            )
            continue
        answer = dict(values(query, cluster.search(index, search_body(query, window))))
        known[query["refId"]] = answer
        if not query.get("hide"):
            yield target.measure, answer


def _reduced(measure: Measure, found: list[float]) -> float:
    """Return the number of a tile, of one bucket or two."""
    if measure.operation in {"count", "sum"}:
        return sum(found)
    return max(found) if measure.operation == "max" else found[-1]
