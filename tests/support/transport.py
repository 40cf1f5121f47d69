"""What a cluster is asked, seen or changed by a test: one seam below all calls of the client."""

from collections.abc import Callable
from typing import Any

import pytest
from elastic_transport import (
    ApiResponseMeta,
    HttpHeaders,
    NodeConfig,
    TransportApiResponse,
)

from mlmon.elastic.client.cluster import Cluster

Send = Callable[[], TransportApiResponse]
Intercept = Callable[[str, str, bytes | None, Send], TransportApiResponse]


def intercept(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, function: Intercept) -> None:
    """Call a function in place of each request, with its method, path, body, and how to send it.

    The path is without its query; the body is as it is sent.
    """
    transport = cluster._client.transport
    original = transport.perform_request

    def perform_request(method: str, target: str, **options: Any) -> TransportApiResponse:
        body = options.get("body")
        if body is not None:
            kind = options["headers"]["content-type"]
            body = options["body"] = transport.serializers.dumps(body, mimetype=kind)
        path = target.partition("?")[0]
        return function(method, path, body, lambda: original(method, target, **options))

    monkeypatch.setattr(transport, "perform_request", perform_request)


def answer_of(body: Any, status: int = 200) -> TransportApiResponse:
    """Return an answer as a node would give it."""
    node = NodeConfig("http", "127.0.0.1", 9200)
    headers = HttpHeaders({"x-elastic-product": "Elasticsearch"})
    meta = ApiResponseMeta(status, "1.1", headers, 0.0, node)
    return TransportApiResponse(meta, body)
