"""All checks of `mlmon doctor`, in the order in which mlmon needs what they look at."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.doctor.activity import activity_checks
from mlmon.elastic.doctor.check import Check, CheckVerdict
from mlmon.elastic.doctor.machine import machine_checks
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.names import all_logs, everything
from mlmon.elastic.settings import Settings
from mlmon.formatting import count, listed

_NEARLY_FULL = 0.8
_LOOKED_AT = 1_000_000


def examine(settings: Settings) -> Iterator[Check]:
    """Yield a check for each thing mlmon needs with these settings."""
    found = f"{settings.cluster_name}, namespace {settings.namespace!r}"
    yield Check("settings", CheckVerdict.OK, found)
    if settings.is_embedded:
        yield from machine_checks(settings)
    try:
        cluster = connect(settings)
    except UserError as error:
        yield Check("cluster", CheckVerdict.MISSING, error.message, error.hint)
        return
    with cluster:
        yield _cluster(cluster)
        yield from (
            Check("capability", CheckVerdict.NOTE, line) for line in cluster.capabilities().absent()
        )
        yield _templates(cluster)
        yield from _read_only(cluster, settings.namespace)
        yield from _environments(cluster, settings.namespace)
        yield from _fields(cluster, settings.namespace)
        yield from activity_checks(cluster, settings.namespace, datetime.now(UTC))


def _cluster(cluster: Cluster) -> Check:
    health = cluster.health()
    nodes = count(health["number_of_nodes"], "node")
    found = f"Elasticsearch {cluster.version} at {cluster.url}, {nodes}, {health['status']}"
    if health["status"] == "red":
        return Check(
            "cluster", CheckVerdict.MISSING, found, "Some data cannot be read: see its logs."
        )
    return Check("cluster", CheckVerdict.OK, found)


def _templates(cluster: Cluster) -> Check:
    wanted = list(templates.fitting(cluster))
    stale = [
        template.name
        for template in wanted
        if templates.pending(cluster, template) is not templates.TemplateChange.UNCHANGED
    ]
    if stale:
        found = f"missing or out of date: {', '.join(stale)}"
        return Check("templates", CheckVerdict.MISSING, found, "Install them with `mlmon setup`.")
    return Check("templates", CheckVerdict.OK, f"{len(wanted)} installed")


def _read_only(cluster: Cluster, namespace: str) -> Iterator[Check]:
    """Yield a problem where a disk was so full that Elasticsearch made indices read-only."""
    blocks = cluster.settings(everything(namespace), "*.settings.index.blocks")
    full = [
        index
        for index, found in sorted(blocks.items())
        if str(found["blocks"].get("read_only_allow_delete")).lower() == "true"
    ]
    if full:
        number = count(len(full), "index is", "indices are")
        yield Check(
            "disk",
            CheckVerdict.MISSING,
            f"{number} read-only, because a disk of the cluster reached its flood stage: "
            f"{listed(full)}",
            "Free space on the cluster's disks, for example with `mlmon prune`. Elasticsearch "
            "takes writes again by itself when a disk is below its high watermark.",
        )


def _environments(cluster: Cluster, namespace: str) -> Iterator[Check]:
    """Yield a note where services of a namespace name several environments."""
    body = {
        "size": 0,
        "track_total_hits": False,
        "terminate_after": _LOOKED_AT,
        # mlmon's own lines name the namespace.
        "query": {"bool": {"must_not": [{"term": {"service.name": "mlmon"}}]}},
        "aggs": {"named": {"terms": {"field": "service.environment"}}},
    }
    answer = cluster.search(all_logs(namespace), body)
    buckets = answer.get("aggregations", {}).get("named", {"buckets": []})["buckets"]
    if len(buckets) > 1:
        named = ", ".join(
            f"{bucket['key']} ({count(bucket['doc_count'], 'line')})" for bucket in buckets
        )
        yield Check(
            "environments",
            CheckVerdict.NOTE,
            f"namespace {namespace!r} holds lines of several environments: {named}",
            "They are judged as one: ship each with a --namespace of its own.",
        )


def _fields(cluster: Cluster, namespace: str) -> Iterator[Check]:
    """Yield a note for each index whose mapping is nearly full: it counts no new feature then."""
    for index, mapping in cluster.mapping(all_logs(namespace)).items():
        number = _count_fields(mapping.get("properties", {}))
        if number >= templates.MAX_FIELDS * _NEARLY_FULL:
            yield Check(
                "fields",
                CheckVerdict.NOTE,
                f"{index} has {number:,} of {templates.MAX_FIELDS:,} fields",
                "Features beyond are kept but not counted: find the producer that makes names of "
                "values and fix it. The stream's next index starts with an empty list.",
            )


def _count_fields(properties: dict[str, Any]) -> int:
    """Return how many fields a mapping has, objects included."""
    return sum(1 + _count_fields(field.get("properties", {})) for field in properties.values())
