"""Read the newest events of the logs, and follow the new ones."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso, parse_time
from mlmon.report.terminal.query import INGESTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from threading import Event

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.terminal.query import EventFilter

Json = dict[str, Any]
OVERLAP = timedelta(minutes=5)
"""The longest time from sending a line until a search finds it."""

EVERY_S = 1.0
_REMEMBERED = 100_000
_PAGE = 1_000


def newest(cluster: Cluster, namespace: str, event_filter: EventFilter, limit: int) -> list[Json]:
    """Return the newest events that pass a filter, in order of time."""
    body = {
        "query": event_filter.query(),
        "size": limit,
        "sort": [{"@timestamp": "desc"}, {"event.sequence": "desc"}],
        "track_total_hits": False,
    }
    hits = cluster.search(event_filter.streams(namespace), body)["hits"]["hits"]
    return [hit["_source"] for hit in reversed(hits)]


def follow(
    cluster: Cluster, namespace: str, event_filter: EventFilter, since: datetime, stopping: Event
) -> Iterator[Json]:
    """Yield events that pass a filter as they become visible, each once, until stopped.

    They are found by the time they were sent, so that a late line is shown too.

    Args:
        cluster: Where they are.
        namespace: Environment.
        event_filter: Which.
        since: Sent at it or later.
        stopping: Set to end.
    """
    seen: OrderedDict[str, None] = OrderedDict()
    reached = since
    while not stopping.is_set():
        for event in _sent(cluster, namespace, event_filter, max(since, reached - OVERLAP)):
            key = str(event.get("event.id"))
            if key in seen:
                continue
            seen[key] = None
            if len(seen) > _REMEMBERED:
                seen.popitem(last=False)
            reached = max(reached, parse_time(event[INGESTED]))
            yield event
        stopping.wait(EVERY_S)


def _sent(
    cluster: Cluster, namespace: str, event_filter: EventFilter, since: datetime
) -> Iterator[Json]:
    query = replace(event_filter, until=None).query()
    query["bool"]["filter"].append({"range": {INGESTED: {"gte": iso(since)}}})
    body = {
        "query": query,
        "size": _PAGE,
        "sort": [{INGESTED: "asc"}, {"@timestamp": "asc"}, {"event.sequence": "asc"}],
    }
    for hit in cluster.scan(event_filter.streams(namespace), body):
        yield hit["_source"]
