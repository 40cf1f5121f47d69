"""Namespaces that one test uses after the other: emptying one is cheaper than making its indices.

A new index costs Elasticsearch about a tenth of a second of CPU, and more the more there are; a
namespace with an incident in it has five.
"""

import uuid

import orjson

from mlmon.elastic.client.cluster import Cluster

_MOST_HITS = 10_000

_unused: list[str] = []


def take(cluster: Cluster) -> str:
    """Return a namespace without a document; its indices may be there from an earlier test."""
    if not _unused:
        return f"emptied_{uuid.uuid4().hex[:8]}"
    name = _unused.pop()
    empty(cluster, name)
    return name


def give_back(namespace: str) -> None:
    """Let a later test of this process have it."""
    _unused.append(namespace)


def empty(cluster: Cluster, namespace: str) -> None:
    """Delete every document of a namespace, and of others whose names begin like it."""
    everything = f"logs-*-{namespace}*,mlmon-*-{namespace}*"
    cluster.refresh(everything)
    hits = cluster.search(everything, {"size": _MOST_HITS, "_source": False})["hits"]["hits"]
    assert len(hits) < _MOST_HITS, "a namespace of this size is not emptied faster than made"
    if not hits:
        return
    actions = ({"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in hits)
    answer = cluster.bulk(b"".join(orjson.dumps(action) + b"\n" for action in actions))
    assert not answer["errors"], answer
    cluster.refresh(everything)
    assert cluster.count(everything) == 0
