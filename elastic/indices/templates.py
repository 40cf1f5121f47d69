"""Index templates: made from the field tables, installed so that a second time changes nothing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.index_facts import MARK
from mlmon.elastic.indices.index_tables import DEAD_LETTERS, SHIPPING_TABLE, TABLES, TABLES_VERSION
from mlmon.elastic.indices.lifecycle import LIFECYCLES
from mlmon.elastic.indices.mappings import flat_mapping, mapping
from mlmon.elastic.indices.names import DEAD_LETTER, PROFILES, SHIPPING, stream_prefix
from mlmon.logging_config.schema.fields import DATASETS, SCHEMA_VERSION

# Above Elasticsearch's own `logs-*-*` template (100), and above what is usual for others.
PRIORITY = 350
MAX_FIELDS = 1000

_SETTINGS: dict[str, Any] = {
    "index.number_of_shards": 1,
    # None on a single node, one where there is a second node to hold it.
    "index.auto_expand_replicas": "0-1",
    "index.mapping.total_fields.limit": MAX_FIELDS,
    "index.mapping.total_fields.ignore_dynamic_beyond_limit": True,
    # A value of the wrong type rejects its document, which is kept in the dead letters with the
    # reason; ignored, it would be missing from every sum unnoticed.
    "index.mapping.ignore_malformed": False,
}

# Measured: docs/index-design.md. A quarter smaller than the default codec at the same speed.
# `logsdb` nearly halves it again where it rebuilds the source from the fields, which costs the
# microseconds, the flat keys and two thirds of the speed of reading.
_COMPRESSED = {**_SETTINGS, "index.codec": "best_compression"}

# Their documents are few and are read often, in full: unpacking them costs more than they
# take. `docs/index-design.md`.
_READ_OFTEN = (PROFILES,)


@dataclass(frozen=True, slots=True)
class Template:
    """An index template.

    Args:
        name: Its name in the cluster.
        body: What is sent.
    """

    name: str
    body: dict[str, Any]

    @property
    def pattern(self) -> str:
        """The names of the indices or data streams it applies to."""
        return str(self.body["index_patterns"][0])


class TemplateChange(StrEnum):
    """The effect of installing a template."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def templates() -> Iterator[Template]:
    """Yield every template: one per dataset of the log, one per index that mlmon writes."""
    for dataset, fields in DATASETS.items():
        yield _template(stream_prefix(dataset), flat_mapping(fields), SCHEMA_VERSION, stream=True)
    yield _template(
        stream_prefix(DEAD_LETTER), flat_mapping(DEAD_LETTERS), TABLES_VERSION, stream=True
    )
    yield _template(
        stream_prefix(SHIPPING), flat_mapping(SHIPPING_TABLE), TABLES_VERSION, stream=True
    )
    for name, fields in TABLES.items():
        yield _template(name, mapping(fields), TABLES_VERSION, stream=False)


def fitting(cluster: Cluster) -> Iterator[Template]:
    """Yield every template as this cluster takes it: with its lifecycle where there is ILM."""
    managed = cluster.capabilities().ilm
    policies = {lifecycle.template: lifecycle.policy for lifecycle in LIFECYCLES if managed}
    for template in templates():
        policy = policies.get(template.name)
        yield template if policy is None else _managed(template, policy)


def install(cluster: Cluster) -> Iterator[tuple[Template, TemplateChange]]:
    """Install each template, and yield what changed.

    Existing data follows: a data stream rolls over to the new template, and an index gets the new
    fields. This is checked each time, so that an interrupted installation is completed.

    Raises:
        ClusterError: A field of an existing index would have to change its type.
    """
    for template in fitting(cluster):
        change = pending(cluster, template)
        if change is not TemplateChange.UNCHANGED:
            cluster.put_index_template(template.name, template.body)
        if _update_existing(cluster, template) and change is TemplateChange.UNCHANGED:
            change = TemplateChange.UPDATED
        yield template, change


def pending(cluster: Cluster, template: Template) -> TemplateChange:
    """Return the effect that installing a template would have."""
    present = cluster.get_index_template(template.name)
    if present is None:
        return TemplateChange.CREATED
    same = present.get("_meta") == template.body["_meta"]
    return TemplateChange.UNCHANGED if same else TemplateChange.UPDATED


def _update_existing(cluster: Cluster, template: Template) -> int:
    """Update existing streams and indices to their template; return how many were out of date."""
    mappings = template.body["template"]["mappings"]
    # Listed first: one that a shipper makes after that has the new mapping, and is not looked at.
    backing_of, present = cluster.data_streams(template.pattern), cluster.indices(template.pattern)
    found = cluster.mapping_meta(template.pattern)
    streams = [
        stream
        for stream, backing in backing_of.items()
        if found.get(backing[-1]) != mappings["_meta"]
    ]
    indices = [index for index in present if found.get(index) != mappings["_meta"]]
    for stream in streams:
        cluster.rollover(stream)
    for index in indices:
        cluster.put_mapping(index, mappings)
    return len(streams) + len(indices)


def _template(name: str, mappings: dict[str, Any], version: int, *, stream: bool) -> Template:
    body: dict[str, Any] = {
        "index_patterns": [f"{name}-*"],
        "priority": PRIORITY,
        "version": version,
        "template": {
            "settings": _SETTINGS if name in _READ_OFTEN else _COMPRESSED,
            "mappings": mappings,
        },
    }
    if stream:
        body["data_stream"] = {}
    return _marked(name, body)


def _managed(template: Template, policy: str) -> Template:
    body = {key: value for key, value in template.body.items() if key != "_meta"}
    inner = body["template"]
    settings = {**inner["settings"], "index.lifecycle.name": policy}
    mappings = {key: value for key, value in inner["mappings"].items() if key != "_meta"}
    return _marked(
        template.name, {**body, "template": {"settings": settings, "mappings": mappings}}
    )


def _marked(name: str, body: dict[str, Any]) -> Template:
    """Return a template whose body and mapping name mlmon as their maker, with a digest."""
    meta = {**MARK, "digest": _digest(body)}
    inner = body["template"]
    mappings = {**inner["mappings"], "_meta": meta}
    return Template(name, {**body, "template": {**inner, "mappings": mappings}, "_meta": meta})


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
