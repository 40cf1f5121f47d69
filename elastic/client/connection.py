"""One connection to Elasticsearch: plain JSON goes out, failures come back as errors to act on.

It stands on `elastic_transport`, the layer below the `elasticsearch` client. The client takes 55 MB
and a second more at start, and asks a cluster for its own major version, while plain JSON is
understood by every cluster from 8.19 on.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from elastic_transport import (
    ConnectionTimeout,
    NodeConfig,
    OrjsonSerializer,
    TlsError,
    Transport,
    TransportError,
)
from elastic_transport.client_utils import basic_auth_to_header

from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    RequestTooLargeError,
    UnsupportedClusterError,
    innermost,
)

MISSING = 404
_BUSY = frozenset({429, 502, 503, 504})
_JSON = {"accept": "application/json", "content-type": "application/json"}

# Retries are logged as warnings; a handler keeps them off standard error unless it is wanted.
logging.getLogger("elastic_transport").addHandler(logging.NullHandler())

Json = dict[str, Any]


class Connection:
    """Sends requests to one URL and raises what the cluster does not carry out.

    Args:
        url: The cluster, without credentials and without trailing slash.
        credentials: (user, password), an API key, or None.
        ca_certs: PEM file of the authorities to trust; None trusts those of the system.
        timeout: Seconds without an answer after which a request fails.
    """

    def __init__(
        self,
        url: str,
        credentials: tuple[str, str] | str | None = None,
        ca_certs: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.url = url
        self._timeout = timeout
        self._transport = Transport(
            [_node_config(url, credentials, ca_certs)],
            serializers={"application/json": OrjsonSerializer()},
            retry_backoff_base=0.2,
            retry_backoff_cap=5.0,
        )

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def request(
        self,
        method: str,
        path: str,
        body: Json | bytes | None = None,
        *,
        params: Mapping[str, str | int | bool | None] | None = None,
        retries: int = 5,
        timeout: float | None = None,
    ) -> Any:
        """Send one request and return the decoded answer.

        Args:
            method: HTTP method.
            path: Path from the cluster's root; its parts are already quoted (see `quoted`).
            body: JSON value, or bytes that are sent as they are.
            params: Query parameters; those that are None are left out.
            retries: How often to try again when the connection fails or the cluster is busy.
            timeout: Seconds; None takes the connection's.

        Raises:
            ClusterError: The cluster gave no answer or refused; see its subclasses.
        """
        try:
            meta, answer = self._transport.perform_request(
                method,
                path + _query(params),
                body=body,
                headers=_JSON,
                max_retries=retries,
                request_timeout=self._timeout if timeout is None else timeout,
            )
        except TransportError as error:
            raise self._unreachable(error) from error
        if meta.status >= 300:  # noqa: PLR2004 - redirects are not followed, so all above 2xx is failure
            raise failure(f"{method} {path}", self.url, meta.status, answer)
        if meta.headers.get("x-elastic-product") != "Elasticsearch":
            raise _not_elasticsearch(self.url)
        return answer

    def _unreachable(self, error: TransportError) -> ClusterError:
        if isinstance(error, TlsError):
            return ClusterUnreachableError(
                f"No secure connection to {self.url}: {innermost(error)}",
                "Set MLMON_CA_CERTS to the PEM file of the authority that signed its certificate.",
            )
        if isinstance(error, ConnectionTimeout):
            return ClusterUnreachableError(
                f"{self.url} did not answer in time",
                "See `mlmon doctor`, or raise MLMON_REQUEST_TIMEOUT.",
            )
        return ClusterUnreachableError(
            f"Elasticsearch is not reachable at {self.url}: {innermost(error)}",
            "Start a node with `mlmon node start`, or set MLMON_ELASTICSEARCH_URL to another one.",
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()


def failure(request: str, url: str, status: int, answer: Any) -> ClusterError:
    """Return the error for an answer that is not a success.

    Args:
        request: Method and path, for the message.
        url: The cluster, for the message.
        status: HTTP status of the answer.
        answer: Its decoded body: Elasticsearch's error object, or whatever a proxy sent.
    """
    why = reason(answer)
    if status in {401, 403}:
        return AccessRefusedError(
            f"{url} refuses access ({status}): {why}",
            "Check MLMON_API_KEY, or MLMON_USERNAME and MLMON_PASSWORD, and their privileges.",
            status,
        )
    message = f"{url} answered {status} to {request}: {why}"
    if status == 413:  # noqa: PLR2004 - Content Too Large
        return RequestTooLargeError(message, "Send fewer documents per request.", status)
    if status in _BUSY:
        return ClusterBusyError(message, "Try again when the cluster has less to do.", status)
    return ClusterError(message, "See `mlmon doctor` for what this cluster offers.", status)


def reason(answer: Any) -> str:
    """Return the reasons in Elasticsearch's error object on one line, the innermost last."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return " ".join(str(error or "no reason given").split())[:300]
    causes = [error, *error.get("root_cause", [])[:1], error.get("caused_by") or {}]
    texts = [f"{cause.get('type')}: {cause.get('reason')}" for cause in causes if cause.get("type")]
    return "; ".join(dict.fromkeys(texts)) or "no reason given"


def quoted(name: str) -> str:
    """Return a name as one part of a path; `*` and `,` keep their meaning in index patterns."""
    return quote(name, safe="*,")


def _query(params: Mapping[str, str | int | bool | None] | None) -> str:
    texts = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (params or {}).items()
        if value is not None
    }
    return f"?{urlencode(texts, safe='*,')}" if texts else ""


def _node_config(
    url: str, credentials: tuple[str, str] | str | None, ca_certs: str | None
) -> NodeConfig:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    if isinstance(credentials, tuple):
        headers = {"authorization": basic_auth_to_header(credentials)}
    else:
        headers = {"authorization": f"ApiKey {credentials}"} if credentials else {}
    return NodeConfig(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if tls else 80),
        path_prefix=parts.path,
        headers=headers,
        ca_certs=ca_certs if tls else None,
    )


def _not_elasticsearch(url: str) -> UnsupportedClusterError:
    return UnsupportedClusterError(
        f"What answers at {url} is not Elasticsearch 8.19 or newer",
        "Set MLMON_ELASTICSEARCH_URL to such a cluster.",
    )
