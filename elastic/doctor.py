"""What is there, what is missing, and what to do about it: one line per thing mlmon depends on."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.names import all_logs
from mlmon.elastic.node import node
from mlmon.elastic.node.distribution import ELASTICSEARCH, installed
from mlmon.elastic.node.java import OLDEST, find_java, java_version
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.folders import cache_folder, home_folder

_GIB = 2**30
_DISK_NEEDED = 1.0
_MEMORY_NEEDED = 1.0
_NEARLY_FULL = 0.8
_LOOKED_AT = 1_000_000


class Verdict(StrEnum):
    """How one thing stands."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Args:
        name: The thing.
        verdict: `missing` where mlmon cannot work without it, `note` where it works differently.
        found: What was found.
        advice: What to do, where something is to be done.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Yield a check for each thing mlmon needs with these settings, in the order it needs them."""
    yield _settings(settings)
    if settings.is_embedded:
        yield from _embedded(settings)
    try:
        cluster = connect(settings)
    except UserError as error:
        yield Check("cluster", Verdict.MISSING, error.message, error.hint)
        return
    with cluster:
        yield _cluster(cluster)
        yield from (
            Check("capability", Verdict.NOTE, line) for line in cluster.capabilities().absent()
        )
        yield _templates(cluster)
        yield _documents(cluster, settings)
        yield from _environments(cluster, settings)
        yield from _fields(cluster, settings)


def _settings(settings: Settings) -> Check:
    return Check(
        "settings", Verdict.OK, f"{settings.cluster_name}, namespace {settings.namespace!r}"
    )


def _embedded(settings: Settings) -> Iterator[Check]:
    running = node.find(settings)
    if running is None:
        yield _java()
        yield _distribution(cache_folder(settings))
        yield _memory(settings)
    yield _disk(home_folder(settings))
    found = f"{running.url}, pid {running.pid}" if running else "not running"
    advice = "" if running else "Start it with `mlmon node start`."
    yield Check("node", Verdict.OK if running else Verdict.NOTE, found, advice)


def _java() -> Check:
    home = find_java()
    if home is None:
        return Check(
            "java",
            Verdict.NOTE,
            f"no Java {OLDEST} or newer that the node can run",
            "`mlmon node start` fetches one; or install a JDK, or set JAVA_HOME.",
        )
    return Check("java", Verdict.OK, f"Java {java_version(home)} at {home}")


def _distribution(cache: Path) -> Check:
    folder = installed(ELASTICSEARCH, cache)
    if folder is None:
        advice = "`mlmon node start` fetches it (132 MB, once)."
        return Check("elasticsearch", Verdict.NOTE, "not fetched yet", advice)
    return Check("elasticsearch", Verdict.OK, f"{ELASTICSEARCH.version} at {folder}")


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    found = f"{free:.1f} GiB free at {existing}"
    if free < _DISK_NEEDED:
        return Check("disk", Verdict.MISSING, found, "Free some, or set MLMON_HOME elsewhere.")
    return Check("disk", Verdict.OK, found)


def _memory(settings: Settings) -> Check:
    free = psutil.virtual_memory().available / _GIB
    found = f"{free:.1f} GiB available"
    if free < _MEMORY_NEEDED:
        advice = f"The node takes its heap ({settings.node_heap}) and 0.3 GiB: see MLMON_NODE_HEAP."
        return Check("memory", Verdict.NOTE, found, advice)
    return Check("memory", Verdict.OK, found)


def _cluster(cluster: Cluster) -> Check:
    health = cluster.health()
    found = (
        f"Elasticsearch {cluster.version} at {cluster.url}, {health['number_of_nodes']} node(s), "
        f"{health['status']}"
    )
    if health["status"] == "red":
        return Check("cluster", Verdict.MISSING, found, "Some data cannot be read: see its logs.")
    return Check("cluster", Verdict.OK, found)


def _templates(cluster: Cluster) -> Check:
    wanted = list(templates.fitting(cluster))
    stale = [
        template.name
        for template in wanted
        if templates.pending(cluster, template) is not templates.Change.UNCHANGED
    ]
    if stale:
        found = f"missing or out of date: {', '.join(stale)}"
        return Check("templates", Verdict.MISSING, found, "Install them with `mlmon setup`.")
    return Check("templates", Verdict.OK, f"{len(wanted)} installed")


def _documents(cluster: Cluster, settings: Settings) -> Check:
    count = cluster.count(all_logs(settings.namespace))
    if count == 0:
        advice = "Ship some with `mlmon ship PATH`, or see `mlmon demo`."
        return Check("logs", Verdict.NOTE, "no documents yet", advice)
    return Check("logs", Verdict.OK, f"{count:,} documents in namespace {settings.namespace!r}")


def _environments(cluster: Cluster, settings: Settings) -> Iterator[Check]:
    """Yield a note where services of a namespace say that they run in several environments."""
    body = {
        "size": 0,
        "track_total_hits": False,
        "terminate_after": _LOOKED_AT,
        # mlmon's own lines name the namespace.
        "query": {"bool": {"must_not": [{"term": {"service.name": "mlmon"}}]}},
        "aggs": {"named": {"terms": {"field": "service.environment"}}},
    }
    answer = cluster.search(all_logs(settings.namespace), body)
    buckets = answer.get("aggregations", {}).get("named", {"buckets": []})["buckets"]
    if len(buckets) > 1:
        named = ", ".join(f"{bucket['key']} ({bucket['doc_count']:,} lines)" for bucket in buckets)
        yield Check(
            "environments",
            Verdict.NOTE,
            f"namespace {settings.namespace!r} holds lines of several environments: {named}",
            "They are judged as one: ship each with a --namespace of its own.",
        )


def _fields(cluster: Cluster, settings: Settings) -> Iterator[Check]:
    """Yield a note for each index whose mapping is nearly full: it counts no new feature then."""
    for index, mapping in cluster.mapping(all_logs(settings.namespace)).items():
        named = _named(mapping.get("properties", {}))
        if named >= templates.MAX_FIELDS * _NEARLY_FULL:
            found = f"{index} names {named:,} of {templates.MAX_FIELDS:,} fields"
            yield Check(
                "fields",
                Verdict.NOTE,
                found,
                "Beyond, new features are kept and not counted: see which producer invents fields, "
                "and mend it; the stream's next index begins anew.",
            )


def _named(properties: dict[str, Any]) -> int:
    """Return how many fields a mapping names, objects among them."""
    return sum(1 + _named(field.get("properties", {})) for field in properties.values())
