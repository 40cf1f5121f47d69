"""An incident's dashboard and documents in Kibana, as links for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.analyzers.base.window import HOUR, iso
from mlmon.dashboards.links.links import BEFORE, links
from mlmon.dashboards.links.settings import load_kibana_settings
from mlmon.dashboards.links.target import LinkTarget

if TYPE_CHECKING:
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.notify.pages import PageLink, PageLinks
    from mlmon.dashboards.links.links import TimeRange
    from mlmon.elastic.client.cluster import Cluster


def kibana_pages(cluster: Cluster, namespace: str) -> PageLinks:
    """Return what links an incident to the Kibana of `[kibana] url`; nothing where none is set.

    The dashboard is that of the likely cause, filtered to its series, from six hours before the
    incident's start to its end, or to now while it is open.
    """
    settings = load_kibana_settings()
    target = LinkTarget(namespace, settings.space)
    alerts = AlertStore(cluster, namespace)

    def give(incident: IncidentRecord) -> list[PageLink]:
        if settings.url is None:
            return []
        cause = next(iter(alerts.get([incident.cause_id])), None)
        found = cause and links(cause.worst_finding, target, incident_time(incident))
        if not found:
            return []
        return [
            ("Dashboard", settings.url + found.dashboard),
            ("Documents", settings.url + found.search),
        ]

    return give


def incident_time(incident: IncidentRecord) -> TimeRange:
    """Return the time range in which an incident is shown, as Kibana takes it."""
    begin, end = incident.start - BEFORE, incident.ended
    return iso(begin), iso(end + HOUR) if end else "now"
