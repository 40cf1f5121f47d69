"""A condition means the same in Lucene's syntax and as Elasticsearch's query."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.dashboards.model.condition import (
    EVERYTHING,
    AtLeast,
    Both,
    Condition,
    Either,
    Exists,
    Is,
    Not,
    is_,
    query,
)
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.grafana.conditions import lucene

TEXTS = ("a", "/ml/x?y=1", 'say "no"', "back\\slash", "a OR b", "it's", "*", "été")
NUMBERS = (-5.5, 0.0, 2.0, 1e9)
MAPPING = {
    "text": {"type": "keyword"},
    "number": {"type": "double"},
    "flag": {"type": "boolean"},
    "odd name:(1)": {"type": "keyword"},
}


@pytest.fixture(scope="module")
def documents(cluster: Cluster) -> Iterator[str]:
    """An index with a document for each combination of values, and with none."""
    index = f"conditions-{uuid.uuid4().hex}"
    made = httpx.put(f"{cluster.url}/{index}", json={"mappings": {"properties": MAPPING}})
    made.raise_for_status()
    sources: list[dict[str, Any]] = [{}, {"text": ["a", "*"], "number": [0.0, 2.0]}]
    sources += [{"text": text, "number": 2.0, "odd name:(1)": text} for text in TEXTS]
    sources += [{"number": number, "flag": number > 0} for number in NUMBERS]
    cluster.put([Document(index, str(place), source) for place, source in enumerate(sources)])
    cluster.refresh(index)
    yield index
    cluster.delete_index(index)


LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(
        lambda field, values: Is(field, tuple(values)),
        st.sampled_from(["text", "odd name:(1)", "missing"]),
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
    ),
    st.sampled_from(NUMBERS).map(lambda number: is_("number", number)),
    st.booleans().map(lambda flag: is_("flag", flag)),
    st.sampled_from(NUMBERS).map(lambda number: AtLeast("number", number)),
    st.sampled_from([*MAPPING, "missing"]).map(Exists),
    st.just(EVERYTHING),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Both(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Either(tuple(parts))),
    ),
    max_leaves=5,
)


def found(cluster: Cluster, index: str, body: dict[str, Any]) -> set[str]:
    """Return the ids of the documents that fulfil a query."""
    return {
        hit["_id"] for hit in cluster.search(index, {"size": 100, "query": body})["hits"]["hits"]
    }


@settings(max_examples=60, deadline=None)
@given(condition=CONDITIONS)
def test_the_same_documents_fulfil_it(
    cluster: Cluster, documents: str, condition: Condition
) -> None:
    """Lucene's text chooses the documents that the query chooses."""
    expected = found(cluster, documents, query(condition))
    text = {"query_string": {"query": lucene(condition), "analyze_wildcard": True}}
    assert found(cluster, documents, text) == expected


def test_everything_means_documents_without_the_field_too(cluster: Cluster, documents: str) -> None:
    """A variable that stands for all values leaves no document out."""
    everything = found(cluster, documents, {"match_all": {}})
    text = {"query_string": {"query": "*:* AND text:(*:*)"}}
    assert found(cluster, documents, text) == everything
    chosen = {"query_string": {"query": '*:* AND text:(("a" OR "it\'s"))'}}
    assert found(cluster, documents, chosen) == found(
        cluster, documents, query(is_("text", "a", "it's"))
    )
