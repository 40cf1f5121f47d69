"""The client's exceptions as errors a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlmon.elastic.client.client import address, addresses
from mlmon.elastic.client.documents import BUSY, disk_full
from mlmon.elastic.client.official import (
    ApiError,
    Elasticsearch,
    UnsupportedProductError,
    elastic_transport,
)
from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    NoMasterError,
    RequestTooLargeError,
    UnsupportedClusterError,
    root_cause,
)

NOT_FOUND = 404
# https://www.elastic.co/docs/troubleshoot/elasticsearch/discovery-troubleshooting
_WITHOUT_MASTER = ("master_not_discovered_exception", "no master", "state not recovered")


@contextmanager
def cluster_errors(client: Elasticsearch) -> Iterator[None]:
    """Raise what the client raises in this block as a `ClusterError`; see its subclasses."""
    try:
        yield
    except UnsupportedProductError as error:
        raise UnsupportedClusterError(
            f"What answers at {address(error.meta.node)} is not Elasticsearch 8.19 or newer",
            "Set MLMON_ELASTICSEARCH_URL to such a cluster.",
        ) from None
    except ApiError as error:
        raise failure(address(error.meta.node), error.meta.status, error.body) from None
    except elastic_transport.TransportError as error:
        raise _no_answer(addresses(client), error) from error


def failure(url: str, status: int, answer: Any) -> ClusterError:
    """Return the error for an answer that is not a success.

    Args:
        url: The node that answered.
        status: HTTP status of the answer.
        answer: Its decoded body: Elasticsearch's error object, or the page of a proxy.
    """
    why = reason(answer)
    if status in {401, 403}:
        return AccessRefusedError(
            f"{url} refuses access ({status}): {why}",
            "Check MLMON_API_KEY, or MLMON_USERNAME and MLMON_PASSWORD, and their privileges.",
            status,
        )
    if status in BUSY and any(text in why for text in _WITHOUT_MASTER):
        return no_master(url, status)
    if full := disk_full(why, status):
        return full
    message = f"{url} answered {status}: {why}"
    if status == 413:  # noqa: PLR2004 - Content Too Large
        return RequestTooLargeError(message, "Send fewer documents per request.", status)
    if status in BUSY:
        return ClusterBusyError(message, "Try again when the cluster has less to do.", status)
    return ClusterError(message, "See `mlmon doctor` for what this cluster offers.", status)


def no_master(url: str, status: int | None = None) -> NoMasterError:
    """Return the error for a cluster that has elected no master."""
    return NoMasterError(
        f"The cluster at {url} has no master: it takes no writes and may answer no searches",
        "Start the missing master-eligible nodes; their logs name the reason.",
        status,
    )


def reason(answer: Any) -> str:
    """Return the reasons in Elasticsearch's error object on one line, the innermost last."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return " ".join(str(error or "no reason given").split())[:300]
    causes = [error, *error.get("root_cause", [])[:1], error.get("caused_by") or {}]
    texts = [f"{cause.get('type')}: {cause.get('reason')}" for cause in causes if cause.get("type")]
    return "; ".join(dict.fromkeys(texts)) or "no reason given"


def _no_answer(urls: str, error: elastic_transport.TransportError) -> ClusterError:
    if isinstance(error, elastic_transport.TlsError):
        return ClusterUnreachableError(
            f"No secure connection to {urls}: {root_cause(error)}",
            "Set MLMON_CA_CERTS to the PEM file of the authority that signed its certificate.",
        )
    if isinstance(error, elastic_transport.ConnectionTimeout):
        return ClusterUnreachableError(
            f"{urls} did not answer in time",
            "See `mlmon doctor`, or raise MLMON_REQUEST_TIMEOUT.",
        )
    if isinstance(error, elastic_transport.SerializationError):
        return ClusterUnreachableError(
            f"{urls} gave an answer that cannot be read: {root_cause(error)}",
            "Check what stands between: a proxy may have cut or replaced the answer.",
        )
    return ClusterUnreachableError(
        f"Elasticsearch is not reachable at {urls}: {root_cause(error)}",
        "Start a node with `mlmon node start`, or set MLMON_ELASTICSEARCH_URL to another one.",
    )
