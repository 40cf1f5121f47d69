"""Data views: each source with labels, descriptions and formats from its table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.dashboards.definitions.searches import (
    ALERT_LIST,
    ALL_FINDINGS,
    INCIDENT_STORY,
    STORY,
)
from mlmon.dashboards.model.source import label
from mlmon.kibana.emit.artefact import OWNER

if TYPE_CHECKING:
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.saved_search import SavedSearch
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json
    from mlmon.logging_config.schema.fields import Field


def _duration(unit: str) -> Json:
    params = {
        "inputFormat": unit,
        "outputFormat": "humanizePrecise",
        "outputPrecision": 1,
        "useShortSuffix": True,
    }
    return {"id": "duration", "params": params}


_FORMATS: Final[dict[str, Json]] = {
    "ratio": {"id": "percent", "params": {"pattern": "0,0.[0]%"}},
    "bytes": {"id": "bytes", "params": {"pattern": "0,0.[0]b"}},
    "ns": _duration("nanoseconds"),
    "s": _duration("seconds"),
    "h": _duration("hours"),
}
_CODES: Final = frozenset({"http.response.status_code"})
"""Numbers that are names: without a thousands separator."""
_PROBABILITIES: Final = frozenset({"finding.p_value", "finding.q_value"})
_LONG_AGO: Final = "now-1y"


def data_view_id(source: DataSource, target: LinkTarget) -> str:
    """Return the id of a source's data view."""
    return target.id(source.name)


def data_view(source: DataSource, target: LinkTarget) -> Json:
    """Return a source's data view: the body of `POST /api/data_views/data_view`."""
    named = [field for field in source.fields if not field.is_family]
    timed = {"timeFieldName": source.time} if source.time else {}
    view = {
        "id": data_view_id(source, target),
        "title": source.index(target.namespace),
        "name": f"{OWNER} {target.namespace}: {source.title}",
        **timed,
        "allowNoIndex": True,
        "fieldAttrs": {
            field.name: {"customLabel": label(field.name), "customDescription": field.description}
            for field in named
        },
        "fieldFormats": dict(_formats(named, target)),
        "sourceFilters": [],
        "runtimeFieldMap": {},
    }
    return {"data_view": view}


def _formats(fields: list[Field], target: LinkTarget) -> dict[str, Json]:
    formats = {field.name: form for field in fields if (form := _format(field)) is not None}
    names = {field.name for field in fields}
    links = {name: link for name, link in _links(target).items() if name in names}
    return formats | links


def _format(field: Field) -> Json | None:
    """Return how a number is written: in its unit, or with no more digits than matter."""
    if field.unit in _FORMATS:
        return _FORMATS[field.unit]
    if field.name in _CODES:
        return {"id": "number", "params": {"pattern": "0"}}
    pattern = {"long": "0,0", "double": "0,0.[000]"}.get(field.type)
    if field.name in _PROBABILITIES:
        pattern = "0.[000000]"
    return None if pattern is None else {"id": "number", "params": {"pattern": pattern}}


def _links(target: LinkTarget) -> dict[str, Json]:
    """Return the fields whose values are links: from an incident to its lines, step by step.

    Paths are relative: Kibana puts a space's own path before them, which an absolute one loses.
    """
    found = {
        "trace.id": _search_link(STORY, "trace.id", target),
        "ml.prediction.id": _search_link(STORY, "ml.prediction.id", target),
        "incident.id": _search_link(INCIDENT_STORY, "incident.id", target, since=_LONG_AGO),
        "incident.alert_ids": _search_link(ALERT_LIST, "alert.id", target),
        "finding.series": _search_link(ALL_FINDINGS, "finding.series", target),
    }
    if target.runbooks:
        runbook = _link(f"{target.runbooks}{{{{rawValue}}}}")
        found |= {"finding.runbook": runbook, "incident.runbook": runbook}
    return found


def _search_link(
    search: SavedSearch, field: str, target: LinkTarget, since: str | None = None
) -> Json:
    """Return the format that makes of a value a link to the documents that have it in a field."""
    time = f"_g=(time:(from:{since},to:now))&" if since else ""
    query = f"(query:(language:kuery,query:'{field}:%20%22{{{{value}}}}%22'))"
    return _link(f"../app/discover#/view/{target.id(search.name)}?{time}_a={query}")


def _link(template: str) -> Json:
    params = {"type": "a", "urlTemplate": template, "labelTemplate": "{{value}}"}
    return {"id": "url", "params": params}
