"""Alerts in Elasticsearch: one document per alert under its own id, so that a re-run replaces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmon.alerting.alerts.alert import ALERT_FIELDS, Alert, AlertStatus
from mlmon.analyzers.base.identity import IDENTITY_FIELDS
from mlmon.analyzers.base.window import iso
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices.names import ALERTS, index_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

ALERTS_PER_REQUEST = 1_000
_OWN = {
    "@timestamp",
    "alert.id",
    "alert.status",
    "finding.series",
    *IDENTITY_FIELDS.values(),
    *ALERT_FIELDS.values(),
}


@dataclass(frozen=True, slots=True)
class WrittenAlerts:
    """Numbers of alerts that were stored, by change."""

    opened: int = 0
    changed: int = 0
    unchanged: int = 0


class AlertStore:
    """The alerts of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.index = index_name(ALERTS, namespace)

    def overlapping(self, since: datetime, until: datetime | None = None) -> Iterator[Alert]:
        """Yield the alerts, withdrawn ones left out, that lasted at some time of a period.

        Args:
            since: Open after this, or ended after it.
            until: Opened by then; None for all.
        """
        ended = {"range": {"event.end": {"gt": iso(since)}}}
        filters = [_any({"term": {"alert.status": AlertStatus.OPEN}}, ended), _not_withdrawn()]
        if until is not None:
            filters.append({"range": {"event.created": {"lte": iso(until)}}})
        return self._matching(filters)

    def get(self, ids: Sequence[str]) -> list[Alert]:
        """Return the alerts of these ids, in their order; those that are gone are left out."""
        found = self._documents(ids)
        return [Alert.from_document(found[name]) for name in ids if name in found]

    def open(self) -> Iterator[Alert]:
        """Yield the alerts that are open now, the oldest first."""
        return self._matching([{"term": {"alert.status": AlertStatus.OPEN}}])

    def recent(self, since: datetime) -> Iterator[Alert]:
        """Yield what was open, or regarded as open, at some time after a moment."""
        opened = {"term": {"alert.status": AlertStatus.OPEN}}
        ended = {"range": {"event.end": {"gt": iso(since)}}}
        withdrawn = [
            {"term": {"alert.status": AlertStatus.WITHDRAWN}},
            {"range": {"alert.expires": {"gt": iso(since)}}},
        ]
        return self._matching([_any(opened, ended, {"bool": {"filter": withdrawn}})])

    def write(self, alerts: Sequence[Alert]) -> WrittenAlerts:
        """Store alerts; what is stored already as it is stays untouched.

        What people have added to an alert (who took it, whether it was worth raising) is kept.
        """
        written = WrittenAlerts()
        for start in range(0, len(alerts), ALERTS_PER_REQUEST):
            batch = alerts[start : start + ALERTS_PER_REQUEST]
            stored = self._documents([alert.id for alert in batch])
            changed = []
            for alert in batch:
                present, document = stored.get(alert.id), alert.to_document()
                kept = {name: value for name, value in (present or {}).items() if name not in _OWN}
                if present != kept | document:
                    changed.append(Document(self.index, alert.id, kept | document))
            new = sum(document.id not in stored for document in changed)
            self._cluster.put(changed)
            written = WrittenAlerts(
                written.opened + new,
                written.changed + len(changed) - new,
                written.unchanged + len(batch) - len(changed),
            )
        if written.opened or written.changed:
            self._cluster.refresh(self.index)
        return written

    def withdraw(self, alerts: Iterable[Alert]) -> int:
        """Mark alerts that, as is known now, never were; return how many."""
        gone = [replace(alert, withdrawn=True) for alert in alerts]
        self.write(gone)
        return len(gone)

    def _documents(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), ALERTS_PER_REQUEST):
            body = {"query": {"ids": {"values": [*ids[start : start + ALERTS_PER_REQUEST]]}}}
            found |= {hit["_id"]: hit["_source"] for hit in self._cluster.scan(self.index, body)}
        return found

    def _matching(self, filters: list[dict[str, Any]]) -> Iterator[Alert]:
        body = {
            "query": {"bool": {"filter": filters}},
            "sort": [{"event.created": "asc"}, {"alert.id": "asc"}],
        }
        for hit in self._cluster.scan(self.index, body):
            yield Alert.from_document(hit["_source"])


def _any(*queries: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _not_withdrawn() -> dict[str, Any]:
    return {"bool": {"must_not": [{"term": {"alert.status": AlertStatus.WITHDRAWN}}]}}
