"""What is stored already: whether a look-up is needed, and whether the content is the same."""

import json
from typing import Any

import pytest

from mlmon.elastic.errors import ClusterUnreachableError
from mlmon.ingest.deliver.stored_events import Rollovers, differing_fields


class Streams:
    """Answers what a test wants, and counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: dict[str, list[str]] | None = {"a": ["1"], "b": ["1"]}
        self.asked = 0

    def data_streams(self, _pattern: str) -> dict[str, list[str]]:
        """Return the answer, or fail where there is none."""
        self.asked += 1
        if self.answer is None:
            raise ClusterUnreachableError("away")
        return self.answer


def test_one_backing_index_each_needs_no_look_up() -> None:
    """Within one backing index `create` is enough; the cluster is not asked at every file."""
    streams, now = Streams(), [0.0]
    rollovers = Rollovers(streams, "logs-*", lambda: now[0])
    assert not rollovers()
    assert not rollovers()
    assert streams.asked == 1


def test_a_rollover_is_noticed_and_remembered() -> None:
    """Once a stream has two backing indices, every line found in a file is looked up."""
    streams, now = Streams(), [0.0]
    rollovers = Rollovers(streams, "logs-*", lambda: now[0])
    assert not rollovers()
    streams.answer = {"a": ["1"], "b": ["1", "2"]}
    now[0] = 60.0
    assert rollovers()
    assert rollovers()
    assert streams.asked == 2


def test_what_cannot_be_known_is_doubted() -> None:
    """A cluster that does not answer may have had a rollover."""
    streams = Streams()
    streams.answer = None
    assert Rollovers(streams, "logs-*")()


@pytest.mark.parametrize(
    ("ours", "theirs", "different"),
    [
        (
            {"event.id": "1", "a.b": [1, {"c": 2}]},
            {"event": {"id": "1"}, "a": {"b": [1, {"c": 2}]}},
            [],
        ),
        ({"x": 1}, {"x": 2}, ["x"]),
        ({"x": 1.0, "only": 1}, {"x": 1, "host.name": "a"}, []),
        ({"message": "é"}, {"message": "e"}, ["message"]),
        ({"agent.id": "a", "event.ingested": "b"}, {"agent": {"id": "c"}}, []),
        (
            {"@timestamp": "2026-03-01T00:00:00.123456Z"},
            {"@timestamp": "2026-03-01T00:00:00.123Z"},
            [],
        ),
        ({"@timestamp": "2026-03-01T00:00:00.000000Z"}, {"@timestamp": "2026-03-01T00:00:00Z"}, []),
        ({"@timestamp": "2026-03-01T01:00:00+01:00"}, {"@timestamp": "2026-03-01T00:00:00Z"}, []),
        (
            {"@timestamp": "2026-03-01T00:00:00.123Z"},
            {"@timestamp": "2026-03-01T00:00:00.124Z"},
            ["@timestamp"],
        ),
        ({"@timestamp": "soon"}, {"@timestamp": "later"}, ["@timestamp"]),
    ],
)
def test_two_events_with_one_id_are_compared_by_what_both_have(
    ours: dict[str, Any], theirs: dict[str, Any], different: list[str]
) -> None:
    """Other shippers nest fields, add some and keep milliseconds: that is no other content."""
    assert differing_fields(json.dumps(ours).encode(), theirs) == different


def test_a_line_that_is_no_event_differs_from_nothing() -> None:
    """What cannot be read is judged elsewhere."""
    assert differing_fields(b"oops", {"x": 1}) == []
