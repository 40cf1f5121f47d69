"""The values that a field has in an index: what there is, where a name is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster

_MOST = 1_000


def stored_values(cluster: Cluster, index: str, field: str) -> list[str]:
    """Return the values of a keyword field in alphabetical order, 1,000 at most."""
    body: dict[str, Any] = {
        "size": 0,
        "aggs": {"values": {"terms": {"field": field, "size": _MOST, "order": {"_key": "asc"}}}},
    }
    found = cluster.search(index, body).get("aggregations", {})
    return [str(bucket["key"]) for bucket in found.get("values", {}).get("buckets", ())]
