"""The tiles of the state now are true hours after the last finding of a check."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.judged import store_judged
from mlmon.dashboards.definitions import dashboards
from mlmon.dashboards.definitions.state_now import STATE_NOW
from mlmon.formatting import DASH
from mlmon.report.panels.dashboard_view import DashboardScope, dashboard_view
from mlmon.report.panels.views import EmptyView, TileView
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster


def tiles(
    cluster: Cluster, namespace: str, now: datetime, service: str | None = None
) -> dict[str, tuple[str, str]]:
    """Return the text and the tone of each tile, over the last hour."""
    chosen = (("service.name", service),) if service else ()
    scope = DashboardScope(cluster.search, namespace, Window(now - HOUR, now), chosen)
    (overview,) = (one for one in dashboards() if one.name == "overview")
    found = {}
    for panel in dashboard_view(overview, (), scope).panels:
        if isinstance(panel, TileView):
            found[panel.head.title] = (panel.value, panel.tone)
        elif isinstance(panel, EmptyView):
            found[panel.head.title] = (panel.text, "")
    return {chart.title: found[chart.title] for chart in STATE_NOW}


def test_a_fault_found_hours_ago_is_red_while_its_incident_is_open(
    cluster: Cluster, namespace: str
) -> None:
    """A check of every six hours found a critical fault four hours ago: no tile is calm."""
    findings = [
        *spell(
            "occc", "statistics_job", step=6 * HOUR, analyzer="job_health", metric="missed.runs"
        ),
        *spell("oouu", "country", length=DAY, step=6 * HOUR),
        *spell("oooo", "age", length=DAY, step=6 * HOUR, service="other"),
    ]
    now = START + 28 * HOUR
    FindingStore(cluster, namespace).write(findings, now - 4 * HOUR)
    update(cluster, namespace, START - DAY, now, AlertingSettings())
    store_judged(cluster, namespace, now)
    found = tiles(cluster, namespace, now)
    assert found["Open critical incidents"] == ("1", "critical")
    assert found["Open incidents"] == ("1", "warning")
    assert found["Checks judged"] == ("3", "good")
    assert found["Checks without a verdict"] == ("1", "unknown")
    assert found["Last judged"][0].endswith("00:00")
    other = tiles(cluster, namespace, now, "other")
    assert other["Open critical incidents"] == ("0", "good")
    assert (other["Checks judged"], other["Checks without a verdict"]) == (
        ("1", "good"),
        ("0", "good"),
    )


def test_a_service_that_is_judged_no_more_counts_no_checks(
    cluster: Cluster, namespace: str
) -> None:
    """Three days after its last finding a replaced service is not counted as judged."""
    store = FindingStore(cluster, namespace)
    store.write(spell("uu", service="old"), START)
    store_judged(cluster, namespace, START)
    assert tiles(cluster, namespace, START, "old")["Checks without a verdict"] == ("1", "unknown")
    store.write(spell("oo", service="new", start=START + 3 * DAY), START + 3 * DAY)
    store_judged(cluster, namespace, START + 3 * DAY + timedelta(minutes=5))
    assert tiles(cluster, namespace, START, "old")["Checks judged"] == ("0", "unknown")
    assert tiles(cluster, namespace, START)["Checks judged"] == ("1", "good")


def test_nothing_judged_is_not_green(cluster: Cluster, namespace: str) -> None:
    """Where no finding was ever written, no tile about checks says that all is well."""
    store_judged(cluster, namespace, START)
    found = tiles(cluster, namespace, START)
    assert "good" not in (found["Checks judged"][1], found["Checks without a verdict"][1])
    assert found["Last judged"] == (DASH, "")
