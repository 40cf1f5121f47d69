"""Incidents with their alerts, read from the store for the report and `mlmon serve`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.silences import silenced
from mlmon.alerting.settings import load_alerting_settings
from mlmon.analyzers.run.judged import anything_judged
from mlmon.report.html.incident_list import StoredIncident

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.html.incident_list import IncidentList


def open_incidents(cluster: Cluster, namespace: str) -> tuple[StoredIncident, ...]:
    """Return the incidents that are open, the newest first."""
    return _with_alerts(cluster, namespace, IncidentStore(cluster, namespace).open())


def incidents_of_period(
    cluster: Cluster, namespace: str, since: datetime, until: datetime
) -> tuple[StoredIncident, ...]:
    """Return the incidents that lasted at some time of a period, as they stand now."""
    found = IncidentStore(cluster, namespace).overlapping(since, until)
    return _with_alerts(cluster, namespace, found)


def known_incidents(listed: IncidentList, cluster: Cluster, namespace: str) -> IncidentList:
    """Return a list that is no all-clear where it is empty because nothing was judged."""
    if listed.open or listed.ended or anything_judged(cluster, namespace):
        return listed
    return replace(listed, unjudged=namespace)


def _with_alerts(
    cluster: Cluster, namespace: str, records: Iterable[IncidentRecord]
) -> tuple[StoredIncident, ...]:
    """Return incidents with their alerts."""
    incidents = list(records)
    names = [name for record in incidents for name in record.alert_ids]
    alerts = {alert.id: alert for alert in AlertStore(cluster, namespace).get(names)}
    by = silenced(incidents, namespace, load_alerting_settings())
    return tuple(
        StoredIncident(
            record,
            tuple(alerts[name] for name in record.alert_ids if name in alerts),
            by.get(record.id, ""),
        )
        for record in incidents
    )
