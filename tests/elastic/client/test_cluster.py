"""The verbs of a cluster, against the real Elasticsearch."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterBusyError,
    ClusterError,
    DocumentsRefusedError,
    UnsupportedClusterError,
    UserError,
)
from mlmon.elastic.settings import Settings, load_settings


@pytest.fixture
def index(cluster: Cluster, namespace: str) -> Iterator[str]:
    """An index for findings that is deleted after the test."""
    name = f"mlmon-findings-{namespace}-2026.01"
    yield name
    cluster.delete_index(name)


def _findings(index: str, count: int) -> Iterator[Document]:
    for number in range(count):
        source = {"@timestamp": "2026-01-01T00:00:00Z", "finding": {"value": number / 7}}
        yield Document(index, str(number), source)


def test_putting_twice_stores_once(cluster: Cluster, index: str) -> None:
    """The same ids again replace, so that a command run twice ends in the same documents."""
    first = cluster.put(_findings(index, 30))
    second = cluster.put(_findings(index, 30))
    cluster.refresh(index)
    assert (first.created, first.replaced) == (30, 0)
    assert (second.created, second.replaced) == (0, 30)
    assert cluster.count(index) == 30


def test_a_document_comes_back_as_it_was_put(cluster: Cluster, index: str) -> None:
    """Source, doubles to the last bit, and `None` for what is not there."""
    cluster.put([Document(index, "a/b c", {"finding.value": 0.1 + 0.2, "other": {"kept": [1]}})])
    assert cluster.get(index, "a/b c") == {"finding.value": 0.1 + 0.2, "other": {"kept": [1]}}
    assert cluster.get(index, "nothing") is None
    assert cluster.get(f"{index}-nothing", "a") is None


def test_a_scan_yields_each_document_once(cluster: Cluster, index: str) -> None:
    """Over many pages, each hit comes exactly once, in the order asked for."""
    cluster.put(_findings(index, 250))
    cluster.refresh(index)
    body = {"size": 40, "sort": [{"finding.value": "desc"}]}
    values = [hit["_source"]["finding"]["value"] for hit in cluster.scan(index, body)]
    assert values == [number / 7 for number in reversed(range(250))]
    assert len({hit["_id"] for hit in cluster.scan(index, {"size": 40})}) == 250


def test_a_scan_of_expected_pages_reads_none_twice(
    cluster: Cluster, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It yields the same hits without a search of its own for the first page; also too few."""
    cluster.put(_findings(index, 30))
    cluster.refresh(index)
    monkeypatch.delattr(Cluster, "search")
    assert len({hit["_id"] for hit in cluster.scan(index, {"size": 10}, expected=25)}) == 30
    assert len(list(cluster.scan(index, {"size": 100}, expected=200))) == 30
    assert list(cluster.scan(f"{index}-nothing-*", {}, expected=2_000)) == []


def test_a_scan_sees_one_moment(cluster: Cluster, index: str) -> None:
    """Documents stored while a scan runs are not in it."""
    cluster.put(_findings(index, 20))
    cluster.refresh(index)
    hits = cluster.scan(index, {"size": 5})
    seen = [next(hits)["_id"]]
    cluster.put(Document(index, f"late {number}", {}) for number in range(20))
    cluster.refresh(index)
    seen += [hit["_id"] for hit in hits]
    assert sorted(seen) == sorted(str(number) for number in range(20))


def test_an_abandoned_scan_leaves_nothing_open(cluster: Cluster, index: str) -> None:
    """Leaving a scan early closes its point in time on the server."""
    cluster.put(_findings(index, 20))
    cluster.refresh(index)
    before = _open_contexts(cluster, index)
    hits = cluster.scan(index, {"size": 5})
    next(hits)
    assert _open_contexts(cluster, index) == before + 1
    hits.close()  # type: ignore[attr-defined] # a generator, behind Iterator
    assert _open_contexts(cluster, index) == before


def _open_contexts(cluster: Cluster, index: str) -> int:
    stats = cluster._client.indices.stats(index=index, metric="search")
    return int(stats["_all"]["total"]["search"]["open_contexts"])


