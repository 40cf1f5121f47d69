"""The optional features of a cluster, and a line for each one that is absent."""

import time
from dataclasses import dataclass, fields
from typing import Any

from mlmon.elastic.client.client import addresses
from mlmon.elastic.client.client_errors import cluster_errors, no_master
from mlmon.elastic.client.official import ApiError, Elasticsearch
from mlmon.elastic.errors import NoMasterError, UnsupportedClusterError

OLDEST_ELASTICSEARCH = (8, 19)
MASTER_SECONDS = 5.0
_POLL_SECONDS = 0.25
# https://www.elastic.co/subscriptions: Watcher is not part of the basic licence.
_WATCHER_LICENCES = frozenset({"trial", "standard", "gold", "platinum", "enterprise"})
_ABSENT = {
    "ilm": "no index lifecycle management: `mlmon prune` rolls over and deletes, once a day",
    "esql": "no ES|QL: mlmon uses query DSL only",
    "watcher": "no Watcher: alerts are raised by mlmon, not inside the cluster",
    "data_stream_api": "no data stream API: streams are rolled over but cannot be deleted",
    "scripts": "no scripts: mlmon's aggregations need none",
    "security": "security is off: everybody who reaches the port can read and write everything",
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The optional features of a cluster.

    Args:
        version: Version of its oldest node.
        licence: Type of its licence (`basic`, `trial`, …), None where it is not known.
        ilm: Index lifecycle management.
        esql: The ES|QL query language.
        watcher: Watcher, with a licence that includes it.
        data_stream_api: `/_data_stream`: listing and deleting data streams.
        scripts: Painless.
        security: Users, roles and API keys are checked.
    """

    version: str
    licence: str | None
    ilm: bool
    esql: bool
    watcher: bool
    data_stream_api: bool
    scripts: bool
    security: bool

    def absent(self) -> list[str]:
        """Return a line for each absent feature, with its consequence."""
        names = (field.name for field in fields(self))
        return [_ABSENT[name] for name in names if name in _ABSENT and not getattr(self, name)]


def detect(client: Elasticsearch, version: str) -> Capabilities:
    """Ask the cluster for its modules, its licence and whether security is on."""
    with cluster_errors(client):
        modules = _modules(client)
        licence = _licence(client)
        security = _security(client)
    return Capabilities(
        version=version,
        licence=licence,
        ilm="x-pack-ilm" in modules,
        esql="x-pack-esql" in modules,
        watcher="x-pack-watcher" in modules and licence in _WATCHER_LICENCES,
        data_stream_api="data-streams" in modules,
        scripts="lang-painless" in modules,
        security=security,
    )


def oldest_version(client: Elasticsearch) -> str:
    """Return the version of the cluster's oldest node.

    Raises:
        UnsupportedClusterError: It is older than 8.19.
        ClusterError: It gave no answer or refused.
    """
    with cluster_errors(client):
        nodes = _nodes(client, "version")
    version: str = min((node["version"] for node in nodes), key=_numbers)
    if _numbers(version) < OLDEST_ELASTICSEARCH:
        raise UnsupportedClusterError(
            f"{addresses(client)} runs Elasticsearch {version}, which is older than 8.19",
            "Upgrade the cluster, or set MLMON_ELASTICSEARCH_URL to a newer one.",
        )
    return version


def check_master(client: Elasticsearch) -> None:
    """Wait until the cluster has a master, as it has again seconds after it lost one.

    Raises:
        NoMasterError: It has none for that long.
        ClusterError: It gave no answer or refused.
    """
    deadline = time.monotonic() + MASTER_SECONDS
    while not _has_master(client):
        if time.monotonic() > deadline:
            raise no_master(addresses(client))
        time.sleep(_POLL_SECONDS)


def _has_master(client: Elasticsearch) -> bool:
    # Of its own state, so that a node that knows of no master answers at once.
    try:
        with cluster_errors(client):
            state = client.cluster.state(
                metric="master_node", local=True, master_timeout="1s", filter_path="master_node"
            )
    except NoMasterError:
        return False
    return bool(state.get("master_node"))


def _nodes(client: Elasticsearch, field: str) -> list[dict[str, Any]]:
    answer = client.nodes.info(filter_path=f"nodes.*.{field}")
    return list(answer["nodes"].values())


def _modules(client: Elasticsearch) -> frozenset[str]:
    nodes = _nodes(client, "modules.name")
    names = [frozenset(module["name"] for module in node["modules"]) for node in nodes]
    return frozenset.intersection(*names)


def _licence(client: Elasticsearch) -> str | None:
    try:
        return str(client.license.get()["license"]["type"])
    except ApiError:
        return None


def _security(client: Elasticsearch) -> bool:
    # With security off the endpoint has no handler; with it on, even an anonymous user has a name.
    try:
        client.security.authenticate()
    except ApiError as error:
        return error.meta.status in {401, 403}
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))
