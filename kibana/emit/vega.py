"""A picture as a Vega-Lite specification that Kibana runs: its data is a search of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.model.condition import query
from mlmon.dashboards.model.source import TIME

if TYPE_CHECKING:
    from mlmon.dashboards.model.condition import Json
    from mlmon.dashboards.model.picture import Picture

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""What every Kibana from 8.19 on has: a newer library reads it too."""


def specification(picture: Picture, namespace: str) -> Json:
    """Return the specification; Kibana fills in the time range and what its controls chose."""
    body = picture.body | {"query": _query(picture)}
    url = {"index": picture.source.index(namespace), "body": body}
    return {
        "$schema": SCHEMA,
        "description": picture.sentence,
        "data": {"url": url, "format": {"property": picture.rows_at}},
        **picture.drawing,
    }


def _query(picture: Picture) -> Json:
    return {
        "bool": {
            "must": [
                "%dashboard_context-must_clause%",
                {"range": {TIME: {"%timefilter%": True}}},
                query(picture.source.where),
            ],
            "filter": ["%dashboard_context-filter_clause%"],
            "must_not": ["%dashboard_context-must_not_clause%"],
        }
    }