def test_an_index_that_does_not_exist_is_empty(cluster: Cluster, namespace: str) -> None:
    """Reading what nobody has written yet finds nothing and is no error."""
    name = f"mlmon-findings-{namespace}-2026.01"
    assert cluster.count(name) == 0
    assert cluster.search(name, {"size": 0})["hits"]["total"]["value"] == 0
    assert list(cluster.scan(name, {})) == []
    assert cluster.indices(name) == []
    assert cluster.mapping(name) == {}
    assert cluster.delete_index(name) is False
    cluster.refresh(name)


def test_refused_documents_are_named_and_the_others_stored(cluster: Cluster, index: str) -> None:
    """One bad document among good ones is reported with its reason, and costs no other."""
    bad = Document(index, "bad", {"@timestamp": "no time"})
    with pytest.raises(
        DocumentsRefusedError, match="1 of 11 documents were refused: bad: "
    ) as caught:
        cluster.put([*_findings(index, 5), bad, *_findings(f"{index}", 5)])
    cluster.refresh(index)
    assert [id_ for id_, _ in caught.value.refused] == ["bad"]
    assert "failed to parse date field [no time]" in caught.value.refused[0][1]
    assert cluster.count(index) == 5


def test_busy_items_are_sent_again(fault_server: Any, answer: Any) -> None:
    """Only the documents that met a full queue are sent again, until they are stored."""
    busy = {
        "index": {"_id": "1", "status": 429, "error": {"type": "es_rejected_execution_exception"}}
    }
    stored = {"index": {"_id": "0", "status": 201, "result": "created"}}
    with _cluster_of(fault_server, answer) as cluster:
        fault_server.say(
            answer(200, {"errors": True, "items": [stored, busy, stored]}),
            answer(200, {"errors": False, "items": [stored]}),
        )
        written = cluster.put(_findings("i", 3))
    assert written.created == 3
    again = [orjson.loads(line) for line in fault_server.requests[1][3].splitlines()]
    assert [line["index"]["_id"] for line in again[::2]] == ["1"]


def test_a_cluster_that_stays_busy_is_an_error(
    fault_server: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last attempt the documents are not silently dropped."""
    error = {"type": "es_rejected_execution_exception", "reason": "queue full"}
    busy = {"index": {"_id": "0", "status": 429, "error": error}}
    monkeypatch.setattr("mlmon.elastic.client.documents._FIRST_PAUSE", 0.0)
    with _cluster_of(fault_server, answer) as cluster:
        fault_server.say(answer(200, {"errors": True, "items": [busy]}))
        with pytest.raises(ClusterBusyError, match=r"stayed too busy .*: queue full"):
            cluster.put(_findings("i", 1))


def test_a_bulk_body_passes_through(cluster: Cluster, namespace: str) -> None:
    """Raw lines become documents byte for byte, and only the asked fields are answered."""
    stream = f"logs-ml.app-{namespace}"
    line = b'{"@timestamp":"2026-01-01T00:00:00.123456Z","event.id":"e-1", "unknown": 1.50}'
    body = b'{"create":{"_index":"%b","_id":"e-1"}}\n%b\n' % (stream.encode(), line)
    fields = "errors,items.*.status"
    assert cluster.bulk(body, filter_path=fields) == {
        "errors": False,
        "items": [{"create": {"status": 201}}],
    }
    assert cluster.bulk(body, filter_path=fields) == {
        "errors": True,
        "items": [{"create": {"status": 409}}],
    }
    cluster.refresh(stream)
    found = cluster.search(stream, {"query": {"ids": {"values": ["e-1"]}}})["hits"]["hits"]
    assert [hit["_source"] for hit in found] == [orjson.loads(line)]


def test_a_data_stream_rolls_over(cluster: Cluster, namespace: str) -> None:
    """After a rollover the stream has two backing indices and writes to the new one, the last."""
    stream = f"logs-ml.app-{namespace}"
    body = b'{"create":{"_index":"%b"}}\n{"@timestamp":"2026-01-01T00:00:00Z"}\n' % stream.encode()
    cluster.bulk(body)
    new = cluster.rollover(stream)
    cluster.bulk(body)
    backing = cluster.data_streams(f"logs-*-{namespace}")[stream]
    cluster.refresh(stream)
    assert backing[-1] == new
    assert [cluster.count(name) for name in backing] == [1, 1]


def test_a_wrong_query_is_an_error_with_its_reason(cluster: Cluster, index: str) -> None:
    """A query Elasticsearch does not understand is never an empty answer."""
    cluster.put(_findings(index, 1))
    with pytest.raises(ClusterError, match=r"unknown query \[no_such_query\]"):
        cluster.search(index, {"query": {"no_such_query": {}}})


def test_without_url_and_node_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The error's hint: start a node or set a URL."""
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))
    with pytest.raises(UserError, match="no URL is set and no embedded node runs") as caught:
        connect(load_settings())
    assert "mlmon node start" in caught.value.hint


