"""Documents are sent in bounded requests without loss, and answers are judged item by item."""

from typing import Any

import orjson
import pytest
from elastic_transport import TransportApiResponse
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.client import documents
from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import NEW, Document, DocumentVersion, WriteResult, store
from mlmon.elastic.errors import ClusterUnreachableError, DocumentsRefusedError
from tests.support.transport import answer_of

SOURCES = st.dictionaries(st.text(max_size=8), st.integers(-9, 9) | st.text(max_size=9) | st.none())


class Recorder:
    """A transport that takes each request and answers as if every document were new."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.client = open_client(["http://127.0.0.1:9"])
        transport = self.client.transport
        original = transport.serializers

        def perform_request(_method: str, _target: str, **options: Any) -> TransportApiResponse:
            kind = options["headers"]["content-type"]
            body = original.dumps(options["body"], mimetype=kind)
            self.bodies.append(body)
            items = [
                {"index": {"_id": orjson.loads(line)["index"]["_id"], "status": 201}}
                for line in body.splitlines()[::2]
            ]
            for item in items:
                item["index"]["result"] = "created"
            return answer_of({"errors": False, "items": items})

        transport.perform_request = perform_request  # type: ignore[method-assign,assignment]


@given(st.lists(SOURCES, max_size=40), st.integers(1, 9), st.integers(40, 400))
def test_requests_lose_nothing_and_keep_their_bounds(
    sources: list[dict[str, object]], most: int, size: int
) -> None:
    """All documents are sent in order, no request is over the bounds unless one document is."""
    sent = [Document("i", str(number), source) for number, source in enumerate(sources)]
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_CHUNK_DOCUMENTS", most)
        patch.setattr(documents, "_CHUNK_BYTES", size)
        assert store(recorder.client, sent) == WriteResult(created=len(sent))
    batches = [[orjson.loads(line) for line in body.splitlines()] for body in recorder.bodies]
    assert [line for batch in batches for line in batch[1::2]] == sources
    ids = [line["index"]["_id"] for batch in batches for line in batch[::2]]
    assert ids == [document.id for document in sent]
    for body, batch in zip(recorder.bodies, batches, strict=True):
        assert len(batch) // 2 <= most
        assert len(body) <= size or len(batch) == 2


def test_an_answer_is_judged_by_item(fault_server: Any, answer: Any) -> None:
    """Stored, replaced and refused documents are counted, with the refusal's causes."""
    wrong = {"type": "outer", "reason": "why", "caused_by": {"type": "inner", "reason": "deeper"}}
    items = [
        {"index": {"_id": "a", "status": 201, "result": "created"}},
        {"index": {"_id": "b", "status": 200, "result": "updated"}},
        {"index": {"_id": "c", "status": 400, "error": wrong}},
    ]
    fault_server.say(answer(200, {"errors": True, "items": items}))
    with (
        open_client([fault_server.url]) as client,
        pytest.raises(DocumentsRefusedError, match="1 of 3 documents were refused: c: ") as caught,
    ):
        store(client, [Document("i", name, {}) for name in "abc"])
    assert caught.value.refused == (("c", "outer: why; inner: deeper"),)


def test_an_answer_for_fewer_documents_is_an_error(fault_server: Any, answer: Any) -> None:
    """A document of which the answer says nothing never counts as stored."""
    stored = {"index": {"_id": "a", "status": 201, "result": "created"}}
    fault_server.say(answer(200, {"errors": False, "items": [stored]}))
    with (
        open_client([fault_server.url]) as client,
        pytest.raises(ClusterUnreachableError, match="names 1 of 2 documents"),
    ):
        store(client, [Document("i", name, {}) for name in "ab"])


def test_versions_decide_what_is_stored(cluster: Cluster, namespace: str) -> None:
    """A new document is not stored over another one, a changed one only over what was read."""
    index = f"mlmon-state-{namespace}"
    assert cluster.put([Document(index, "a", {"n": 1}, NEW)]) == WriteResult(created=1)
    cluster.refresh(index)
    body = {"query": {"ids": {"values": ["a"]}}, "seq_no_primary_term": True}
    (hit,) = cluster.search(index, body)["hits"]["hits"]
    read = DocumentVersion(hit["_seq_no"], hit["_primary_term"])
    assert cluster.put([Document(index, "a", {"n": 2}, read)]) == WriteResult(replaced=1)
    batch = [
        Document(index, "a", {"n": 3}, NEW),
        Document(index, "b", {"n": 3}, NEW),
        Document(index, "a", {"n": 4}, read),
    ]
    assert cluster.put(batch) == WriteResult(created=1, conflicted=("a", "a"))
    assert cluster.get(index, "a") == {"n": 2}
    assert cluster.get(index, "b") == {"n": 3}


def test_a_part_of_a_document_is_changed(cluster: Cluster, namespace: str) -> None:
    """What is not named stays as it is; of a document that is not there nothing is stored."""
    index = f"mlmon-state-{namespace}"
    cluster.put([Document(index, "a", {"n": 1, "m": 1})])
    assert cluster.put([Document(index, "a", {"n": 2}, part=True)]) == WriteResult(replaced=1)
    assert cluster.get(index, "a") == {"n": 2, "m": 1}
    with pytest.raises(DocumentsRefusedError):
        cluster.put([Document(index, "b", {"n": 2}, part=True)])
    assert cluster.get(index, "b") is None
