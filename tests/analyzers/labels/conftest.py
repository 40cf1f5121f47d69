"""Predictions and outcomes to be joined, and the join of the test's namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from mlmon.analyzers.base.window import iso
from mlmon.analyzers.labels.join import Joined, LabelJoin
from tests.support.transport import intercept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from elastic_transport import TransportApiResponse

    from mlmon.elastic.client.cluster import Cluster
    from tests.support.transport import Send

Event = dict[str, Any]


def prediction_event(ident: str, at: datetime, score: float = 0.7, **more: Any) -> Event:
    """Return the event of a prediction that is approved from 0.5 on."""
    return {
        "_id": f"p-{ident}",
        "@timestamp": iso(at),
        "event.dataset": "ml.prediction",
        "service.name": "api",
        "ml.model.name": "autobid",
        "ml.model.version": "1",
        "ml.prediction.id": ident,
        "ml.prediction.score": score,
        "ml.prediction.threshold": 0.5,
        "ml.prediction.decision": "approved" if score >= 0.5 else "rejected",
    } | more


def outcome_event(number: int, of: str, at: datetime, *, label: bool, value: float = 0.0) -> Event:
    """Return the event of an outcome; the number ends its id."""
    return {
        "_id": f"o-{number}",
        "@timestamp": iso(at),
        "event.dataset": "ml.outcome",
        "service.name": "autobidder",
        "ml.prediction.id": of,
        "ml.outcome.label": label,
        "ml.outcome.value": value,
    }


@pytest.fixture(scope="session")
def prediction() -> Callable[..., Event]:
    """Make the event of a prediction."""
    return prediction_event


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Event]:
    """Make the event of an outcome."""
    return outcome_event


@pytest.fixture
def arrive(cluster: Cluster, namespace: str) -> Callable[..., None]:
    """Let events arrive: stored as they would be at a moment, and visible."""

    def send(events: Iterable[Mapping[str, Any]], ingested: datetime | None) -> None:
        lines = []
        for event in events:
            stream = f"logs-{event['event.dataset']}-{namespace}"
            source = {name: value for name, value in event.items() if name != "_id"}
            if ingested is not None:
                source["event.ingested"] = iso(ingested)
            lines += [{"create": {"_index": stream, "_id": event["_id"]}}, source]
        if lines:
            body = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
            answer = cluster.bulk(body, filter_path="errors,items.*.error")
            assert not answer["errors"], answer
            cluster.refresh(f"logs-*-{namespace}")

    return send


@pytest.fixture
def join(cluster: Cluster, namespace: str) -> Callable[[datetime], Joined]:
    """Run the join at a moment."""
    return lambda now: LabelJoin(cluster, namespace, now).run()


@pytest.fixture
def stored(cluster: Cluster, namespace: str) -> Callable[[], dict[str, Event]]:
    """Read every label's document by its id."""

    def read() -> dict[str, Event]:
        hits = cluster.scan(f"mlmon-labels-{namespace}-*", {})
        return {hit["_id"]: hit["_source"] for hit in hits}

    return read


@pytest.fixture
def statuses(cluster: Cluster, namespace: str) -> Callable[[], dict[str, str]]:
    """Read the status of each outcome that had to wait, by its id."""

    def read() -> dict[str, str]:
        hits = cluster.scan(f"mlmon-waiting-{namespace}-*", {})
        return {hit["_id"]: hit["_source"]["waiting.status"] for hit in hits}

    return read


@pytest.fixture
def requests(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Collect each request that is sent from now on: method, path, body."""
    sent: list[tuple[str, str, Any]] = []

    def record(method: str, path: str, body: bytes | None, send: Send) -> TransportApiResponse:
        sent.append((method, path, orjson.loads(body) if body and path != "/_bulk" else body))
        return send()

    intercept(cluster, monkeypatch, record)
    return sent
