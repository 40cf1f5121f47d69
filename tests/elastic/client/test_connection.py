"""Requests arrive as they should, and each way to fail becomes an error a person can act on."""

import base64
from typing import Any

import pytest

from mlmon.elastic.client.connection import Connection, reason
from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    RequestTooLargeError,
    UnsupportedClusterError,
)


def _refusal(status: int, kind: str, why: str) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": why}, "status": status}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ClusterError),
        (401, AccessRefusedError),
        (403, AccessRefusedError),
        (404, ClusterError),
        (413, RequestTooLargeError),
        (429, ClusterBusyError),
        (500, ClusterError),
        (503, ClusterBusyError),
    ],
)
def test_a_status_becomes_its_error(
    status: int, error: type[ClusterError], fault_server: Any, answer: Any
) -> None:
    """Each status has one error class, which carries the status and Elasticsearch's reason."""
    fault_server.say(answer(status, _refusal(status, "some_exception", "for a reason")))
    with pytest.raises(ClusterError, match="some_exception: for a reason") as caught:
        Connection(fault_server.url).request("GET", "/x", retries=0)
    assert type(caught.value) is error
    assert caught.value.status == status
    assert caught.value.hint


def test_refused_credentials_are_not_repeated(fault_server: Any, answer: Any) -> None:
    """The error for 401 names the settings to check, and neither user nor password."""
    fault_server.say(answer(401, _refusal(401, "security_exception", "unable to authenticate")))
    with pytest.raises(AccessRefusedError) as caught:
        Connection(fault_server.url, ("someone", "hunter2")).request("GET", "/")
    assert "MLMON_API_KEY" in caught.value.hint
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_busy_cluster_is_asked_again(fault_server: Any, answer: Any) -> None:
    """429 and 503 are waited out, and the answer that comes in the end is returned."""
    fault_server.say(answer(429), answer(503), answer(200, {"found": True}))
    assert Connection(fault_server.url).request("GET", "/x") == {"found": True}
    assert len(fault_server.requests) == 3


def test_a_cut_connection_is_tried_again(fault_server: Any, answer: Any) -> None:
    """A connection that ends without an answer is made anew."""
    fault_server.say(answer(cut=True), answer(200, {"found": True}))
    assert Connection(fault_server.url).request("GET", "/x") == {"found": True}


def test_without_retries_a_request_is_sent_once(fault_server: Any, answer: Any) -> None:
    """Who judges retries himself gets the first failure, and the server saw one request."""
    fault_server.say(answer(cut=True))
    with pytest.raises(ClusterUnreachableError) as caught:
        Connection(fault_server.url).request("POST", "/_bulk", b"{}\n", retries=0)
    assert caught.value.status is None
    assert len(fault_server.requests) == 1


def test_an_unreachable_cluster_names_url_and_remedy(closed_port: int) -> None:
    """The message holds the URL, and the hint the command that starts a node."""
    url = f"http://127.0.0.1:{closed_port}"
    with pytest.raises(ClusterUnreachableError, match=f"{url}: Connection refused") as caught:
        Connection(url).request("GET", "/", retries=0)
    assert "mlmon node start" in caught.value.hint


def test_an_answer_that_does_not_come_in_time_is_an_error(closed_port: int) -> None:
    """A server that accepts and says nothing is given up after the timeout."""
    import socket

    with socket.create_server(("127.0.0.1", closed_port)):
        connection = Connection(f"http://127.0.0.1:{closed_port}", timeout=0.1)
        with pytest.raises(ClusterUnreachableError, match="did not answer in time"):
            connection.request("GET", "/")
        connection.close()


def test_another_server_is_not_taken_for_elasticsearch(fault_server: Any, answer: Any) -> None:
    """A success without Elasticsearch's product header is refused: it may be anything."""
    fault_server.say(answer(200, {"nodes": {}}, product=False))
    with pytest.raises(UnsupportedClusterError, match="is not Elasticsearch"):
        Connection(fault_server.url).request("GET", "/_nodes")


def test_bytes_are_sent_as_they_are(fault_server: Any) -> None:
    """A prepared body reaches the server byte for byte, below the URL's own path."""
    body = b'{"create":{}}\n{ "spaced" : 1.0 }\n'
    Connection(f"{fault_server.url}/prefix").request(
        "POST", "/_bulk", body, params={"filter_path": "errors,items.*.status", "unset": None}
    )
    method, path, headers, sent = fault_server.requests[0]
    assert (method, path) == ("POST", "/prefix/_bulk?filter_path=errors,items.*.status")
    assert sent == body
    assert headers["content-type"] == headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (None, None),
        ("a2V5", "ApiKey a2V5"),
        (("user", "pass:word"), "Basic " + base64.b64encode(b"user:pass:word").decode()),
    ],
)
def test_credentials_are_sent_in_the_header(
    credentials: Any, header: str | None, fault_server: Any
) -> None:
    """An API key and a user are sent as Elasticsearch expects, and nothing without them."""
    connection = Connection(fault_server.url, credentials)
    connection.request("GET", "/")
    assert fault_server.requests[0][2].get("authorization") == header
    assert "a2V5" not in repr(connection)


def test_the_reason_names_the_root_cause_once() -> None:
    """Repeated causes are said once, and inner causes follow the outer one."""
    outer = {"type": "search_phase_execution_exception", "reason": "all shards failed"}
    inner = {"type": "illegal_argument_exception", "reason": "text is not sortable"}
    answer = {"error": {**outer, "root_cause": [inner], "caused_by": inner}}
    assert reason(answer) == (
        "search_phase_execution_exception: all shards failed; "
        "illegal_argument_exception: text is not sortable"
    )


@pytest.mark.parametrize(
    "answer", [None, "", "<html>\n bad gateway</html>", {"error": "no handler"}, {}]
)
def test_a_reason_is_found_in_whatever_comes(answer: Any) -> None:
    """A proxy's page, a bare text and nothing at all become one line of text."""
    assert reason(answer)
    assert "\n" not in reason(answer)
