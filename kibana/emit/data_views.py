"""Data views: each source with labels, descriptions and formats from its table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.dashboards.definitions.searches import STORY
from mlmon.dashboards.model.source import label
from mlmon.kibana.emit.artefact import OWNER

if TYPE_CHECKING:
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json
    from mlmon.logging_config.schema.fields import Field

_FORMATS: Final[dict[str, Json]] = {
    "ratio": {"id": "percent", "params": {"pattern": "0,0.[0]%"}},
    "bytes": {"id": "bytes", "params": {"pattern": "0,0.[0]b"}},
    "ns": {
        "id": "duration",
        "params": {
            "inputFormat": "nanoseconds",
            "outputFormat": "humanizePrecise",
            "outputPrecision": 1,
            "useShortSuffix": True,
        },
    },
    "s": {
        "id": "duration",
        "params": {
            "inputFormat": "seconds",
            "outputFormat": "humanizePrecise",
            "outputPrecision": 1,
            "useShortSuffix": True,
        },
    },
}


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
    formats = {field.name: _FORMATS[field.unit] for field in fields if field.unit in _FORMATS}
    if any(field.name == "trace.id" for field in fields):
        formats["trace.id"] = _link_to_story(target)
    return formats


def _link_to_story(target: LinkTarget) -> Json:
    """Return the format that makes of a trace's id a link to all it did.

    The path is relative: Kibana puts a space's own path before it, which an absolute one loses.
    """
    query = "(query:(language:kuery,query:'trace.id:%20%22{{value}}%22'))"
    return {
        "id": "url",
        "params": {
            "type": "a",
            "urlTemplate": f"../app/discover#/view/{target.id(STORY.name)}?_a={query}",
            "labelTemplate": "{{value}}",
        },
    }
