"""What a cluster offers beyond the embedded core, and one line for each thing it does not."""

from dataclasses import dataclass, fields
from typing import Any

from mlmon.elastic.client.connection import Connection
from mlmon.elastic.errors import ClusterError, UnsupportedClusterError

OLDEST = (8, 19)
# https://www.elastic.co/subscriptions: Watcher is not part of the basic licence.
_WATCHER_LICENCES = frozenset({"trial", "standard", "gold", "platinum", "enterprise"})
_ABSENT = {
    "ilm": "no index lifecycle management: `mlmon prune` rolls over and deletes, once a day",
    "esql": "no ES|QL: mlmon asks in query DSL only",
    "watcher": "no Watcher: alerts are raised by mlmon, not inside the cluster",
    "data_stream_api": "no data stream API: streams are rolled over but cannot be deleted",
    "scripts": "no scripts: mlmon's aggregations do without",
    "security": "security is off: whoever reaches the port reads and writes everything",
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a cluster offers.

    Args:
        version: Version of its oldest node.
        licence: Type of its licence (`basic`, `trial`, …), None where it does not tell.
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
        """Return one line for each thing that is not there, saying what follows from it."""
        names = (field.name for field in fields(self))
        return [_ABSENT[name] for name in names if name in _ABSENT and not getattr(self, name)]


def detect(connection: Connection, version: str) -> Capabilities:
    """Ask the cluster for its modules, its licence and whether security is on."""
    modules = _modules(connection)
    licence = _licence(connection)
    return Capabilities(
        version=version,
        licence=licence,
        ilm="x-pack-ilm" in modules,
        esql="x-pack-esql" in modules,
        watcher="x-pack-watcher" in modules and licence in _WATCHER_LICENCES,
        data_stream_api="data-streams" in modules,
        scripts="lang-painless" in modules,
        security=_security(connection),
    )


def oldest_version(connection: Connection) -> str:
    """Return the version of the cluster's oldest node.

    Raises:
        UnsupportedClusterError: It is older than 8.19.
        ClusterError: It gave no answer or refused.
    """
    nodes = _nodes(connection, "version")
    version: str = min((node["version"] for node in nodes), key=_numbers)
    if _numbers(version) < OLDEST:
        raise UnsupportedClusterError(
            f"{connection.url} runs Elasticsearch {version}, which is older than 8.19",
            "Upgrade the cluster, or set MLMON_ELASTICSEARCH_URL to a newer one.",
        )
    return version


def _nodes(connection: Connection, field: str) -> list[dict[str, Any]]:
    answer = connection.request("GET", "/_nodes", params={"filter_path": f"nodes.*.{field}"})
    return list(answer["nodes"].values())


def _modules(connection: Connection) -> frozenset[str]:
    nodes = _nodes(connection, "modules.name")
    names = [frozenset(module["name"] for module in node["modules"]) for node in nodes]
    return frozenset.intersection(*names)


def _licence(connection: Connection) -> str | None:
    try:
        answer = connection.request("GET", "/_license")
    except ClusterError as error:
        if error.status is None:
            raise
        return None
    return str(answer["license"]["type"])


def _security(connection: Connection) -> bool:
    # With security off the endpoint has no handler; with it on, even an anonymous user is somebody.
    try:
        connection.request("GET", "/_security/_authenticate")
    except ClusterError as error:
        if error.status is None:
            raise
        return error.status in {401, 403}
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))
