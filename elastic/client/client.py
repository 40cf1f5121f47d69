"""The official client, set up for mlmon: every command's one way to Elasticsearch.

It asks for version 8 of Elasticsearch's API, which servers of 8.19 and of 9.x both answer; left to
itself, the client asks for its own major version, which an 8.19 server refuses.
"""

import logging
import math
import random
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError

from mlmon.elastic import lenient_json
from mlmon.elastic.client.documents import BUSY
from mlmon.elastic.client.official import (
    DEFAULT,
    ConnectionTimeout,
    DefaultType,
    Elasticsearch,
    ElasticsearchWarning,
    HttpHeaders,
    NodeConfig,
    OrjsonSerializer,
    Transport,
    TransportApiResponse,
    Urllib3HttpNode,
    elastic_transport,
    resolve_default,
    url_to_node_config,
)

JSON_HEADERS: Final = {"accept": "application/json", "content-type": "application/json"}

_MIME_TYPE: Final = "application/vnd.elasticsearch+{}; compatible-with=8"
_CONNECT_SECONDS: Final = 5.0
_RETRIES: Final = 5
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0

# Retries are logged as warnings; a handler keeps them off standard error unless it is wanted.
logging.getLogger("elastic_transport").addHandler(logging.NullHandler())


def open_client(
    urls: Sequence[str] = (),
    *,
    cloud_id: str | None = None,
    credentials: tuple[str, str] | str | None = None,
    ca_certs: str | None = None,
    timeout: float = 60.0,
) -> Elasticsearch:
    """Return a client; nothing is sent before its first request.

    Args:
        urls: Nodes of one cluster, without credentials; a request goes to the next one where one
            does not answer.
        cloud_id: The deployment in Elastic Cloud, in place of URLs.
        credentials: (user, password), an API key in its encoded form, or None.
        ca_certs: PEM file of the authorities to trust; None trusts those of the system.
        timeout: Seconds after which a request without an answer fails, its retries included.
    """
    # Deprecations concern who maintains mlmon, not who runs its commands.
    warnings.filterwarnings("ignore", category=ElasticsearchWarning)
    trusts = {"ca_certs": ca_certs} if ca_certs else {}
    return Elasticsearch(
        [url_to_node_config(url, use_default_ports_for_scheme=True) for url in urls] or None,
        cloud_id=cloud_id,
        basic_auth=credentials if isinstance(credentials, tuple) else None,
        api_key=credentials if isinstance(credentials, str) else None,
        serializers={"application/json": _LenientSerializer()},
        transport_class=_Transport,
        node_class=_Node,
        randomize_nodes_in_pool=False,
        request_timeout=timeout,
        max_retries=_RETRIES,
        retry_backoff_base=_FIRST_PAUSE,
        retry_backoff_cap=_LONGEST_PAUSE,
        **trusts,  # type: ignore[arg-type] # one keyword, left out where nothing is pinned
    )


def addresses(client: Elasticsearch) -> str:
    """Return the URLs of a client's nodes, separated by commas."""
    return ",".join(address(node.config) for node in client.transport.node_pool.all())


def address(node: NodeConfig) -> str:
    """Return the URL of a node, as a person would write it."""
    host = f"[{node.host}]" if ":" in node.host else node.host
    default = 443 if node.scheme == "https" else 80
    port = "" if node.port == default else f":{node.port}"
    return f"{node.scheme}://{host}{port}{node.path_prefix}"


class _LenientSerializer(OrjsonSerializer):
    """Reads answers also where they hold what orjson refuses."""

    def json_loads(self, data: bytes) -> Any:
        try:
            return super().json_loads(data)
        except ValueError:
            return lenient_json.loads(data)


class _Transport(Transport):
    """Asks for version 8 of the API, and waits for a busy cluster until the request's deadline."""

    def perform_request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, Any] | DefaultType = DEFAULT,
        max_retries: int | DefaultType = DEFAULT,
        request_timeout: float | DefaultType | None = DEFAULT,
        **options: Any,
    ) -> TransportApiResponse:
        """Send a request; after an answer with a busy status, pause and send it again."""
        retries = resolve_default(max_retries, self.max_retries)
        # A caller that gives statuses of its own wants these answers back.
        if options.pop("retry_on_status", DEFAULT) is not DEFAULT:
            retries = 0
        seconds = resolve_default(request_timeout, None)
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        for attempt in range(retries + 1):
            answer = super().perform_request(
                method,
                target,
                headers=_compatible(headers),
                max_retries=max_retries,
                request_timeout=request_timeout,
                retry_on_status=(),
                **options,
            )
            pause = random.uniform(0.5, 1) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            # The next answer takes as long as this one did: a cluster without master answers late.
            late = time.monotonic() + pause + answer.meta.duration > deadline
            if answer.meta.status not in BUSY or attempt == retries or late:
                break
            time.sleep(pause)
        return answer


def _compatible(headers: Mapping[str, Any] | DefaultType) -> HttpHeaders:
    sent = HttpHeaders(resolve_default(headers, {}))
    for name in ("accept", "content-type"):
        if name in sent:
            form = "x-ndjson" if "x-ndjson" in sent[name] else "json"
            sent[name] = _MIME_TYPE.format(form)
    return sent


class _Node(Urllib3HttpNode):
    """One node, given up after a few seconds where it accepts no connection."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: float | DefaultType | None = DEFAULT,
    ) -> Any:
        """Send a request once.

        Raises:
            elastic_transport.ConnectionError: There was no connection, so another node may be
                asked.
        """
        seconds = resolve_default(request_timeout, self.config.request_timeout)
        connect = _CONNECT_SECONDS if seconds is None else min(_CONNECT_SECONDS, seconds)
        limits: Any = Timeout(connect=connect, read=seconds)
        try:
            return super().perform_request(method, target, body, headers, limits)
        except ConnectionTimeout as error:
            if isinstance(error.errors[0], ConnectTimeoutError):
                raise elastic_transport.ConnectionError(
                    f"no connection within {connect:.0f} s", errors=error.errors
                ) from None
            raise
