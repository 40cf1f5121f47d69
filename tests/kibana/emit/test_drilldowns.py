"""Each declared way to another dashboard is compiled, for saved objects and for the API."""

import json

import pytest

from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.dashboard import Dashboard
from mlmon.dashboards.model.layout import layout
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.providers import artefacts

TARGET = LinkTarget("production", "ops")
EVERYTHING = artefacts(TARGET)


def ways(artefact: Artefact) -> set[str]:
    """Return the ids of the dashboards that an artefact's drill-downs and headings open."""
    if artefact.kind == "dashboard":
        panels = artefact.body["panels"]
        texts = [panel["config"].get("content", "") for panel in panels]
        drilldowns = [way for panel in panels for way in panel["config"].get("drilldowns", ())]
        found = {way["dashboard_id"] for way in drilldowns}
    else:
        panels = json.loads(artefact.body["attributes"]["panelsJSON"])
        saved = [panel["embeddableConfig"].get("savedVis", {}) for panel in panels]
        texts = [vis["params"]["markdown"] for vis in saved if vis.get("type") == "markdown"]
        references = artefact.body["references"]
        found = {way["id"] for way in references if "drilldown:" in way["name"]}
    headings = " ".join(text for text in texts if text.startswith("###"))
    return found | {text.partition(")")[0] for text in headings.split("(#/view/")[1:]}


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda dashboard: dashboard.name)
@pytest.mark.parametrize("kind", ["dashboard", "saved-object"])
def test_every_declared_way_is_compiled(kind: str, dashboard: Dashboard) -> None:
    """No `leads_to` is dropped: charts have a drill-down, tiles a link in their heading."""
    panels = layout(dashboard, shown_on(dashboard, discover()))
    declared = {
        TARGET.id(panel.panel.leads_to)
        for panel in panels
        if isinstance(panel.panel, Chart) and panel.panel.leads_to
    }
    (compiled,) = (
        artefact
        for artefact in EVERYTHING
        if artefact.kind == kind and artefact.id == TARGET.id(dashboard.name)
    )
    assert ways(compiled) == declared


def test_every_panel_has_its_title_outside_too() -> None:
    """A panel of a saved dashboard names itself, a search by reference without its environment."""
    for artefact in EVERYTHING:
        if artefact.kind == "saved-object" and artefact.body["type"] == "dashboard":
            for panel in json.loads(artefact.body["attributes"]["panelsJSON"]):
                config = panel["embeddableConfig"]
                if panel["type"] == "lens":
                    assert panel["title"] == config["attributes"]["title"]
                elif panel["type"] == "search":
                    assert panel["title"]
                    assert not panel["title"].startswith("mlmon")
