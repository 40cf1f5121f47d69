"""Open the cluster that the settings name, or the embedded node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.elastic.client.capabilities import check_master, oldest_version
from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import ClusterError, UserError, WrongValueError

if TYPE_CHECKING:
    from mlmon.elastic.client.official import Elasticsearch
    from mlmon.elastic.settings import Settings

_FIRST_SECONDS = 10.0


def connect(settings: Settings) -> Cluster:
    """Open the cluster that the settings name, else the embedded node, and check it.

    Raises:
        UserError: There is neither, or the settings are wrong.
        ClusterError: It is unreachable, too old, has no master, or refuses the credentials; see
            its subclasses.
    """
    client = open_configured(settings)
    # Nobody waits longer than this to learn that a cluster is not there.
    first = client.options(
        request_timeout=min(_FIRST_SECONDS, settings.request_timeout),
        retry_on_timeout=len(settings.urls) > 1,
    )
    try:
        version = oldest_version(first)
        check_master(first)
        return Cluster(client, version)
    except ClusterError:
        client.close()
        raise


def open_configured(
    settings: Settings, credentials: tuple[str, str] | str | None = None
) -> Elasticsearch:
    """Return a client of the cluster of the settings or of the embedded node, unchecked.

    Args:
        settings: Which cluster.
        credentials: Other ones than the settings': (user, password), or an API key.
    """
    credentials, timeout = credentials or settings.credentials(), settings.request_timeout
    if settings.is_embedded:
        return _open_embedded(settings, credentials, timeout)
    ca_certs = settings.ca_certs
    if ca_certs is not None and not ca_certs.is_file():
        raise WrongValueError(f"{ca_certs} does not exist", "Correct MLMON_CA_CERTS.")
    return open_client(
        settings.urls,
        cloud_id=settings.cloud_id,
        credentials=credentials,
        ca_certs=None if ca_certs is None else str(ca_certs),
        timeout=timeout,
    )


def _open_embedded(
    settings: Settings, credentials: tuple[str, str] | str | None, timeout: float
) -> Elasticsearch:
    # Needless with a cluster of one's own: the node's process, Java, its download.
    from mlmon.elastic.node import node

    running = node.find(settings)
    if running is None:
        raise UserError(
            "No Elasticsearch: no URL is set and no embedded node runs",
            "Start one with `mlmon node start`, or set MLMON_ELASTICSEARCH_URL.",
        )
    return node.open_node(running.home, running.url, credentials, timeout)
