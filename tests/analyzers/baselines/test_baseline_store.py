"""Baselines in Elasticsearch."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import UserError


def test_the_newest_baseline_of_a_version_is_current(
    cluster: Cluster, namespace: str, baseline: Baseline
) -> None:
    """The same content replaces itself; other content is the current one once it is newer."""
    store = BaselineStore(cluster, namespace)
    assert store.current() == {}
    store.write([baseline])
    store.write([baseline])
    assert list(store.all()) == [baseline]
    newer = replace(baseline, rows=19_000, created=baseline.created + timedelta(days=1))
    other = replace(baseline, model_version="2")
    store.write([newer, other])
    assert store.current() == {baseline.model: newer, other.model: other}
    assert {baseline.id for baseline in store.all("autobid", "1")} == {baseline.id, newer.id}


def test_another_format_is_refused(cluster: Cluster, namespace: str, baseline: Baseline) -> None:
    """A baseline of another version of mlmon is not misread, and in nobody's way once replaced."""
    store = BaselineStore(cluster, namespace)
    document = baseline.to_document() | {"baseline.format": 99}
    cluster.put([Document(store.index, "foreign", document)])
    cluster.refresh(store.index)
    with pytest.raises(UserError, match="format 99"):
        store.current()
    store.write([baseline])
    assert store.current() == {baseline.model: baseline}


def test_a_baseline_of_400_numeric_features_is_stored_in_parts(
    cluster: Cluster, namespace: str, baseline: Baseline
) -> None:
    """It is read as it was made, beside a small one, and is gone to nobody when a part is."""
    price, finer = baseline.numeric["price"], baseline.finer["price"]
    names = [f"feature {number}" for number in range(400)]
    large = replace(
        baseline,
        model_version="400",
        numeric=dict.fromkeys(names, price),
        finer=dict.fromkeys(names, finer),
    )
    store = BaselineStore(cluster, namespace)
    store.write([large, baseline])
    known = store.current()
    assert known == {large.model: large, baseline.model: baseline}
    assert known[large.model].id == large.id
    assert list(store.all(*large.model)) == [large]
    cluster.bulk(orjson.dumps({"delete": {"_index": store.index, "_id": f"{large.id}-1"}}) + b"\n")
    cluster.refresh(store.index)
    unread: list[UserError] = []
    assert store.current(unread) == {baseline.model: baseline}
    assert "is broken" in unread[0].message
