"""Elasticsearch takes every line the log can write, under the templates made from its table."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.elastic.client.cluster import Cluster
from mlmon.logging_config import EventLog, FeatureSource, Model

ODD: list[Any] = [
    math.nan,
    10**30,
    2**64,
    Decimal("1E+300"),
    "x" * 40_000,
    "\ud800\x00",
    b"\xff",
    {"a": {"b": [1, {"c": 2}]}},
    {"": 1, "a.b": 2, ".": 3, "a\x00b": 4, "x" * 300: 5},
    [[1, 2], [3]],
    [],
    {},
    None,
    "2026-01-01",
    True,
    0.5,
    "text",
]
KEYS = [
    *("error", "error.type", "service", "labels", "event", "message", "@timestamp", "http", "n"),
    *("ml.features.numeric.x", "log.level.x", "trace.id", "a..b", " ", "_id"),
    "process.thread.name",
]
VALUES = st.integers(0, len(ODD) - 1).map(lambda index: ODD[index])


def emit_everything(log: EventLog) -> None:
    """Emit each kind of event, rightly and wrongly."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    for odd in ODD:
        log.prediction(
            prediction_id="p",
            model=Model("m", "1"),
            score=0.5,
            approved=True,
            threshold=odd,
            features={"a": odd, "b.c": odd, "": odd},
            sources={"s": FeatureSource("fresh", odd, odd)},
        )
        log.access(method=odd, path=odd, status_code=odd, duration_ns=odd, error_code=odd)
        log.bid(bid_id=odd, prediction_id=odd, value=odd, approved_by_model=odd)
        log.outcome(prediction_id="p", label=odd, value=odd, created=odd)
        log.fallback(source=odd, age_s=odd, reason=odd)
        log.job_ended(name="j", run_id="r", succeeded=False, records=odd, error=odd)
        log.model_event(action="evaluate", succeeded=True, evaluation={"f1": odd, "a.b": odd})
        log.app("info", odd, dict.fromkeys(KEYS, odd))
    log.outcome(prediction_id="p", label=True, created=now)


def refusals(cluster: Cluster, namespace: str, lines: list[bytes]) -> list[Any]:
    """Send the lines as the shipper does; what was refused, and why."""
    body = bytearray()
    for line in lines:
        event = json.loads(line)
        create = {
            "create": {
                "_index": f"logs-{event['event.dataset']}-{namespace}",
                "_id": event["event.id"],
            }
        }
        body += json.dumps(create).encode() + b"\n" + line
    answer = cluster.bulk(bytes(body))
    results = [item["create"] for item in answer["items"]]
    return [result["error"] for result in results if result["status"] != 201]


def test_each_kind_of_event(cluster: Cluster, namespace: str, log: EventLog, memory: Any) -> None:
    """No event, however wrong its values, is refused by the mappings."""
    emit_everything(log)
    assert refusals(cluster, namespace, memory.lines) == []


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=st.lists(
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), VALUES), min_size=20
    )
)
def test_free_events(
    events: list[dict[str, Any]],
    cluster: Cluster,
    namespace: str,
    new_memory: Callable[[], Any],
    open_memory_log: Callable[..., EventLog],
) -> None:
    """No combination of keys and values conflicts with the mappings or with one another."""
    memory = new_memory()
    log = open_memory_log(memory, entity_id=None)
    for fields in events:
        log.app("info", "event", fields)
    assert refusals(cluster, namespace, memory.lines) == []
