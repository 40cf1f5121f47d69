"""What the data streams hold already: by id, across all backing indices.

`create` alone prevents a second copy only within one backing index, and proves nothing about the
content of the document that has the id.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import Any, Protocol

from mlmon.elastic.errors import ClusterError
from mlmon.ingest.encode.line import ADDED_FIELDS, LineError, parse

_PAGE = 500
# So many backing indices may hold one id before an answer of this size could miss another one.
_COPIES = 4
_FRESH_S = 5.0
_LONGEST_WRITE_S, _POLL_S = 10.0, 0.05
_ADDED_PREFIXES = ("agent.", "data_stream.", "input.", "log.file.", "log.offset", "host.")
"""Fields that shippers and ingest pipelines add or change."""

StoredEvent = dict[str, Any]


class SearchTarget(Protocol):
    """The part of `Cluster` that finds documents."""

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of one search."""

    def refresh(self, index: str) -> None:
        """Make what was stored visible to searches."""

    def running_writes(self) -> set[str]:
        """Return the ids of the bulk requests that the cluster carries out now."""


class StoredEvents:
    """Finds events by id.

    Args:
        target: The cluster.
        streams: Pattern of the data streams.
    """

    def __init__(self, target: SearchTarget, streams: str) -> None:
        self._target = target
        self._streams = streams

    def find(self, ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Return the stored event of each id that is there, refreshing the streams first."""
        if not ids:
            return {}
        self._await_running_writes()
        self._target.refresh(self._streams)
        pages = (ids[first : first + _PAGE] for first in range(0, len(ids), _PAGE))
        return {id_: event for page in pages for id_, event in self._page(page)}

    def _await_running_writes(self) -> None:
        """Wait until the bulk requests that run now have ended.

        One may be ours, cut off and still being stored. If the data stream rolled over meanwhile,
        `create` would store its lines a second time in the new backing index.
        """
        try:
            running = self._target.running_writes()
            ends = monotonic() + _LONGEST_WRITE_S
            while running and monotonic() < ends:
                sleep(_POLL_S)
                running &= self._target.running_writes()
        except ClusterError:
            # Unknown, such as without the privilege `monitor`: the look-up has to do.
            return

    def _page(self, ids: Sequence[str]) -> Iterator[tuple[str, StoredEvent]]:
        body = {
            "size": len(ids) * _COPIES,
            "query": {"ids": {"values": list(ids)}},
            "sort": ["_doc"],
            "track_total_hits": False,
        }
        answer = self._target.search(self._streams, body)
        for hit in answer["hits"]["hits"]:
            yield hit["_id"], hit.get("_source") or {}


def differing_fields(line: bytes, stored: StoredEvent) -> list[str]:
    """Return the fields that a line and the stored event of its id both have, unequal.

    What only one of them has is ignored: ingest pipelines add and remove fields. Times are compared
    to the millisecond, which is what some shippers keep.
    """
    try:
        event = dict(_flat(parse(line)))
    except LineError:
        return []
    known = dict(_flat(stored))
    return sorted(
        name
        for name in event.keys() & known.keys()
        if name not in ADDED_FIELDS
        and not name.startswith(_ADDED_PREFIXES)
        and not _equal(name, event[name], known[name])
    )


def _equal(name: str, ours: Any, theirs: Any) -> bool:
    if name == "@timestamp" and ours != theirs:
        try:
            times = [datetime.fromisoformat(str(value)) for value in (ours, theirs)]
            return len({int(time.timestamp() * 1_000) for time in times}) == 1
        except (ValueError, OverflowError):
            return False
    return bool(ours == theirs)


def _flat(event: StoredEvent, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its dotted name, whether it is written flat or nested."""
    for name, value in event.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


class StreamTarget(Protocol):
    """The part of `Cluster` that lists data streams."""

    def data_streams(self, pattern: str) -> dict[str, list[str]]:
        """Return the data streams that match, each with its backing indices."""


class Rollovers:
    """Whether any data stream has more than one backing index.

    Args:
        target: The cluster.
        pattern: The data streams.
    """

    def __init__(self, target: StreamTarget, pattern: str) -> None:
        self._target = target
        self._pattern = pattern
        self._asked = float("-inf")
        self._happened = False

    def __call__(self) -> bool:
        """Return whether what another shipper stored may lie in an earlier backing index."""
        if not self._happened and monotonic() - self._asked > _FRESH_S:
            self._asked = monotonic()
            try:
                found = self._target.data_streams(self._pattern)
            except ClusterError:
                # Unknown: a needless look-up costs less than a second copy.
                return True
            self._happened = any(len(indices) > 1 for indices in found.values())
        return self._happened
