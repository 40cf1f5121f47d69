"""The pages that show an incident, as links for messages: absolute, or none at all.

`mlmon serve` is one, where `[alerting] serve_url` says how people reach it. Later stages offer
others, since imports point backwards only: `dashboards/` knows how to address Kibana.
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

_offers: list[PageOffer] = []


def offer_pages(offer: PageOffer) -> None:
    """Let a stage add pages to messages; offering twice is offering once."""
    if offer not in _offers:
        _offers.append(offer)


def page_links(cluster: Cluster, namespace: str, settings: AlertingSettings) -> PageLinks:
    """Return what gives the links of an incident: its page, the one to acknowledge, dashboards."""
    offered = [offer(cluster, namespace) for offer in _offers]

    def links(incident: IncidentRecord) -> list[PageLink]:
        found = [
            *_own_pages(incident, settings.serve_url),
            *(link for give in offered for link in give(incident)),
        ]
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
