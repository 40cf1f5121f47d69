"""Incident records with a few values that matter and plausible others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.alerting.incidents.incident import IncidentStatus
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.analyzers.base.finding import Severity

OPENED = datetime(2026, 3, 2, tzinfo=UTC)


def incident_of(**known: Any) -> IncidentRecord:
    """Return an open incident of one alert; keyword arguments replace its values."""
    opened = known.get("opened", OPENED)
    values: dict[str, Any] = {
        "id": "a1",
        "status": IncidentStatus.OPEN,
        "title": "5xx rate of /predict",
        "summary": "27 % of 116 requests failed.",
        "severity": Severity.WARNING,
        "worst": Severity.WARNING,
        "start": opened - timedelta(hours=1),
        "opened": opened,
        "changed": opened,
        "onset_seconds": 300,
        "cause_id": "alert",
        "cause_reason": "27 % of 116 requests failed.",
        "cause_latest_reason": "27 % of 116 requests failed.",
        "layer": "service",
        "alerts": 1,
        "open_alerts": 1,
        "alert_ids": ("alert",),
        "analyzers": ("service_health",),
        "detected_after_seconds": 3_600,
        "service": "api",
    }
    return IncidentRecord(**(values | known))
