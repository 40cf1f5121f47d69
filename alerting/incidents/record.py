"""An incident as it is stored: the one place that knows its document's fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from mlmon.alerting.incidents.incident import IncidentStatus
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import iso, parse_time

if TYPE_CHECKING:
    from mlmon.elastic.json_object import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """One incident as it stands, with what people did to it.

    Args:
        changed: When it changed last, in the data's time.
        start: When it began, as far as the data show.
        opened: When it was first decided that something is wrong.
        ended: When its last alert ended; None while one is open.
        service, environment, model_name, model_version: What it is about, where known.
        id: Made of the alert that opened it.
        status: Whether it is open.
        opened_by_service, opened_by_environment, opened_by_model: What the alert that opened it is
            about: unlike the likely cause, it never changes.
        title: What is wrong.
        summary: One sentence with its likely cause.
        severity: The worst severity of the alerts that are open; of all once it is resolved.
        worst: The worst severity it has had.
        onset_seconds: How precisely `start` is known.
        cause_id: The alert that is its likely cause.
        first_window_start, first_window_end: The first window that showed it.
        cause_reason, cause_latest_reason: That alert's sentences, of its worst and latest window,
            which end at `cause_worst_at` and `cause_latest_at`.
        cause_ended: When that alert ended; None while it is open.
        open_reason: Once it has ended, or where an open alert is more severe, the latest sentence
            of the worst open alert, of the window that ends at `open_at`.
        layer: That alert's place in the chain of causes.
        alerts, open_alerts: How many it has, and how many are open.
        alert_ids: Their ids, in the order in which they joined.
        affected: What alerts other than the likely cause are about, open ones first; not all.
        analyzers: Whose alerts they are.
        runbook: Where it is written what to do.
        confirm: The command that shows the lines behind its likely cause.
        detected_after_seconds: From its start to its opening.
        muted: Why no message is sent; None where messages are sent.
        acknowledged_by, acknowledged_at: Who took it, and when.
        assignee: Whose it is.
        snoozed_until: Until when no message is sent.
        feedback: What it was, as a person says.
        acknowledged_after_seconds: From its opening on.
    """

    changed: datetime
    start: datetime
    opened: datetime
    ended: datetime | None = None
    service: str | None = None
    environment: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    id: str
    status: IncidentStatus
    opened_by_service: str | None = None
    opened_by_environment: str | None = None
    opened_by_model: str | None = None
    title: str
    summary: str
    severity: Severity
    worst: Severity
    onset_seconds: int
    first_window_start: datetime | None = None
    first_window_end: datetime | None = None
    cause_id: str
    cause_reason: str
    cause_worst_at: datetime | None = None
    cause_latest_reason: str
    cause_latest_at: datetime | None = None
    cause_ended: datetime | None = None
    open_reason: str | None = None
    open_at: datetime | None = None
    layer: str
    alerts: int
    open_alerts: int
    alert_ids: tuple[str, ...]
    affected: tuple[str, ...] = ()
    analyzers: tuple[str, ...]
    runbook: str | None = None
    confirm: str | None = None
    detected_after_seconds: int
    muted: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    feedback: str | None = None
    acknowledged_after_seconds: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status is IncidentStatus.OPEN

    @property
    def short_id(self) -> str:
        """The first digits of its id, enough for `mlmon incidents show`."""
        return self.id[:8]

    def to_document(self) -> Json:
        """Return its document: flat keys, without those of no value."""
        values = {field: getattr(self, name) for name, field in FIELDS.items()}
        return {
            field: _encoded(value) for field, value in values.items() if value not in (None, ())
        }

    @classmethod
    def from_document(cls, document: Json) -> IncidentRecord:
        """Read what `to_document` wrote; other fields are passed over."""
        known = {name: document.get(field) for name, field in FIELDS.items()}
        values: dict[str, Any] = {
            name: _DECODED.get(name, _same)(value)
            for name, value in known.items()
            if value is not None
        }
        return cls(**values)


FIELDS: Final = {
    "changed": "@timestamp",
    "start": "event.start",
    "opened": "event.created",
    "ended": "event.end",
    "service": "service.name",
    "environment": "service.environment",
    "model_name": "ml.model.name",
    "model_version": "ml.model.version",
    "id": "incident.id",
    "status": "incident.status",
    "opened_by_service": "incident.opened_by.service",
    "opened_by_environment": "incident.opened_by.environment",
    "opened_by_model": "incident.opened_by.model",
    "title": "incident.title",
    "summary": "incident.summary",
    "severity": "incident.severity",
    "worst": "incident.worst",
    "onset_seconds": "incident.onset_seconds",
    "first_window_start": "incident.first_window.start",
    "first_window_end": "incident.first_window.end",
    "cause_id": "incident.cause.alert_id",
    "cause_reason": "incident.cause.reason",
    "cause_worst_at": "incident.cause.worst_at",
    "cause_latest_reason": "incident.cause.latest_reason",
    "cause_latest_at": "incident.cause.latest_at",
    "cause_ended": "incident.cause.ended",
    "open_reason": "incident.open.reason",
    "open_at": "incident.open.at",
    "layer": "incident.layer",
    "alerts": "incident.alerts",
    "open_alerts": "incident.open_alerts",
    "alert_ids": "incident.alert_ids",
    "affected": "incident.affected",
    "analyzers": "incident.analyzers",
    "runbook": "incident.runbook",
    "confirm": "incident.confirm",
    "detected_after_seconds": "incident.detected_after_seconds",
    "muted": "incident.muted",
    "acknowledged_by": "incident.acknowledged_by",
    "acknowledged_at": "incident.acknowledged_at",
    "assignee": "incident.assignee",
    "snoozed_until": "incident.snoozed_until",
    "feedback": "incident.feedback",
    "acknowledged_after_seconds": "incident.acknowledged_after_seconds",
}
"""The document's field of each attribute."""

_TIMES = (
    *("changed", "start", "opened", "ended", "acknowledged_at", "snoozed_until"),
    *("first_window_start", "first_window_end", "cause_worst_at", "cause_latest_at"),
    *("cause_ended", "open_at"),
)
_DECODED: Final[dict[str, Any]] = {
    **dict.fromkeys(_TIMES, parse_time),
    **dict.fromkeys(("severity", "worst"), Severity),
    **dict.fromkeys(("alert_ids", "affected", "analyzers"), tuple),
    "status": IncidentStatus,
}


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _same(value: Any) -> Any:
    return value


def listing_order(record: IncidentRecord) -> tuple[int, int, float, str]:
    """Return what every list of incidents is sorted by.

    Open critical ones that nobody took, other open ones that nobody took, open ones that somebody
    took or snoozed, critical ones first, ended ones; the newest first in each of these groups.
    """
    if not record.is_open:
        group = 3
    elif record.muted:
        group = 2
    else:
        group = 0 if record.severity is Severity.CRITICAL else 1
    milder = int(record.is_open and record.severity is not Severity.CRITICAL)
    return group, milder, -record.start.timestamp(), record.id
