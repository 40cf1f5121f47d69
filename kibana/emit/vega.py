"""A picture as a Vega panel: its data is a search of its own, which Kibana narrows and sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.model.condition import query
from mlmon.dashboards.model.picture import ROWS_AT
from mlmon.dashboards.model.source import TIME_FIELD
from mlmon.dashboards.vega_lite.picture import kibana_picture

if TYPE_CHECKING:
    from mlmon.dashboards.model.picture import Picture
    from mlmon.elastic.json_object import Json


def specification(picture: Picture, namespace: str) -> Json:
    """Return the specification; Kibana fills in the time range and what its controls chose."""
    body = picture.search({"%autointerval%": True}) | {"query": _query(picture)}
    url = {"index": picture.chart.source.index(namespace), "body": body}
    return kibana_picture(picture, {"url": url, "format": {"property": ROWS_AT}})


def _query(picture: Picture) -> Json:
    return {
        "bool": {
            "must": [
                "%dashboard_context-must_clause%",
                {"range": {TIME_FIELD: {"%timefilter%": True}}},
                query(picture.condition),
            ],
            "filter": ["%dashboard_context-filter_clause%"],
            "must_not": ["%dashboard_context-must_not_clause%"],
        }
    }
