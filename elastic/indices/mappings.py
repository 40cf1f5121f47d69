"""From a table of fields to an Elasticsearch mapping.

Unknown fields stay in the document but are not mapped (`dynamic: false`), so that no producer can
make the mapping grow. Only a table with families (`ml.features.numeric.*`) grows, up to the limit
that the template sets; other fields are then named in the mapping but not indexed.

The log's keys are flat, and so are the mappings of its data streams (`subobjects: false`): without
it Elasticsearch splits each dotted name into objects, for each line, which is a quarter of
what storing a line costs it (docs/index-design.md).
"""

from collections.abc import Iterable
from typing import Any

from mlmon.logging_config.schema.fields import Field

IndexMapping = dict[str, Any]

# ECS's bound: longer values stay in the document but are not indexed.
_KEYWORD: IndexMapping = {"type": "keyword", "ignore_above": 1024}
_TYPES: dict[str, IndexMapping] = {
    "keyword": _KEYWORD,
    "flattened": {"type": "flattened", "ignore_above": 1024},
    # The embedded core has no match_only_text; without norms, text is found the same way.
    "match_only_text": {"type": "text", "norms": False},
}
# Texts only: Elasticsearch takes numbers by default, and one near 2^63, from any shipper,
# makes it fail every date histogram over its index.
_LOG_DATE: IndexMapping = {"type": "date", "format": "strict_date_optional_time"}
# Their doc values answer ranges too, always next to a range of time; a tree of points for each
# number is a fifth of an event's bytes (docs/index-design.md).
_MEASURED: IndexMapping = {"index": False}
_UNINDEXED: IndexMapping = {"index": False, "doc_values": False}
# After the families: any other field of a line is kept, not indexed.
_REST: IndexMapping = {
    "all else": {
        "match_mapping_type": ["string", "long", "double", "boolean", "date"],
        "mapping": {"type": "keyword", **_UNINDEXED},
    }
}


def flat_mapping(fields: Iterable[Field]) -> IndexMapping:
    """Return the mapping of a data stream whose documents have flat keys."""
    table = list(fields)
    families = [field for field in table if field.is_family]
    return {
        "subobjects": False,
        "dynamic": bool(families),
        "dynamic_templates": [_family(field) for field in families] + [_REST] * bool(families),
        "properties": {field.name: _log_type(field) for field in table if not field.is_family},
    }


def mapping(fields: Iterable[Field]) -> IndexMapping:
    """Return the mapping of an index whose fields are all named in its table.

    Its dotted names are objects: an index cannot be changed to flat ones, only a stream rolls over.
    """
    return {"dynamic": False, "properties": {field.name: _type(field) for field in fields}}


def _type(field: Field) -> IndexMapping:
    declared = _TYPES.get(field.type, {"type": field.type})
    # A list of numbers is a vector: it is read back with its document, never summed or sorted.
    vector = field.array and field.type == "double"
    return {**declared, **_UNINDEXED} if vector else declared


def _log_type(field: Field) -> IndexMapping:
    declared = _LOG_DATE if field.type == "date" else _type(field)
    if field.is_measured:
        return {**declared, **_MEASURED}
    return declared if field.counted else {**declared, "doc_values": False}


def _family(field: Field) -> IndexMapping:
    return {field.name: {"path_match": field.name, "mapping": _log_type(field)}}
