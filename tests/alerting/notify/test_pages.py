"""Links in messages: at the right page, time and filters, and none that leads nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest

from mlmon.alerting.incidents.incident import ChangeKind
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.message import digest_message, message
from mlmon.alerting.notify.pages import page_links
from mlmon.alerting.publish import alertmanager_payloads, deliver, update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import iso
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import _kibana_pages
from mlmon.dashboards.definitions import home
from mlmon.dashboards.links.incident_pages import incident_time
from tests.support.histories import START, spell
from tests.support.incident_records import incident_of
from tests.support.receivers import WebhookReceiver, webhook_receiver
from tests.support.serving import BEGIN, NOW, Visitor, happen, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.elastic.client.cluster import Cluster

KIBANA = "https://kibana.example/base"
HEALTH = {"analyzer": "service_health", "metric": "http.5xx.rate"}


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    """A webhook's receiver on loopback."""
    with webhook_receiver() as receiver:
        yield receiver


def the_one(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Return the document of the only incident."""
    (found,) = IncidentStore(cluster, namespace).overlapping(BEGIN)
    return found


def test_without_addresses_no_message_has_a_link(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """Nothing is configured, so there is nothing to open: only the command to acknowledge."""
    alerting = AlertingSettings(notify={"hook": {"type": "webhook", "url": hook.url}})
    FindingStore(cluster, namespace).write(spell("occc", "/predict", **HEALTH), START)
    update(cluster, namespace, BEGIN, NOW, alerting)
    assert deliver(cluster, namespace, NOW, alerting).sent == 1
    (body,) = hook.bodies
    assert body["links"] == {}
    assert "http" not in body["text"].replace("http.5xx", "")
    name = the_one(cluster, namespace).id
    assert f"Acknowledge: mlmon incidents ack {name[:8]}" in body["text"]


def test_links_open_the_incident_and_its_dashboard(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kibana opens at the cause's dashboard, in its time, filtered to its series."""
    monkeypatch.setenv("MLMON_KIBANA_URL", KIBANA)
    monkeypatch.setenv("MLMON_KIBANA_SPACE", "ml")
    happen(cluster, namespace, "occc")
    incident = the_one(cluster, namespace)
    alerting = AlertingSettings(serve_url="https://mlmon.example")
    links = dict(page_links(alerting, _kibana_pages(cluster, namespace))(incident))
    page = f"https://mlmon.example/incidents/{incident.id}"
    assert links["Incident"] == page
    assert links["Acknowledge"] == f"{page}/acknowledge"
    dashboard = unquote(links["Dashboard"])
    (analyzer,) = (one for one in _analyzers() if one.name == "data_quality")
    assert dashboard.startswith(
        f"{KIBANA}/s/ml/app/dashboards#/view/mlmon-{namespace}-ml-{home(analyzer).name}?"
    )
    # Six hours before the start, up to now while it is open.
    assert "time:(from:'2026-03-01T19:00:00.000Z',to:'now')" in dashboard
    for part in ('finding.metric: "missing.rate"', 'finding.subject: "price"'):
        assert part in dashboard
    assert unquote(links["Documents"]).startswith(f"{KIBANA}/s/ml/app/discover#/view/mlmon-")
    (payload,) = alertmanager_payloads(cluster, namespace, NOW, alerting, _kibana_pages)
    assert payload["generatorURL"] == page
    assert payload["annotations"]["dashboard_url"] == links["Dashboard"]
    assert payload["annotations"]["acknowledge"].startswith("mlmon incidents ack ")


def _analyzers() -> tuple[Any, ...]:
    from mlmon.analyzers.checks import discover

    return discover()


def test_an_ended_incident_is_shown_up_to_its_end(cluster: Cluster, namespace: str) -> None:
    """The time range of its links ends an hour after it, and there is nothing to acknowledge."""
    happen(cluster, namespace, "occc" + "o" * 8)
    incident = the_one(cluster, namespace)
    begin, end = incident_time(incident)
    assert begin == "2026-03-01T19:00:00.000Z"
    assert iso(incident.ended) < end < "2026-03-02T13:00:00.000Z"
    alerting = AlertingSettings(serve_url="http://127.0.0.1:8050")
    labels = [
        label for label, _ in page_links(alerting, _kibana_pages(cluster, namespace))(incident)
    ]
    assert labels == ["Incident"]


def test_a_cause_that_is_gone_has_no_dashboard(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the alert is no longer stored, or its analyzer is unknown, no link is made up."""
    monkeypatch.setenv("MLMON_KIBANA_URL", KIBANA)
    incident = incident_of(cause_id="gone")
    assert list(_kibana_pages(cluster, namespace)(incident)) == []


def test_the_links_of_a_message_lead_somewhere(cluster: Cluster, namespace: str) -> None:
    """Each link into `mlmon serve` that a message carries is answered by it."""
    happen(cluster, namespace, "occc")
    incident = the_one(cluster, namespace)
    store = IncidentStore(cluster, namespace)
    changes = store.changes([incident.id])[incident.id]
    (opened,) = (change for change in changes if change.kind is ChangeKind.OPENED)
    with serving(cluster, namespace) as server, Visitor(server) as visitor:
        alerting = AlertingSettings(serve_url=visitor.origin)
        links = page_links(alerting, _kibana_pages(cluster, namespace))(incident)
        sent = message(opened, incident, links=links)
        assert len(sent.links) == 2
        for _, url in sent.links:
            assert url in sent.text
            assert f"href='{url}'" in sent.html
            assert httpx.get(url, timeout=60, trust_env=False).status_code == 200
        storm = digest_message([sent] * 3)
        assert storm.links[0] == (sent.title, sent.links[0][1])
