"""Each way of narrowing the logs finds exactly the events it should, on Elasticsearch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import iso
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.report.terminal.search import (
    EventFilter,
    dataset_argument,
    field_argument,
    level_argument,
    newest,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
Ship = Callable[..., None]


def event(minute: int, level: str = "info", message: str = "hello", **more: Any) -> dict[str, Any]:
    """Return an event of a minute."""
    return {
        "@timestamp": iso(START + timedelta(minutes=minute)),
        "event.id": f"e-{minute}",
        "event.sequence": minute,
        "event.dataset": "ml.app",
        "event.ingested": iso(START + timedelta(minutes=minute)),
        "log.level": level,
        "message": message,
        "service.name": "api",
    } | more


EVENTS = [
    event(0),
    event(1, "warning", "disk nearly full"),
    event(2, "error", "cannot reach the store", **{"error.message": "connection refused"}),
    event(3, "critical", "store is gone", **{"service.name": "scheduler"}),
    event(4, **{"event.dataset": "ml.access", "http.response.status_code": 503}),
    event(5, labels={"shard": "7"}),
    event(6, "debug", "the store was refused a connection"),
]


CASES: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [0, 1, 2, 3, 4, 5, 6]),
    ({"level": "warning"}, [1, 2, 3]),
    ({"level": "debug"}, [0, 1, 2, 3, 4, 5, 6]),
    ({"service": "scheduler"}, [3]),
    ({"dataset": "ml.access"}, [4]),
    ({"text": "connection refused"}, [2]),
    ({"text": "Nearly FULL"}, [1]),
    ({"fields": (field_argument("http.response.status_code=503"),)}, [4]),
    ({"fields": (field_argument("shard=7"),)}, [5]),
    ({"fields": (field_argument("error.message=*"),)}, [2]),
    ({"fields": (field_argument("service.name=api"),), "level": "error"}, [2]),
    ({"since": START + timedelta(minutes=5)}, [5, 6]),
    ({"until": START + timedelta(minutes=2)}, [0, 1]),
]


def test_it_finds_what_is_wanted(cluster: Cluster, namespace: str, ship: Ship) -> None:
    """By level or worse, service, dataset, words in a row, fields, labels, and time."""
    ship(EVENTS)
    for narrowed, minutes in CASES:
        event_filter = EventFilter(**({"since": START} | narrowed))
        found, total = newest(cluster, namespace, event_filter, 100)
        assert [event["event.sequence"] for event in found] == minutes, narrowed
        assert total == len(minutes)
    # Of more than are asked for, the newest, and the newest last.
    newest_three, total = newest(cluster, namespace, EventFilter(START), 3)
    assert [event["event.sequence"] for event in newest_three] == [4, 5, 6]
    assert total == 7


@pytest.mark.parametrize(
    ("read", "text"),
    [(field_argument, "no equals"), (level_argument, "loud"), (dataset_argument, "ml.nothing")],
)
def test_wrong_arguments_are_explained(read: Callable[[str], Any], text: str) -> None:
    """The message repeats what was typed, and the hint says what could be."""
    with pytest.raises(UserError) as caught:
        read(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint
