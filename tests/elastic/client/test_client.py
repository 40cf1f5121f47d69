"""Requests arrive as they should, and each way to fail becomes an error a person can act on."""

import base64
import re
import socket
import time
from typing import Any

import pytest

from mlmon.elastic.client.client import addresses, open_client
from mlmon.elastic.client.client_errors import cluster_errors, reason
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    NoMasterError,
    RequestTooLargeError,
    UnsupportedClusterError,
)


def _request(url: str, retries: int = 5, **options: Any) -> Any:
    """Ask for `/_nodes` and return the answer."""
    with open_client([url], **options) as client, cluster_errors(client):
        return client.options(max_retries=retries).nodes.info().body


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
        _request(fault_server.url, retries=0)
    assert type(caught.value) is error
    assert caught.value.status == status
    assert caught.value.hint


def test_refused_credentials_are_not_repeated(fault_server: Any, answer: Any) -> None:
    """The error for 401 names the settings to check, and neither user nor password."""
    fault_server.say(answer(401, _refusal(401, "security_exception", "unable to authenticate")))
    with pytest.raises(AccessRefusedError) as caught:
        _request(fault_server.url, credentials=("someone", "hunter2"))
    assert "MLMON_API_KEY" in caught.value.hint
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_busy_cluster_is_asked_again(fault_server: Any, answer: Any) -> None:
    """429 and 503 are waited out, and the answer that comes in the end is returned."""
    fault_server.say(answer(429), answer(503), answer(200, {"found": True}))
    assert _request(fault_server.url) == {"found": True}
    assert len(fault_server.requests) == 3


def test_a_cut_connection_is_tried_again(fault_server: Any, answer: Any) -> None:
    """A connection that ends without an answer is opened again."""
    fault_server.say(answer(cut=True), answer(200, {"found": True}))
    assert _request(fault_server.url) == {"found": True}


def test_without_retries_a_request_is_sent_once(fault_server: Any, answer: Any) -> None:
    """A caller that decides on retries gets the first failure, and the server saw one request."""
    fault_server.say(answer(cut=True))
    with pytest.raises(ClusterUnreachableError) as caught:
        _request(fault_server.url, retries=0)
    assert caught.value.status is None
    assert len(fault_server.requests) == 1


def test_an_unreachable_cluster_names_url_and_remedy(closed_port: int) -> None:
    """The message holds the URL, and the hint the command that starts a node."""
    url = f"http://127.0.0.1:{closed_port}"
    with pytest.raises(ClusterUnreachableError, match=f"{url}: Connection refused") as caught:
        _request(url, retries=0)
    assert "mlmon node start" in caught.value.hint


def test_an_answer_that_does_not_come_in_time_is_an_error(closed_port: int) -> None:
    """A server that accepts and says nothing is given up after the timeout."""
    with (
        socket.create_server(("127.0.0.1", closed_port)),
        pytest.raises(ClusterUnreachableError, match="did not answer in time"),
    ):
        _request(f"http://127.0.0.1:{closed_port}", timeout=0.1)


def test_another_server_is_not_taken_for_elasticsearch(fault_server: Any, answer: Any) -> None:
    """A success without Elasticsearch's product header is refused: it may be anything."""
    fault_server.say(answer(200, {"nodes": {}}, product=False))
    with pytest.raises(UnsupportedClusterError, match="is not Elasticsearch"):
        _request(fault_server.url)


def test_bytes_are_sent_as_they_are(fault_server: Any) -> None:
    """A prepared body reaches the server byte for byte, below the URL's own path."""
    body = b'{"create":{}}\n{ "spaced" : 1.0 }\n'
    with Cluster(open_client([f"{fault_server.url}/prefix"]), "9.5.3") as cluster:
        cluster.bulk(body, filter_path="errors,items.*.status")
    method, path, _, sent = fault_server.requests[0]
    assert (method, path) == ("POST", "/prefix/_bulk?filter_path=errors,items.*.status")
    assert sent == body


