"""Answers that hold what a strict parser refuses, because somebody stored it."""

import json
import math
import uuid
from typing import Any

import pytest

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.lenient_json import loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'{"a":"x\ud800y"}', {"a": "x\ufffdy"}),
        (rb'{"\udc00":["\ud83d\ude80"]}', {"\ufffd": ["🚀"]}),
        (b'{"a":1e400,"b":-1e400}', {"a": math.inf, "b": -math.inf}),
        (b'{"a":' + b"9" * 5_000 + b"}", {"a": math.inf}),
        (b'{"a":1,"b":"\xc3\xbc"}', {"a": 1, "b": "ü"}),
    ],
)
def test_what_a_strict_parser_refuses_is_read(text: bytes, value: Any) -> None:
    """Half a surrogate pair is U+FFFD, what no double holds is an infinity."""
    assert loads(text) == value


@pytest.mark.parametrize(
    "text", [b'{"a":', b"<html>", b'{"a":NaN}', b'{"a":"\xff"}', b"[" * 100_000]
)
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    """An answer that was cut, replaced or damaged is not read as something else."""
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_one_such_event_hides_no_other(cluster: Cluster) -> None:
    """Elasticsearch stores it and gives back its bytes, in one answer with its neighbours."""
    index = f"lenient-{uuid.uuid4().hex[:8]}"
    events = ['{"n":1}', '{"n":2,"text":"\\ud800"}', '{"n":3}']
    lines = [f'{{"create":{{"_index":"{index}"}}}}\n{event}\n' for event in events]
    answer = cluster.bulk("".join(lines).encode())
    assert not answer["errors"], json.dumps(answer)
    cluster.refresh(index)
    found = cluster.search(index, {"sort": ["n"]})["hits"]["hits"]
    cluster.delete_index(index)
    assert [hit["_source"] for hit in found] == [{"n": 1}, {"n": 2, "text": "\ufffd"}, {"n": 3}]
