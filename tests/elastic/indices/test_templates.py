"""Templates come from the field tables, are installed once, and keep the mapping bounded."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.index_tables import TABLES
from mlmon.elastic.indices.templates import Template, TemplateChange
from mlmon.logging_config.schema.fields import DATASETS, Field


@pytest.fixture
def template(namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Template]:
    """A template for this test only, the only one that `install` knows meanwhile."""
    fields = [Field("name", "keyword", "A name.", required=True)]
    made = templates._template(
        f"logs-mlmontest.{namespace}", templates.mapping(fields), 1, stream=True
    )
    monkeypatch.setattr(templates, "templates", lambda: iter([made]))
    return made


def _create(cluster: Cluster, stream: str, *sources: dict[str, Any]) -> list[dict[str, Any]]:
    lines = (
        orjson.dumps(line)
        for source in sources
        for line in (
            {"create": {"_index": stream}},
            {"@timestamp": "2026-01-01T00:00:00Z"} | source,
        )
    )
    answer = cluster.bulk(b"\n".join(lines) + b"\n")
    cluster.refresh(stream)
    return [item["create"] for item in answer["items"]]


def _properties(cluster: Cluster, index: str) -> dict[str, Any]:
    """Return the mapped fields by dotted name, with the parameters of each."""
    [mapping] = cluster.mapping(index).values()
    return dict(_flat(mapping["properties"], ""))


def _flat(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, field in properties.items():
        yield from _flat(field.get("properties", {}), f"{prefix}{name}.")
        yield f"{prefix}{name}", field


def test_a_second_installation_changes_nothing(cluster: Cluster) -> None:
    """Every template is there once it was installed, and installing again says so."""
    names = {template.name: change for template, change in templates.install(cluster)}
    assert set(names.values()) == {TemplateChange.UNCHANGED}
    assert names.keys() >= {f"logs-{name}" for name in DATASETS} | TABLES.keys()


def test_a_changed_template_is_followed(
    cluster: Cluster, template: Template, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created, unchanged, then updated; and an existing stream writes under the new mapping."""
    stream = template.pattern.replace("*", namespace)
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.CREATED]
    _create(cluster, stream, {"name": "a", "later": "b"})
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.UNCHANGED]
    fields = [Field("name", "keyword", "A name."), Field("later", "keyword", "A new field.")]
    new = templates._template(template.name, templates.mapping(fields), 2, stream=True)
    monkeypatch.setattr(templates, "templates", lambda: iter([new]))
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.UPDATED]
    _create(cluster, stream, {"name": "a", "later": "b"})
    assert cluster.count(stream, {"term": {"later": "b"}}) == 1
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.UNCHANGED]