def test_version_8_of_the_api_is_asked_for(fault_server: Any, answer: Any) -> None:
    """Headers name version 8, which 8.19 and 9.x answer, with and without a body."""
    items = [{"index": {"_id": "a", "status": 201, "result": "created"}}]
    fault_server.say(answer(200, {"items": items, "count": 1}))
    with Cluster(open_client([fault_server.url]), "9.5.3") as cluster:
        cluster.bulk(b"{}\n")
        cluster.put([Document("i", "a", {})])
        cluster.count("i")
    version = re.compile(r"application/vnd\.elasticsearch\+(json|x-ndjson); compatible-with=8")
    assert [path.partition("?")[0] for _, path, _, _ in fault_server.requests] == [
        "/_bulk",
        "/_bulk",
        "/i/_count",
    ]
    for _, _, headers, body in fault_server.requests:
        assert version.fullmatch(headers["accept"])
        assert not body or version.fullmatch(headers["content-type"])


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
    _request(fault_server.url, credentials=credentials)
    assert fault_server.requests[0][2].get("authorization") == header
    client = open_client([fault_server.url], credentials=credentials)
    assert "a2V5" not in f"{client!r}{client.transport.node_pool.all()!r}"
    client.close()


def test_the_reason_names_the_root_cause_once() -> None:
    """Repeated causes are reported once, and inner causes follow the outer one."""
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
def test_a_reason_is_found_in_any_answer(answer: Any) -> None:
    """A proxy's page, a bare text and nothing at all become one line of text."""
    assert reason(answer)
    assert "\n" not in reason(answer)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("master_not_discovered_exception", None),
        ("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
        ("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];"),
    ],
)
def test_a_cluster_without_master_is_named(
    kind: str, why: str, fault_server: Any, answer: Any
) -> None:
    """What Elasticsearch refuses for want of a master is an error of its own, with a remedy."""
    fault_server.say(answer(503, _refusal(503, kind, why)))
    with pytest.raises(NoMasterError, match=f"The cluster at {fault_server.url} has no master"):
        _request(fault_server.url, retries=0)


def test_a_busy_cluster_is_not_waited_for_beyond_the_deadline(
    fault_server: Any, answer: Any
) -> None:
    """Retries end with the request's time, however many are left."""
    fault_server.say(answer(503))
    began = time.monotonic()
    with pytest.raises(ClusterBusyError):
        _request(fault_server.url, retries=1000, timeout=0.5)
    assert time.monotonic() - began < 20


def test_another_node_is_asked_where_one_is_gone(
    fault_server: Any, answer: Any, closed_port: int
) -> None:
    """With two URLs a request is answered by the node that is there, whichever comes first."""
    fault_server.say(answer(200, {"found": True}))
    gone = f"http://127.0.0.1:{closed_port}"
    for urls in ([gone, fault_server.url], [fault_server.url, gone]):
        with open_client(urls) as client, cluster_errors(client):
            answers = [client.nodes.info().body for _ in range(4)]
        assert answers == [{"found": True}] * 4


def test_both_urls_are_named_where_neither_answers(closed_port: int) -> None:
    """The message names every node that was tried."""
    urls = [f"http://127.0.0.1:{closed_port}", f"http://localhost:{closed_port}"]
    with (
        open_client(urls) as client,
        pytest.raises(ClusterUnreachableError, match=",".join(urls)),
        cluster_errors(client),
    ):
        client.options(max_retries=1).nodes.info()


def test_a_half_answer_is_asked_for_again(fault_server: Any, answer: Any) -> None:
    """An answer that ends before its announced length never counts as an answer."""
    fault_server.say(answer(200, {"found": True}, half=True), answer(200, {"found": True}))
    assert _request(fault_server.url) == {"found": True}
    assert len(fault_server.requests) == 2


def test_an_answer_that_is_not_json_is_named(fault_server: Any, answer: Any) -> None:
    """A success with a body that cannot be read is an error that says so."""
    fault_server.say(answer(200, {"found": True}, garbled=True))
    with pytest.raises(ClusterUnreachableError, match="gave an answer that cannot be read"):
        _request(fault_server.url)


def test_a_cloud_id_names_its_node() -> None:
    """A deployment of Elastic Cloud is reached over TLS at the host its id encodes."""
    # https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/find-cloud-id: name:base64
    text = base64.b64encode(b"europe.example.net:443$es1234$kb5678").decode()
    with open_client(cloud_id=f"prod:{text}") as client:
        assert addresses(client) == "https://es1234.europe.example.net"
