"""Open the cluster that the settings name, or the embedded node."""

from mlmon.elastic.client.capabilities import oldest_version
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.connection import Connection
from mlmon.elastic.errors import ClusterError, UserError
from mlmon.elastic.node import node
from mlmon.elastic.settings import Settings


def connect(settings: Settings) -> Cluster:
    """Open the cluster that the settings name, else the embedded node, and check its version.

    Raises:
        UserError: There is neither, or the settings are wrong.
        ClusterError: It is unreachable, too old, or refuses the credentials; see its subclasses.
    """
    connection = open_connection(settings)
    try:
        return Cluster(connection, oldest_version(connection))
    except ClusterError:
        connection.close()
        raise


def open_connection(settings: Settings) -> Connection:
    """Return a connection to the cluster of the settings or the embedded node, unchecked."""
    credentials, timeout = settings.credentials(), settings.request_timeout
    if settings.elasticsearch_url is None:
        running = _running_node(settings)
        return node.open_node(running.home, running.url, credentials, timeout)
    ca_certs = settings.ca_certs
    if ca_certs is not None and not ca_certs.is_file():
        raise UserError(f"{ca_certs} does not exist", "Correct MLMON_CA_CERTS.")
    trusted = None if ca_certs is None else str(ca_certs)
    return Connection(settings.elasticsearch_url, credentials, trusted, timeout)


def _running_node(settings: Settings) -> node.RunningNode:
    running = node.find(settings)
    if running is None:
        raise UserError(
            "No Elasticsearch: no URL is set and no embedded node runs",
            "Start one with `mlmon node start`, or set MLMON_ELASTICSEARCH_URL.",
        )
    return running
