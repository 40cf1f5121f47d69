"""From a table of fields to an Elasticsearch mapping.

Unknown fields stay in the document but are not mapped (`dynamic: false`), so that no producer can
make the mapping grow; only the families a table declares (`ml.features.numeric.*`) may grow, up to
the limit that the template sets.
"""

from collections.abc import Iterable
from typing import Any

from logging_config.fields import Field

Mapping = dict[str, Any]

# ECS's bound: longer values stay in the document but are not indexed.
_KEYWORD: Mapping = {"type": "keyword", "ignore_above": 1024}
_TYPES: dict[str, Mapping] = {
    "keyword": _KEYWORD,
    "flattened": {"type": "flattened", "ignore_above": 1024},
    # The embedded core has no match_only_text; without norms, text is found the same way.
    "match_only_text": {"type": "text", "norms": False},
}
_UNINDEXED: Mapping = {"index": False, "doc_values": False}
_SCALARS = ["string", "long", "double", "boolean", "date"]


def mapping(fields: Iterable[Field]) -> Mapping:
    """Return the mapping of a table of fields."""
    table = list(fields)
    families = [field for field in table if field.is_family]
    roots = dict.fromkeys(field.name.partition(".*")[0] for field in families)
    return {
        "dynamic": False,
        "dynamic_templates": [_family(field) for field in families]
        + [_rest(root) for root in roots],
        "properties": {
            **{root: {"type": "object", "dynamic": True} for root in roots},
            **{field.name: _type(field) for field in table if not field.is_family},
        },
    }


def _type(field: Field) -> Mapping:
    declared = _TYPES.get(field.type, {"type": field.type})
    # A list of numbers is a vector: it is read back with its document, never summed or sorted.
    vector = field.array and field.type == "double"
    return {**declared, **_UNINDEXED} if vector else declared


def _family(field: Field) -> Mapping:
    return {field.name: {"path_match": field.name, "mapping": _type(field)}}


def _rest(root: str) -> Mapping:
    """Return the rule for what lies beside a family's declared fields: kept, not indexed."""
    rule = {"match_mapping_type": _SCALARS, "mapping": {"type": "keyword", **_UNINDEXED}}
    return {f"other {root}": {"path_match": f"{root}.*", **rule}}
