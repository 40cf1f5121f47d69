"""Incidents and their changes in Elasticsearch: one document each; a change is never rewritten."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.documents import change_document, read_change
from mlmon.alerting.incidents.incident import ChangeKind, IncidentStatus
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.analyzers.base.window import iso
from mlmon.elastic.client.documents import NEW, Document
from mlmon.elastic.indices.names import INCIDENT_CHANGES, INCIDENTS, index_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

_INCIDENTS_PER_REQUEST = 1_000
_UNDONE = {
    "incident.status": [status.value for status in IncidentStatus if not status.stands],
}
_STANDS: Json = {"bool": {"must_not": [{"terms": _UNDONE}]}}


class IncidentStore:
    """The incidents of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.index = index_name(INCIDENTS, namespace)
        self.changes_index = index_name(INCIDENT_CHANGES, namespace)

    def get(self, incident: str) -> IncidentRecord | None:
        """Return an incident, None if there is none of that id."""
        found = self._cluster.get(self.index, incident)
        return None if found is None else IncidentRecord.from_document(found)

    def find(self, prefix: str) -> list[IncidentRecord]:
        """Return the incidents whose ids begin so."""
        return list(self._records([{"prefix": {"incident.id": {"value": prefix}}}]))

    def open(self) -> Iterator[IncidentRecord]:
        """Yield the incidents that are open, the newest first."""
        return self._records([{"term": {"incident.status": IncidentStatus.OPEN}}])

    def overlapping(
        self, since: datetime, until: datetime | None = None
    ) -> Iterator[IncidentRecord]:
        """Yield the incidents, withdrawn ones left out, that lasted at some time of a period.

        Args:
            since: Open after this, or ended after it.
            until: Opened by then; None for all.
        """
        lasted = [
            {"term": {"incident.status": IncidentStatus.OPEN}},
            {"range": {"event.end": {"gt": iso(since)}}},
        ]
        filters: list[Json] = [{"bool": {"should": lasted, "minimum_should_match": 1}}]
        filters.append(_STANDS)
        if until is not None:
            filters.append({"range": {"event.created": {"lte": iso(until)}}})
        return self._records(filters)

    def recent(self, since: datetime) -> Iterator[IncidentRecord]:
        """Yield what is open, and what ended, was withdrawn or merged after a moment."""
        ended = {"range": {"event.end": {"gt": iso(since)}}}
        undone = [{"terms": _UNDONE}, {"range": {"@timestamp": {"gt": iso(since)}}}]
        anyone = [
            {"term": {"incident.status": IncidentStatus.OPEN}},
            ended,
            {"bool": {"filter": undone}},
        ]
        return self._records([{"bool": {"should": anyone, "minimum_should_match": 1}}])

    def opened_since(self, moment: datetime) -> Iterator[IncidentRecord]:
        """Yield the incidents, withdrawn ones left out, that opened at or after a moment."""
        return self._records([{"range": {"event.created": {"gte": iso(moment)}}}, _STANDS])

    def matchable(self, begin: datetime) -> list[IncidentRecord]:
        """Return what was an incident after a moment, or looked like one; see `matching.py`."""
        lasted = [
            {"term": {"incident.status": IncidentStatus.OPEN}},
            {"range": {"event.end": {"gt": iso(begin)}}},
            {"range": {"event.created": {"gte": iso(begin)}}},
        ]
        return list(self._records([{"bool": {"should": lasted, "minimum_should_match": 1}}]))

    def closings(self, since: datetime) -> Iterator[IncidentChange]:
        """Yield the changes by which people closed incidents after a moment."""
        closed: list[Json] = [
            {"term": {"change.kind": ChangeKind.CLOSED.value}},
            {"range": {"@timestamp": {"gt": iso(since)}}},
        ]
        body = {"query": {"bool": {"filter": closed}}}
        return (read_change(hit["_source"]) for hit in self._cluster.scan(self.changes_index, body))

    def changes(self, incidents: Sequence[str]) -> Mapping[str, list[IncidentChange]]:
        """Return the changes of some incidents by their ids, each in order of time."""
        found: dict[str, list[IncidentChange]] = defaultdict(list)
        for start in range(0, len(incidents), _INCIDENTS_PER_REQUEST):
            terms = {"terms": {"incident.id": [*incidents[start : start + _INCIDENTS_PER_REQUEST]]}}
            body = {"query": {"bool": {"filter": [terms]}}, "sort": [{"@timestamp": "asc"}]}
            for hit in self._cluster.scan(self.changes_index, body):
                change = read_change(hit["_source"])
                found[change.incident].append(change)
        return found

    def openings(self, incidents: Sequence[str]) -> Mapping[str, datetime]:
        """Return when the opening of some incidents became known, by their ids."""
        opened: list[Json] = [{"term": {"change.kind": ChangeKind.OPENED.value}}]
        found: dict[str, datetime] = {}
        for start in range(0, len(incidents), _INCIDENTS_PER_REQUEST):
            terms = {"terms": {"incident.id": [*incidents[start : start + _INCIDENTS_PER_REQUEST]]}}
            body = {"query": {"bool": {"filter": [*opened, terms]}}}
            for hit in self._cluster.scan(self.changes_index, body):
                change = read_change(hit["_source"])
                if change.known is not None:
                    first = found.get(change.incident, change.known)
                    found[change.incident] = min(first, change.known)
        return found

    def write(self, records: Iterable[IncidentRecord]) -> int:
        """Store incidents as they stand; return how many differ from what was stored."""
        wanted = {record.id: record.to_document() for record in records}
        body = {"query": {"ids": {"values": [*wanted]}}}
        stored = {hit["_id"]: hit["_source"] for hit in self._cluster.scan(self.index, body)}
        changed = [name for name, document in wanted.items() if stored.get(name) != document]
        self._cluster.put(Document(self.index, name, wanted[name]) for name in changed)
        if changed:
            self._cluster.refresh(self.index)
        return len(changed)

    def add(
        self, changes: Iterable[tuple[IncidentChange, IncidentRecord]], now: datetime
    ) -> list[IncidentChange]:
        """Store changes that are not stored yet; return those that were new.

        Args:
            changes: Each change, and its incident.
            now: When they became known, those that do not say so themselves.
        """
        wanted = {change.id: (change, about) for change, about in changes}
        written = self._cluster.put(
            Document(
                self.changes_index,
                name,
                change_document(change, about) | {"event.ingested": iso(change.known or now)},
                NEW,
            )
            for name, (change, about) in wanted.items()
        )
        self._cluster.refresh(self.changes_index)
        known = set(written.conflicted)
        return [change for name, (change, _) in wanted.items() if name not in known]

    def _records(self, filters: list[Json]) -> Iterator[IncidentRecord]:
        body = {
            "query": {"bool": {"filter": filters}},
            "sort": [{"event.created": "desc"}, {"incident.id": "asc"}],
        }
        return (
            IncidentRecord.from_document(hit["_source"])
            for hit in self._cluster.scan(self.index, body)
        )
