"""Index templates: made from the field tables, installed so that a second time changes nothing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import orjson

from elastic.index_tables import DEAD_LETTERS, TABLES, VERSION
from elastic.mappings import mapping
from logging_config.fields import DATASETS, SCHEMA_VERSION

# Above Elasticsearch's own `logs-*-*` template (100), and above what is usual for others.
PRIORITY = 350
MAX_FIELDS = 1000
LOGS = "logs-"
DEAD_LETTER_STREAM = "logs-mlmon.dead_letter"


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

    @property
    def is_data_stream(self) -> bool:
        """Whether what it applies to are data streams."""
        return "data_stream" in self.body


class Change(StrEnum):
    """What installing a template did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class TemplateHolder(Protocol):
    """What installing needs of a cluster."""

    def get_index_template(self, name: str) -> dict[str, Any] | None: ...  # noqa: D102 - Cluster's

    def put_index_template(self, name: str, body: dict[str, Any]) -> None: ...  # noqa: D102 - Cluster's


def templates() -> Iterator[Template]:
    """Yield every template: one per dataset of the log, one per index that mlmon writes."""
    for dataset, fields in DATASETS.items():
        yield _template(f"{LOGS}{dataset}", mapping(fields), SCHEMA_VERSION, stream=True)
    yield _template(DEAD_LETTER_STREAM, mapping(DEAD_LETTERS), VERSION, stream=True)
    for name, fields in TABLES.items():
        yield _template(name, mapping(fields), VERSION, stream=False)


def install(cluster: TemplateHolder) -> Iterator[tuple[Template, Change]]:
    """Bring each template into the cluster and yield what that did."""
    for template in templates():
        yield template, _install(cluster, template)


def state(cluster: TemplateHolder, template: Template) -> Change:
    """Return what installing a template would do."""
    present = cluster.get_index_template(template.name)
    if present is None:
        return Change.CREATED
    same = present.get("_meta") == template.body["_meta"]
    return Change.UNCHANGED if same else Change.UPDATED


def _install(cluster: TemplateHolder, template: Template) -> Change:
    change = state(cluster, template)
    if change is not Change.UNCHANGED:
        cluster.put_index_template(template.name, template.body)
    return change


def _template(name: str, mappings: dict[str, Any], version: int, *, stream: bool) -> Template:
    body: dict[str, Any] = {
        "index_patterns": [f"{name}-*"],
        "priority": PRIORITY,
        "version": version,
        "template": {"settings": _settings(stream=stream), "mappings": mappings},
    }
    if stream:
        body["data_stream"] = {}
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    return Template(name, {**body, "_meta": {"managed_by": "mlmon", "digest": digest}})


def _settings(*, stream: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "index.number_of_shards": 1,
        # None on a single node, one where there is a second node to hold it.
        "index.auto_expand_replicas": "0-1",
        "index.mapping.total_fields.limit": MAX_FIELDS,
        "index.mapping.total_fields.ignore_dynamic_beyond_limit": True,
        # A value of the wrong type refuses its document, which then lies in the dead letters with
        # the reason; ignored, it would be missing from every sum without a word.
        "index.mapping.ignore_malformed": False,
    }
    return settings
