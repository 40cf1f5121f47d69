"""Every search of the compiled artefacts: panels, events, controls, searches, rules, watches."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from mlmon.analyzers.base.window import Window
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.condition import both, query
from mlmon.dashboards.model.layout import layout
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.query import bodies, period
from mlmon.elastic.client.cluster import Cluster
from mlmon.kibana.emit.vega import specification
from mlmon.kibana.providers import artefacts
from tests.support.drawn_panels import filled


class CompiledQuery(NamedTuple):
    """A search: who asks it, of which indices, and its body."""

    name: str
    index: str
    body: Any


def compiled_queries(namespace: str, window: Window) -> Iterator[CompiledQuery]:
    """Yield the searches that a Kibana with the artefacts of a namespace would send."""
    for shown in dashboards():
        for placed in layout(shown, shown_on(shown, discover())):
            match placed.panel:
                case Chart() as chart:
                    index = chart.source.index(namespace)
                    for body in bodies(chart, window):
                        yield CompiledQuery(f"{shown.name}/{placed.id}", index, body)
                case Picture() as picture:
                    url = specification(picture, namespace)["data"]["url"]
                    body = filled(url["body"], window)
                    yield CompiledQuery(f"{shown.name}/{placed.id}", url["index"], body)
        for mark in shown.marks:
            chosen = [*period(mark.source, window), query(both(mark.source.where, mark.where))]
            body = {"size": 50, "query": {"bool": {"filter": chosen}}, "_source": [mark.text]}
            yield CompiledQuery(f"{shown.name}/{mark.label}", mark.source.index(namespace), body)
        for control in shown.controls:
            values = {"terms": {"field": control.field, "size": 100}}
            body = {"size": 0, "aggs": {"values": values}}
            name = f"{shown.name}/{control.label}"
            yield CompiledQuery(name, control.source.index(namespace), body)
    for search in SEARCHES:
        yield CompiledQuery(search.name, search.source.index(namespace), search.body(window))
    yield from _alerting(namespace)


def _alerting(namespace: str) -> Iterator[CompiledQuery]:
    """Yield what rules and watches ask at each run."""
    for artefact in artefacts(LinkTarget(namespace)):
        if artefact.kind == "rule":
            params = artefact.body["params"]
            body = json.loads(params["esQuery"]) | {
                "size": params["size"],
                "aggs": {"groups": {"terms": {"field": params["termField"]}}},
                "sort": [{params["timeField"]: "desc"}],
            }
            yield CompiledQuery(artefact.id, ",".join(params["index"]), body)
        elif artefact.kind == "watch":
            request = artefact.body["input"]["search"]["request"]
            yield CompiledQuery(artefact.id, ",".join(request["indices"]), request["body"])


def failed_queries(cluster: Cluster, namespace: str, window: Window) -> tuple[int, dict[str, str]]:
    """Send every search; return how many there are, and what went wrong with which.

    Args:
        cluster: Whom to ask.
        namespace: Whose artefacts.
        window: The time range of the dashboards.
    """
    wrong, number = {}, 0
    for name, index, body in compiled_queries(namespace, window):
        number += 1
        answer = cluster.search(index, body)
        if not answer["_shards"]["total"] or answer["_shards"]["failed"]:
            wrong[name] = f"{index}: {answer['_shards']}"
    return number, wrong
