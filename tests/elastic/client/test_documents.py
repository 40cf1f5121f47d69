"""Documents are cut into bounded requests without loss, and answers are judged item by item."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.client import documents
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import NEW, Document, Version, Written, chunks, judge
from mlmon.elastic.errors import DocumentsRefusedError

SOURCES = st.dictionaries(st.text(max_size=8), st.integers(-9, 9) | st.text(max_size=9) | st.none())


@given(st.lists(SOURCES, max_size=40), st.integers(1, 9), st.integers(40, 400))
def test_chunks_lose_nothing_and_keep_their_bounds(
    sources: list[dict[str, object]], most: int, size: int
) -> None:
    """All documents come out in order, no chunk is over the bounds unless one document is."""
    given_ = [Document("i", str(number), source) for number, source in enumerate(sources)]
    with _bounds(most, size):
        parts = list(chunks(given_))
    assert [document for batch, _ in parts for document in batch] == given_
    for batch, body in parts:
        assert len(batch) <= most
        assert len(body) <= size or len(batch) == 1
        lines = [orjson.loads(line) for line in body.splitlines()]
        assert lines[1::2] == [document.source for document in batch]
        assert [line["index"]["_id"] for line in lines[::2]] == [each.id for each in batch]


def test_an_answer_is_judged_by_item() -> None:
    """Stored, replaced, busy and refused documents are told apart, with the refusal's causes."""
    batch = [Document("i", name, {}) for name in "abcd"]
    wrong = {"type": "outer", "reason": "why", "caused_by": {"type": "inner", "reason": "deeper"}}
    outcome = judge(
        batch,
        {
            "items": [
                {"index": {"status": 201, "result": "created"}},
                {"index": {"status": 200, "result": "updated"}},
                {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception"}}},
                {"index": {"status": 400, "error": wrong}},
            ]
        },
    )
    assert (outcome.written.created, outcome.written.replaced) == (1, 1)
    assert outcome.again == (batch[2],)
    assert outcome.refused == (("d", "outer: why; inner: deeper"),)


def test_versions_decide_what_is_stored(cluster: Cluster, namespace: str) -> None:
    """A new document is not stored over another one, a changed one only over what was read."""
    index = f"mlmon-state-{namespace}"
    assert cluster.put([Document(index, "a", {"n": 1}, NEW)]) == Written(created=1)
    cluster.refresh(index)
    body = {"query": {"ids": {"values": ["a"]}}, "seq_no_primary_term": True}
    (hit,) = cluster.search(index, body)["hits"]["hits"]
    read = Version(hit["_seq_no"], hit["_primary_term"])
    assert cluster.put([Document(index, "a", {"n": 2}, read)]) == Written(replaced=1)
    batch = [
        Document(index, "a", {"n": 3}, NEW),
        Document(index, "b", {"n": 3}, NEW),
        Document(index, "a", {"n": 4}, read),
    ]
    assert cluster.put(batch) == Written(created=1, conflicted=("a", "a"))
    assert cluster.get(index, "a") == {"n": 2}
    assert cluster.get(index, "b") == {"n": 3}


def test_a_part_of_a_document_is_changed(cluster: Cluster, namespace: str) -> None:
    """What is not named stays as it is; of a document that is not there nothing is stored."""
    index = f"mlmon-state-{namespace}"
    cluster.put([Document(index, "a", {"n": 1, "m": 1})])
    assert cluster.put([Document(index, "a", {"n": 2}, part=True)]) == Written(replaced=1)
    assert cluster.get(index, "a") == {"n": 2, "m": 1}
    with pytest.raises(DocumentsRefusedError):
        cluster.put([Document(index, "b", {"n": 2}, part=True)])
    assert cluster.get(index, "b") is None


class _bounds:  # noqa: N801 - a context manager used like a function
    """Lower bounds for a while: hypothesis runs many examples within one fixture's life."""

    def __init__(self, most: int, size: int) -> None:
        self._new = most, size
        self._old = documents.MAX_DOCUMENTS, documents.MAX_BYTES

    def __enter__(self) -> None:
        documents.MAX_DOCUMENTS, documents.MAX_BYTES = self._new

    def __exit__(self, *_: object) -> None:
        documents.MAX_DOCUMENTS, documents.MAX_BYTES = self._old
