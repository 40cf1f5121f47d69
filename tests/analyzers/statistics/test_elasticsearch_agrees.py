"""Elasticsearch's range aggregation and `Buckets.from_values` bucket every double alike."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges, split_edges
from mlmon.elastic.client.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.elastic.client.cluster import Cluster

GREATEST = sys.float_info.max


def nasty() -> list[float]:
    """Both zeros, the ends of the scale, subnormals, neighbours, ties, and a heavy tail."""
    random = np.random.default_rng(17)
    near_one = [np.nextafter(1.0, 0.0), 1.0, np.nextafter(1.0, 2.0)]
    special = [0.0, -0.0, 5e-324, -5e-324, 1e9, GREATEST, -GREATEST, 0.1, 0.1 + 0.2, *near_one]
    return [*map(float, special), *[7.25] * 300, *random.standard_cauchy(1_500).tolist()]


@pytest.fixture
def stored(cluster: Cluster, namespace: str) -> Iterator[str]:
    """An index that holds the nasty values in a `double` field."""
    index = f"mlmon-statistics-{namespace}"
    cluster.put([Document(index, "0", {"kind": "first"})])
    cluster.put_mapping(index, {"properties": {"x": {"type": "double"}}})
    cluster.put(Document(index, str(k), {"x": x}) for k, x in enumerate(nasty(), start=1))
    cluster.refresh(index)
    yield index
    cluster.delete_index(index)


def counted(cluster: Cluster, index: str, edges: tuple[float, ...]) -> tuple[int, ...]:
    """Counts per bucket, by a range aggregation."""
    ranges: list[dict[str, float]] = [
        {"to": edges[0]},
        *({"from": low, "to": high} for low, high in pairwise(edges)),
        {"from": edges[-1]},
    ]
    body: dict[str, Any] = {"aggs": {"x": {"range": {"field": "x", "ranges": ranges}}}, "size": 0}
    buckets = cluster.search(index, body)["aggregations"]["x"]["buckets"]
    return tuple(bucket["doc_count"] for bucket in buckets)


@pytest.mark.parametrize("buckets", [1, 10, 100])
def test_both_count_alike(cluster: Cluster, stored: str, buckets: int) -> None:
    """Over quantile edges, with buckets of a single double among them, all counts are equal."""
    edges = quantile_edges(nasty(), buckets)
    assert counted(cluster, stored, edges) == Buckets.from_values(nasty(), edges).counts


def test_single_doubles_are_distinguished(cluster: Cluster, stored: str) -> None:
    """Buckets that hold one double each count neighbours separately, and -0.0 with 0.0."""
    edges = (-5e-324, 0.0, 5e-324, 1e-323, *sorted(nasty()[9:12]), 2.0)
    mine = Buckets.from_values(nasty(), edges)
    assert counted(cluster, stored, edges) == mine.counts
    assert mine.counts[1:4] == (1, 2, 1)


def test_refinement_inside_elasticsearch_is_exact(cluster: Cluster, stored: str) -> None:
    """Splitting undecided buckets by second aggregations ends at the raw rows' distance."""
    reference = [x + 0.3 for x in nasty() if abs(x) < 1e6]
    edges = quantile_edges(reference, 20)
    exact = ks_of_raw_rows(nasty(), reference)
    for _ in range(20):
        f = Buckets(edges, counted(cluster, stored, edges), min(nasty()), max(nasty()))
        g = Buckets.from_values(reference, edges)
        undecided = ks.undecided_buckets(f, g)
        if not undecided:
            break
        ends = [-np.inf, *edges, np.inf]
        finer = {edge for k in undecided for edge in split_edges(ends[k], ends[k + 1])}
        edges = tuple(sorted({*edges, *finer}))
    assert ks.ks_distance(f, g).low == ks.ks_distance(f, g).high == exact


def ks_of_raw_rows(current: list[float], reference: list[float]) -> float:
    """The distance at every value that occurs, by counting."""
    values = np.unique([*current, *reference])
    f = np.searchsorted(np.sort(current), values, side="right")
    g = np.searchsorted(np.sort(reference), values, side="right")
    n, m = len(current), len(reference)
    return max(abs(int(a) * m - int(b) * n) for a, b in zip(f, g, strict=True)) / (n * m)
