"""Following shows each event once, those too that come late."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from mlmon.analyzers.base.window import iso
from mlmon.elastic.client.cluster import Cluster
from mlmon.report.terminal.search import EventFilter, follow

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(number: int, logged: datetime, sent: datetime) -> dict[str, Any]:
    """Return an event with a number."""
    return {
        "@timestamp": iso(logged),
        "event.id": f"e-{number}",
        "event.sequence": number,
        "event.dataset": "ml.app",
        "event.ingested": iso(sent),
        "message": "hello",
    }


def test_each_event_is_reported_once_and_late_ones_too(
    cluster: Cluster, namespace: str, ship: Callable[..., None]
) -> None:
    """Over three looks: what is new, what was logged an hour ago and sent just now, nothing twice.

    What was sent before following began is not told.
    """
    second = timedelta(seconds=1)
    batches = iter(
        [
            [event(3, NOW + second, NOW + second)],
            [event(4, NOW - timedelta(hours=1), NOW + 2 * second), event(5, NOW, NOW + 3 * second)],
            [],
        ]
    )
    ship([event(1, NOW - second, NOW - second), event(2, NOW, NOW + second)])

    class Looks(Event):
        """Ships the next batch whenever following waits, and stops it when there is none."""

        def wait(self, timeout: float | None = None) -> bool:
            del timeout
            if (batch := next(batches, None)) is None:
                self.set()
            elif batch:
                ship(batch)
            return self.is_set()

    event_filter = EventFilter(NOW - timedelta(hours=2))
    output = [
        event["event.sequence"] for event in follow(cluster, namespace, event_filter, NOW, Looks())
    ]
    assert output == [2, 3, 4, 5]
