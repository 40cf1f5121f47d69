"""Two ways to the real node, of which one fails: nothing is lost, doubled or waited for long."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document, WriteResult
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import ClusterUnreachableError
from mlmon.elastic.indices.names import STATE, data_stream, index_name
from mlmon.elastic.settings import Settings
from tests.support.fault_injector import FaultInjector, Odds


def documents(index: str, count: int) -> Iterator[Document]:
    """Yield documents that differ."""
    return (Document(index, str(number), {"n": number}) for number in range(count))


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []
        listener.settimeout(0.05)
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                try:
                    held.append(listener.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()
            for connection in held:
                connection.close()


def test_documents_survive_bad_days_of_a_node(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy answers and connections cut before or after the work: each document is stored, once."""
    monkeypatch.setattr("mlmon.elastic.client.documents._CHUNK_DOCUMENTS", 20)
    monkeypatch.setattr("mlmon.elastic.client.documents._FIRST_PAUSE", 0.0)
    index = index_name(STATE, namespace)
    odds = Odds(busy=0.2, cut_before=0.15, cut_after=0.15)
    with FaultInjector(cluster.url, odds, seed=5) as injector:
        with Cluster(open_client([injector.url]), cluster.version) as bad:
            written = bad.put(documents(index, 300))
        assert {"busy", "cut_before", "cut_after"} <= {
            name for name, n in injector.faults.items() if n
        }
    cluster.refresh(index)
    assert cluster.count(index) == 300
    # A request that was carried out before the cut is sent again: some replace themselves.
    assert written.total == 300


def test_another_node_takes_over(cluster: Cluster, namespace: str) -> None:
    """With two URLs, a node that goes away in the middle of a scan and of writes is not missed."""
    index = index_name(STATE, namespace)
    with FaultInjector(cluster.url) as first, FaultInjector(cluster.url) as second:
        client = open_client([first.url, second.url])
        with Cluster(client, cluster.version) as both:
            assert both.put(documents(index, 30)) == WriteResult(created=30)
            both.refresh(index)
            hits = both.scan(index, {"size": 4})
            seen = [next(hits)["_source"]["n"]]
            first.odds = Odds(cut_before=1.0)
            first.close_all()
            seen += [hit["_source"]["n"] for hit in hits]
            assert sorted(seen) == list(range(30))
            for _ in range(4):
                assert both.put(documents(index, 30)) == WriteResult(replaced=30)


def test_a_silent_node_delays_a_command_once(cluster: Cluster, namespace: str) -> None:
    """A node that accepts and says nothing costs one deadline; then the other is asked."""
    with silent_server() as silent:
        settings = Settings(elasticsearch_url=f"{silent},{cluster.url}", request_timeout=1.0)
        began = time.monotonic()
        with connect(settings) as both:
            assert both.version == cluster.version
            body = b'{"create":{"_index":"%b"}}\n{"@timestamp":"2026-01-01T00:00:00Z"}\n'
            stream = data_stream("ml.app", namespace).encode()
            # What is sent once may fail once, and goes to the other node then.
            sent = []
            for _ in range(3):
                with suppress(ClusterUnreachableError):
                    sent.append(both.bulk(body % stream, filter_path="errors"))
            assert {"errors": False} in sent
        assert time.monotonic() - began < 15
