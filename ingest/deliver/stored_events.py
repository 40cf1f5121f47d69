"""What the data streams hold already: by id, across all backing indices.

`create` alone prevents a second copy only within one backing index, and proves nothing about the
content of the document that has the id.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
from typing import Any, Protocol

from mlmon.elastic.errors import ClusterError
from mlmon.ingest.encode.line import ADDED_FIELDS, LineError, parse

_PAGE = 500
# So many backing indices may hold one id before an answer of this size could miss another one.
_COPIES = 4
_LONGEST_WRITE_S, _POLL_S = 10.0, 0.05
_ADDED_PREFIXES = ("agent.", "data_stream.", "input.", "log.file.", "log.offset", "host.")
"""Fields that shippers and ingest pipelines add or change."""
_BACKING_INDEX = re.compile(r"\.ds-(?P<stream>.+)-\d{4}\.\d{2}\.\d{2}-(?P<generation>\d{6,})")
"""Elasticsearch's names of the indices behind a data stream."""
_GONE = 404

StoredEvent = dict[str, Any]
BackingIndices = dict[str, list[str]]
"""Data streams, each with its backing indices, the oldest first."""


class SearchTarget(Protocol):
    """The part of `Cluster` that finds and removes documents."""

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of one search."""

    def refresh(self, index: str) -> None:
        """Make what was stored visible to searches."""

    def running_writes(self) -> set[str]:
        """Return the ids of the bulk requests that the cluster carries out now."""

    def data_streams(self, pattern: str) -> dict[str, list[str]]:
        """Return the data streams that match, each with its backing indices."""

    def bulk(self, body: bytes, *, filter_path: str | None = None) -> dict[str, Any]:
        """Send one bulk request, once."""


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """One document of an id.

    Attributes:
        index: The index that holds it.
        event: Its content.
    """

    index: str
    event: StoredEvent


class StoredEvents:
    """Finds events by id, and removes second copies.

    Args:
        target: The cluster.
        streams: Pattern of the data streams.
    """

    def __init__(self, target: SearchTarget, streams: str) -> None:
        self._target = target
        self._streams = streams

    def backing_indices(self) -> BackingIndices | None:
        """Return the data streams with their backing indices; None where that is not known."""
        try:
            return self._target.data_streams(self._streams)
        except ClusterError:
            return None

    def find(self, ids: Sequence[str]) -> dict[str, list[StoredCopy]]:
        """Return what is stored of each id that is there, after refreshing the streams.

        Of several copies, those in earlier backing indices come first.
        """
        if not ids:
            return {}
        self._await_running_writes()
        self._target.refresh(self._streams)
        found: defaultdict[str, list[StoredCopy]] = defaultdict(list)
        for first in range(0, len(ids), _PAGE):
            for id_, stored in self._page(ids[first : first + _PAGE]):
                found[id_].append(stored)
        for copies in found.values():
            copies.sort(key=lambda stored: _generation(stored.index))
        return dict(found)

    def remove(self, documents: Iterable[tuple[str, str]]) -> list[str]:
        """Delete documents, given as index and id; return the ids of those still there.

        Raises:
            ClusterError: It is not known what was deleted.
        """
        wanted = [(index, id_) for index, id_ in documents]
        if not wanted:
            return []
        lines = [json.dumps({"delete": {"_index": index, "_id": id_}}) for index, id_ in wanted]
        answer = self._target.bulk("".join(f"{line}\n" for line in lines).encode())
        statuses = [item["delete"]["status"] for item in answer.get("items", ())]
        if len(statuses) != len(wanted):
            raise ClusterError(f"The answer is for {len(statuses)} of {len(wanted)} deletions")
        return [
            id_
            for (_, id_), status in zip(wanted, statuses, strict=True)
            if status >= 300 and status != _GONE  # noqa: PLR2004 - HTTP: no success
        ]

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

    def _page(self, ids: Sequence[str]) -> Iterator[tuple[str, StoredCopy]]:
        body = {
            "size": len(ids) * _COPIES,
            "query": {"ids": {"values": list(ids)}},
            "sort": ["_doc"],
            "track_total_hits": False,
        }
        answer = self._target.search(self._streams, body)
        for hit in answer["hits"]["hits"]:
            yield hit["_id"], StoredCopy(hit["_index"], hit.get("_source") or {})


def second_copies(stored: Sequence[StoredCopy]) -> list[StoredCopy]:
    """Return the documents of one id that lie in a later backing index of the first one's stream.

    An index that is not named as a backing index, or of another stream, is nobody's copy: what lies
    there was put there for a reason that is not known here.
    """
    names = [_BACKING_INDEX.fullmatch(found.index) for found in stored]
    first = names[0] if names else None
    if first is None:
        return []
    return [
        found
        for found, name in zip(stored[1:], names[1:], strict=True)
        if name and name["stream"] == first["stream"] and name["generation"] > first["generation"]
    ]


def _generation(index: str) -> str:
    name = _BACKING_INDEX.fullmatch(index)
    return name["generation"] if name else ""


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
    try:
        return bool(ours == theirs)
    except RecursionError:
        # Lists nested by the hundred: the line is kept as one that differs.
        return False


def _flat(event: StoredEvent) -> Iterator[tuple[str, Any]]:
    """Yield each value with its dotted name, whether it is written flat or nested.

    Without recursion: a line may be nested as deeply as its parser allows.
    """
    waiting = [("", event)]
    while waiting:
        prefix, values = waiting.pop()
        for name, value in values.items():
            if isinstance(value, dict):
                waiting.append((f"{prefix}{name}.", value))
            else:
                yield prefix + name, value
