"""From when on lines may still be on their way: what shippers report of lines they have not sent.

A shipper reports every half minute what waits in each file, and how old the last line is that was
decided there. Lines written after that one may come; numbers of theirs that are not there are not
lost. A file in which nothing moves (it ends within a line, for example) holds nothing up.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import EPOCH, MINUTE, SECOND, parse_time
from mlmon.analyzers.event_logs.aggregations import within
from mlmon.elastic.indices.names import SHIPPING, data_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from mlmon.elastic.client.cluster import Cluster

BEHIND = 15 * SECOND
"""What is less behind is there with the next request: nobody waits for it."""
LATE = 10 * MINUTE
"""What is more behind, such as an old file that is shipped again, says nothing of today."""
RECENT = 90 * SECOND
"""A report counts so long: three times as long as there is between two."""

_FIELDS = [
    "@timestamp",
    "agent.id",
    "log.file.path",
    "ingest.read",
    "ingest.lag.bytes",
    "ingest.lag.seconds",
]


def on_their_way(
    reports: Iterable[Mapping[str, Any]],
    least: timedelta = 0 * SECOND,
    most: timedelta | None = None,
) -> datetime | None:
    """Return when the first line was written, at the earliest, that is on its way; None without.

    Args:
        reports: What shippers report of files, in order of time.
        least: Files that are less behind do not count.
        most: Files that are more behind do not count, nor those of which no line was decided yet.
    """
    files: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for report in reports:
        files.setdefault((report["agent.id"], report["log.file.path"]), []).append(report)
    found = []
    for of in files.values():
        last = of[-1]
        if last["ingest.lag.bytes"] == 0 or _stands_still(of):
            continue
        behind = last["ingest.lag.seconds"]
        if behind and behind * SECOND < least:
            continue
        if most is not None and not 0 < behind * SECOND / most <= 1:
            continue
        # Where no line was decided yet, all of the file may come.
        found.append(parse_time(last["@timestamp"]) - behind * SECOND if behind else EPOCH)
    return min(found, default=None)


def without_delay(reports: Iterable[Mapping[str, Any]], now: datetime) -> datetime:
    """Return until when no line means that none was written: a shipper may be behind since then.

    Args:
        reports: What shippers report of files, in order of time.
        now: The present time.
    """
    since = on_their_way(reports, BEHIND, LATE)
    return now if since is None else min(now, since)


def _stands_still(reports: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nothing moved in a file between its last two reports."""
    moved = [
        one["ingest.read"] != two["ingest.read"]
        or one["ingest.lag.bytes"] != two["ingest.lag.bytes"]
        for one, two in pairwise(reports)
    ]
    return bool(moved) and not moved[-1]


def read_reports(cluster: Cluster, namespace: str, now: datetime) -> list[dict[str, Any]]:
    """Return what the shippers of a namespace reported lately of their files, in order of time."""
    time = within("@timestamp", gte=now - RECENT, lte=now + RECENT)
    body = {
        "query": {"bool": {"filter": [time, {"exists": {"field": "log.file.path"}}]}},
        "sort": [{"@timestamp": "asc"}, {"event.id": "asc"}],
        "_source": _FIELDS,
    }
    hits = cluster.scan(data_stream(SHIPPING, namespace), body)
    return [hit["_source"] for hit in hits]