def test_an_installation_cut_short_is_completed(
    cluster: Cluster, template: Template, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a template was put but its stream did not follow, the next installation does it."""
    stream = template.pattern.replace("*", namespace)
    list(templates.install(cluster))
    _create(cluster, stream, {"name": "a"})
    fields = [Field("name", "keyword", "A name."), Field("later", "keyword", "A new field.")]
    new = templates._template(template.name, templates.mapping(fields), 2, stream=True)
    cluster.put_index_template(new.name, new.body)
    monkeypatch.setattr(templates, "templates", lambda: iter([new]))
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.UPDATED]
    assert len(cluster.data_streams(stream)[stream]) == 2
    assert [change for _, change in templates.install(cluster)] == [TemplateChange.UNCHANGED]


def test_a_stream_made_meanwhile_is_not_rolled_over(
    cluster: Cluster, template: Template, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shipper's first line may come while it looks at what there is: nothing is out of date."""
    stream = template.pattern.replace("*", namespace)
    list(templates.install(cluster))
    listed = Cluster.data_streams

    def made_meanwhile(of: Cluster, pattern: str) -> dict[str, list[str]]:
        _create(of, stream, {"name": "a"})
        return listed(of, pattern)

    with monkeypatch.context() as patched:
        patched.setattr(Cluster, "data_streams", made_meanwhile)
        assert [change for _, change in templates.install(cluster)] == [TemplateChange.UNCHANGED]
    assert len(cluster.data_streams(stream)[stream]) == 1


def test_an_existing_index_gets_the_new_fields(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monthly index keeps its documents and maps the new field from then on."""
    name, index = f"mlmontest-{namespace}", f"mlmontest-{namespace}-2026.01"
    fields = [Field("name", "keyword", "A name.")]
    for table in (fields, [*fields, Field("later", "double", "A new field.")]):
        made = templates._template(name, templates.mapping(table), 1, stream=False)
        monkeypatch.setattr(templates, "templates", lambda made=made: iter([made]))
        list(templates.install(cluster))
        cluster.put([Document(index, "1", {"name": "a", "later": 0.5})])
    assert _properties(cluster, index)["later"]["type"] == "double"
    cluster.delete_index(index)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_field_of_the_log_is_mapped_as_its_table_declares(
    dataset: str, cluster: Cluster, namespace: str
) -> None:
    """One line with every field is taken, and each field has its type: numbers are `double`."""
    stream = f"logs-{dataset}-{namespace}"
    fields = [replace(field, name=field.name.replace("*", "x")) for field in DATASETS[dataset]]
    [item] = _create(cluster, stream, {field.name: _example(field) for field in fields})
    assert item["status"] == 201, item
    mapped = _properties(cluster, stream)
    types = {field.name: mapped[field.name]["type"] for field in fields}
    assert types == {
        field.name: "text" if field.type == "match_only_text" else field.type for field in fields
    }


def _example(field: Field) -> Any:
    values: dict[str, Any] = {
        "boolean": True,
        "date": "2026-01-01T00:00:00Z",
        "double": 1,
        "flattened": {"key": {"deeper": "value"}},
        "long": 1,
    }
    value = values.get(field.type, "text")
    return [value, value] if field.array else value


def test_an_unknown_field_is_kept_and_not_mapped(cluster: Cluster, namespace: str) -> None:
    """A producer's own fields stay in the document and leave the mapping as it is."""
    stream = f"logs-ml.app-{namespace}"
    _create(cluster, stream, {"message": "first"})
    before = _properties(cluster, stream)
    [item] = _create(cluster, stream, {"own": {f"field{n}": n for n in range(50)}, "error.own": 1})
    assert item["status"] == 201
    assert _properties(cluster, stream) == before
    [hit] = cluster.search(
        stream,
        {"query": {"exists": {"field": "@timestamp"}}, "size": 1, "sort": ["_doc"], "from": 1},
    )["hits"]["hits"]
    assert hit["_source"]["own"]["field49"] == 49


_UNINDEXED = {"index": False, "doc_values": False}


def test_one_producer_cannot_blow_up_the_mapping(cluster: Cluster, namespace: str) -> None:
    """Three thousand invented features are stored, and the mapping stops at its limit."""
    stream = f"logs-ml.prediction-{namespace}"
    features = [{f"ml.features.numeric.f{n}_{k}": 1.5 for k in range(600)} for n in range(5)]
    items = _create(cluster, stream, *features)
    assert {item["status"] for item in items} == {201}
    assert cluster.count(stream) == 5
    assert len(_properties(cluster, stream)) <= templates.MAX_FIELDS


def test_what_lies_next_to_the_features_is_kept_and_not_indexed(
    cluster: Cluster, namespace: str
) -> None:
    """In the one dataset whose mapping grows, a field of no family costs a name and no index."""
    stream = f"logs-ml.prediction-{namespace}"
    own = {"own": {"deep": [{"x": 1}, {"y": "text"}]}, "ml.features.other": "text"}
    [item] = _create(cluster, stream, own | {"ml.features.numeric.bid": 1})
    assert item["status"] == 201, item
    mapped = _properties(cluster, stream)
    unindexed = {name for name, field in mapped.items() if field.items() >= _UNINDEXED.items()}
    assert unindexed == {"own.deep.x", "own.deep.y", "ml.features.other"}
    [hit] = cluster.search(stream, {})["hits"]["hits"]
    assert hit["_source"].items() >= own.items()


def test_flat_and_nested_events_fill_the_same_fields(cluster: Cluster, namespace: str) -> None:
    """Other shippers take the log's dotted names apart; their events are found all the same."""
    stream = f"logs-ml.prediction-{namespace}"
    flat = {"service.name": "api", "ml.features.numeric.bid": 2.5, "labels": {"k": {"l": "v"}}}
    deep = {
        "service": {"name": "api"},
        "ml": {"features": {"numeric": {"bid": 2.5}}},
        "labels": {"k": {"l": "v"}},
    }
    items = _create(cluster, stream, flat, deep)
    assert [item["status"] for item in items] == [201, 201], items
    query = {
        "bool": {
            "filter": [
                {"term": {"service.name": "api"}},
                {"range": {"ml.features.numeric.bid": {"gt": 2, "lt": 3}}},
                {"term": {"labels.k.l": "v"}},
            ]
        }
    }
    assert cluster.count(stream, query) == 2
    assert _properties(cluster, stream)["ml.features.numeric.bid"]["type"] == "double"


def test_only_what_is_searched_for_alone_costs_an_index(cluster: Cluster, namespace: str) -> None:
    """Measured numbers have doc values only, ids of requests an index only; both are found."""
    stream = f"logs-ml.prediction-{namespace}"
    event = {"trace.id": "0af7651916cd43dd8448eb211c80319c", "ml.features.numeric.bid": 2.5}
    _create(cluster, stream, event, {"trace.id": "other", "ml.features.numeric.bid": 7})
    mapped = _properties(cluster, stream)
    assert mapped["ml.features.numeric.bid"] == {"type": "double", "index": False}
    assert mapped["ml.prediction.score"] == {"type": "double", "index": False}
    assert mapped["trace.id"] == {"type": "keyword", "ignore_above": 1024, "doc_values": False}
    for query in (
        {"term": {"trace.id": event["trace.id"]}},
        {"range": {"ml.features.numeric.bid": {"lt": 3}}},
        {
            "bool": {
                "filter": [
                    {"exists": {"field": "trace.id"}},
                    {"term": {"ml.features.numeric.bid": 2.5}},
                ]
            }
        },
    ):
        assert cluster.count(stream, query) == 1


def test_a_value_of_the_wrong_type_refuses_its_line_only(cluster: Cluster, namespace: str) -> None:
    """Text in a number's field is refused with the reason; the lines next to it are stored."""
    stream = f"logs-ml.prediction-{namespace}"
    items = _create(
        cluster,
        stream,
        {"ml.features.numeric.bid": 1},
        {"ml.features.numeric.bid": "much"},
        {"ml.features.numeric.bid": 2.5},
    )
    assert [item["status"] for item in items] == [201, 400, 201]
    assert "ml.features.numeric.bid" in items[1]["error"]["reason"]


def test_an_embedding_is_kept_in_order_and_not_indexed(cluster: Cluster, namespace: str) -> None:
    """A vector comes back as it was sent, repeated and unsorted, and costs no index."""
    stream = f"logs-ml.prediction-{namespace}"
    vector = [0.5, -1.25, 0.5, 0.1]
    _create(cluster, stream, {"ml.features.embedding.text": vector})
    [hit] = cluster.search(stream, {})["hits"]["hits"]
    assert hit["_source"]["ml.features.embedding.text"] == vector
    field = _properties(cluster, stream)["ml.features.embedding.text"]
    assert field == {"type": "double", "index": False, "doc_values": False}


def test_a_time_keeps_its_microseconds(cluster: Cluster, namespace: str) -> None:
    """The source is what was sent, to the last digit of the time and with its flat keys."""
    stream = f"logs-ml.app-{namespace}"
    sent = {"@timestamp": "2026-01-01T00:00:00.123456Z", "event.sequence": 3}
    _create(cluster, stream, sent)
    [hit] = cluster.search(stream, {})["hits"]["hits"]
    assert hit["_source"] == sent


def test_a_long_keyword_does_not_refuse_its_line(cluster: Cluster, namespace: str) -> None:
    """A value over Lucene's bound of 32,766 bytes is kept in the document, unindexed."""
    stream = f"logs-ml.access-{namespace}"
    [item] = _create(cluster, stream, {"url.path": "/" + "x" * 40_000})
    assert item["status"] == 201