def test_a_cluster_older_than_8_19_is_refused(fault_server: Any, answer: Any) -> None:
    """The oldest node counts, and the message says its version."""
    nodes = {"a": {"version": "9.1.0"}, "b": {"version": "8.9.2"}}
    fault_server.say(answer(200, {"nodes": nodes, "master_node": "a"}))
    with pytest.raises(
        UnsupportedClusterError, match=r"runs Elasticsearch 8\.9\.2, which is older"
    ):
        connect(Settings(elasticsearch_url=fault_server.url))


@pytest.mark.parametrize("version", ["8.19.0", "9.5.3", "9.6.0-SNAPSHOT", "10.0.0"])
def test_a_newer_cluster_is_accepted(version: str, fault_server: Any, answer: Any) -> None:
    """From 8.19 on a cluster is used, a snapshot and a later major too."""
    fault_server.say(answer(200, {"nodes": {"a": {"version": version}}, "master_node": "a"}))
    with connect(Settings(elasticsearch_url=fault_server.url)) as cluster:
        assert cluster.version == version


def test_refused_credentials_name_what_to_check(fault_server: Any, answer: Any) -> None:
    """A cluster that does not know the key is an access error at once, not at the first search."""
    refusal = {"error": {"type": "security_exception", "reason": "invalid key"}, "status": 401}
    fault_server.say(answer(401, refusal))
    with pytest.raises(AccessRefusedError, match=r"refuses access \(401\): security_exception"):
        connect(Settings(elasticsearch_url=fault_server.url, api_key="c2VjcmV0"))


def test_a_missing_certificate_file_is_named(tmp_path: Any) -> None:
    """A CA file that is not there is found before anything is sent."""
    settings = Settings(elasticsearch_url="https://localhost:1", ca_certs=tmp_path / "no.pem")
    with pytest.raises(UserError, match=r"no\.pem does not exist"):
        connect(settings)


def _cluster_of(fault_server: Any, answer: Any) -> Cluster:
    fault_server.say(answer(200, {"nodes": {"a": {"version": "9.5.3"}}, "master_node": "a"}))
    return connect(Settings(elasticsearch_url=fault_server.url))


def test_a_scan_left_behind_does_not_keep_the_process(cluster: Cluster, namespace: str) -> None:
    """A process that dies of an error in the middle of a scan ends at once, with that error."""
    index = f"mlmon-state-{namespace}"
    cluster.put(Document(index, str(number), {}) for number in range(3))
    cluster.refresh(index)
    program = f"""
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
scan = connect(load_settings(elasticsearch_url={cluster.url!r})).scan({index!r}, {{"size": 1}})
next(scan)
raise ValueError("the error")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert "ValueError: the error" in ended.stderr


def test_a_scan_whose_reader_has_gone_is_silent(cluster: Cluster, namespace: str) -> None:
    """Collected when its cluster is closed, as after `mlmon findings | head`, it says nothing."""
    index = f"mlmon-state-{namespace}"
    cluster.put(Document(index, str(number), {}) for number in range(3))
    cluster.refresh(index)
    program = f"""
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
with connect(load_settings(elasticsearch_url={cluster.url!r})) as cluster:
    scan = cluster.scan({index!r}, {{"size": 1}})
    next(scan)
del scan
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
