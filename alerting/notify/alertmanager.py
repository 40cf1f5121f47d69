"""Alerts as Alertmanager takes them (`POST /api/v2/alerts`).

Labels say what an alert is, so that the same alert is the same again and rules of inhibition can
tell what explains what; annotations say what a person should read. Alertmanager knows an alert by
its labels: one that grows from warning to critical ends as the one and begins as the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.alerting.alerts.alert import Alert, Status
from mlmon.alerting.wording import headline
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, iso
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

KEPT: timedelta = DAY
"""So long an open alert stays open there if nothing more is sent, and so long it is said again that
one has ended, in case it was not heard."""

LABELS = {
    "analyzer": "analyzer",
    "metric": "metric",
    "subject": "subject",
    "segment": "segment",
    "service": "service",
    "model_name": "model",
    "model_version": "version",
    "layer": "layer",
}
"""The label of each attribute of an alert."""

Payload = dict[str, Any]


def alerts(
    alerts: Iterable[Alert],
    namespace: str,
    now: datetime,
    causes: Mapping[str, Alert],
    *,
    runbooks: str = "",
    dashboard: str = "",
) -> list[Payload]:
    """Return the alerts that alerts amount to.

    Args:
        alerts: Open ones, and those that ended or were withdrawn of late.
        namespace: Environment.
        now: When this is.
        causes: Episodes by their ids, among which causes are looked up.
        runbooks: URL that the runbooks' paths follow; empty leaves them as they are.
        dashboard: URL to look at; empty gives none.
    """
    return [
        {
            "labels": _labels(alert, namespace, severity),
            "annotations": _annotations(alert, causes, runbooks),
            "startsAt": iso(begin),
            "endsAt": iso(end),
            **({"generatorURL": dashboard} if dashboard else {}),
        }
        for alert in alerts
        for severity, begin, end in _spans(alert, now)
    ]


def _labels(alert: Alert, namespace: str, severity: Severity) -> dict[str, str]:
    named = {label: getattr(alert, name) for name, label in LABELS.items()}
    return {
        "alertname": f"{alert.analyzer} {alert.metric}",
        "namespace": namespace,
        "severity": severity.value,
        # To Alertmanager a label without a value is none.
        **{label: value for label, value in named.items() if value},
    }


def _annotations(alert: Alert, causes: Mapping[str, Alert], runbooks: str) -> dict[str, str]:
    cause = causes.get(alert.explained_by or "")
    found = {
        "summary": alert.title,
        "description": alert.reason,
        "since": moment(alert.since),
        "alert_id": alert.id,
    }
    if cause is not None:
        found["perhaps_because_of"] = headline(cause)
    if alert.runbook:
        found["runbook_url"] = f"{runbooks}{alert.runbook}"
    return found


def _spans(alert: Alert, now: datetime) -> Iterator[tuple[Severity, datetime, datetime]]:
    """Yield each severity that an alert has had, from when until when."""
    end = alert.ended or now + KEPT
    if alert.status is Status.WITHDRAWN:
        end = now
    if alert.severity_since > alert.opened:
        yield Severity.WARNING, alert.opened, min(alert.severity_since, end)
    yield alert.severity, alert.severity_since, max(alert.severity_since, end)
