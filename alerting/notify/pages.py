"""The pages that show an incident, as links for messages: absolute, or none at all.

`mlmon serve` is one, where `[alerting] serve_url` says how people reach it. Later stages have
others: `dashboards/` knows how to address Kibana.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.settings import AlertingSettings
    from mlmon.elastic.client.cluster import Cluster

PageLink = tuple[str, str]
"""Label and absolute URL."""
PageLinks = Callable[["IncidentRecord"], Sequence[PageLink]]
"""Given an incident."""
PageOffer = Callable[["Cluster", str], PageLinks]
"""Given the cluster and the namespace."""


def no_pages(_cluster: Cluster, _namespace: str) -> PageLinks:
    """Offer no pages."""
    return lambda _incident: ()


def page_links(settings: AlertingSettings, offered: PageLinks) -> PageLinks:
    """Return what gives the links of an incident: its page, the one to acknowledge, dashboards.

    Args:
        settings: Where `mlmon serve` and a dashboard are.
        offered: Gives the pages of later stages.
    """

    def links(incident: IncidentRecord) -> list[PageLink]:
        found = [*_own_pages(incident, settings.serve_url), *offered(incident)]
        if settings.dashboard_url:
            found.append(("Open", settings.dashboard_url))
        return found

    return links


def _own_pages(incident: IncidentRecord, serve_url: str | None) -> list[PageLink]:
    """Return the pages of `mlmon serve`; neither acts by being loaded."""
    if serve_url is None:
        return []
    page = f"{serve_url}/incidents/{incident.id}"
    found = [("Incident", page)]
    if incident.is_open:
        found.append(("Acknowledge", f"{page}/acknowledge"))
    return found
