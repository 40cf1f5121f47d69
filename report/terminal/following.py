"""Reads the logs as they are wanted, and goes on reading what comes."""

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
    from mlmon.report.terminal.query import Wanted

Json = dict[str, Any]
OVERLAP = timedelta(minutes=5)
"""A line is visible at the latest so long after the shipper sent it."""

EVERY_S = 1.0
_REMEMBERED = 100_000
_PAGE = 1_000


def newest(cluster: Cluster, namespace: str, wanted: Wanted, limit: int) -> list[Json]:
    """Return the newest wanted events, in order of time."""
    body = {
        "query": wanted.query(),
        "size": limit,
        "sort": [{"@timestamp": "desc"}, {"event.sequence": "desc"}],
        "track_total_hits": False,
    }
    hits = cluster.search(wanted.streams(namespace), body)["hits"]["hits"]
    return [hit["_source"] for hit in reversed(hits)]


def follow(
    cluster: Cluster, namespace: str, wanted: Wanted, since: datetime, stopping: Event
) -> Iterator[Json]:
    """Yield wanted events as they become visible, each once, until told to stop.

    Those are found by when they were sent, so a line that was logged earlier and came late is told
    too.

    Args:
        cluster: Where they are.
        namespace: Environment.
        wanted: Which.
        since: Sent at it or later.
        stopping: Set to end.
    """
    told: OrderedDict[str, None] = OrderedDict()
    reached = since
    while not stopping.is_set():
        for event in _sent(cluster, namespace, wanted, max(since, reached - OVERLAP)):
            key = str(event.get("event.id"))
            if key in told:
                continue
            told[key] = None
            if len(told) > _REMEMBERED:
                told.popitem(last=False)
            reached = max(reached, parse_time(event[INGESTED]))
            yield event
        stopping.wait(EVERY_S)


def _sent(cluster: Cluster, namespace: str, wanted: Wanted, since: datetime) -> Iterator[Json]:
    query = replace(wanted, until=None).query()
    query["bool"]["filter"].append({"range": {INGESTED: {"gte": iso(since)}}})
    body = {
        "query": query,
        "size": _PAGE,
        "sort": [{INGESTED: "asc"}, {"@timestamp": "asc"}, {"event.sequence": "asc"}],
    }
    for hit in cluster.scan(wanted.streams(namespace), body):
        yield hit["_source"]
