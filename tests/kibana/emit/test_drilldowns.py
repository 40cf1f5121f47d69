"""Each declared way to another dashboard is compiled, for saved objects and for the API."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mlmon.dashboards.definitions import dashboards
from mlmon.dashboards.definitions.overview import ALARMS_BY_ANALYZER, TRAFFIC
from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.dashboard import Dashboard
from mlmon.dashboards.model.layout import PlacedPanel
from mlmon.dashboards.model.picture import Picture
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.emit.drilldowns import carries_choices, drilldowns
from mlmon.kibana.lint import declaration_problems
from mlmon.kibana.lint.bundle import panels_of
from mlmon.kibana.providers import artefacts
from mlmon.kibana.providers.objects import placed_panels

TARGET = LinkTarget("production", "ops")
EVERYTHING = artefacts(TARGET)
OVERVIEW = next(dashboard for dashboard in dashboards() if dashboard.name == "overview")
forms = pytest.mark.parametrize("kind", ["dashboard", "saved-object"])


def compiled(kind: str, name: str) -> Artefact:
    """Return one dashboard in one form."""
    (found,) = (one for one in EVERYTHING if (one.kind, one.id) == (kind, TARGET.id(name)))
    return found


def problems(*changed: Artefact) -> list[str]:
    """Return what the lint says about the ways of some dashboards."""
    return list(map(str, declaration_problems(placed_panels(), changed, TARGET)))


def test_every_declared_way_is_compiled() -> None:
    """No `leads_to` is dropped: charts have a drill-down, tiles a link in their heading."""
    declared = [
        panel.panel.leads_to
        for panels in placed_panels().values()
        for panel in panels
        if isinstance(panel.panel, Chart) and panel.panel.leads_to
    ]
    assert len(declared) > 10
    assert problems(*EVERYTHING) == []


@forms
def test_a_way_that_is_not_compiled_is_a_problem(kind: str) -> None:
    """A chart without its drill-down, and links that lack one, are named with their panel."""
    found = compiled(kind, "overview")
    text = json.dumps(found.body)
    for name, panel in (("service_health", "requests"), ("ingest", "current-state-links")):
        less = json.loads(text.replace(TARGET.id(name), "gone"))
        named = [one for one in problems(Artefact(found.kind, found.id, less)) if name in one]
        assert [one.rpartition("/panels/")[2] for one in named] == [
            f"navigation: does not open {name}",
            f"{panel}: does not open {name}",
        ]


def test_a_picture_cannot_lead_anywhere() -> None:
    """Vega panels have no drill-downs: declaring one is a problem and is not dropped unseen."""
    placed = placed_panels()
    changed = [_leading(panel) for panel in placed["drift"]]
    found = declaration_problems(
        placed | {"drift": changed}, [compiled("saved-object", "drift")], TARGET
    )
    assert [problem.message for problem in found] == ["does not open overview"]


def _leading(placed: PlacedPanel) -> PlacedPanel:
    """Return a panel that leads to the overview, if it is a picture."""
    if not isinstance(placed.panel, Picture):
        return placed
    chart = replace(placed.panel.chart, leads_to="overview")
    return replace(placed, panel=replace(placed.panel, chart=chart))


def clicks(kind: str, name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the title of each chart of a dashboard with the actions of a click on it."""
    body = copy.deepcopy(dict(compiled(kind, name).body))
    if kind == "dashboard":
        for panel in panels_of(body):
            if panel["type"] == "vis":
                yield panel["config"]["title"], panel["config"].get("drilldowns", [])
        return
    for panel in json.loads(body["attributes"]["panelsJSON"]):
        if panel["type"] == "lens":
            enhancements = panel["embeddableConfig"]["enhancements"]
            events = enhancements.get("dynamicActions", {}).get("events", [])
            yield panel["title"], [event["action"] for event in events]


@forms
def test_the_documents_behind_a_part_are_one_click_away(kind: str) -> None:
    """A chart of one layer opens Discover; a tile, and a chart with limits, cannot."""
    found = dict(clicks(kind, "service_health"))
    kinds = {"discover_drilldown", "OPEN_IN_DISCOVER_DRILLDOWN"}
    opening = {
        title
        for title, actions in found.items()
        if kinds & {str(action.get("type", action.get("factoryId"))) for action in actions}
    }
    charts = [
        panel.panel
        for panel in placed_panels()["service_health"]
        if isinstance(panel.panel, Chart) and panel.panel.by
    ]
    assert opening == {chart.title for chart in charts if len(chart.layers) == 1}
    assert {"Requests by status", "Paths"} <= opening


def test_filters_go_along_where_they_hide_nothing() -> None:
    """Incidents have no analyzer: a click on one's bar must not empty the list of incidents."""
    assert drilldowns(TRAFFIC, OVERVIEW, dashboards()).with_filters
    assert not drilldowns(ALARMS_BY_ANALYZER, OVERVIEW, dashboards()).with_filters


def links(name: str) -> dict[str, dict[str, bool]]:
    """Return the options of each link of a dashboard's navigation, by the dashboard it opens."""
    panels = json.loads(compiled("saved-object", name).body["attributes"]["panelsJSON"])
    (navigation,) = (panel for panel in panels if panel["panelIndex"] == "navigation")
    attributes = navigation["embeddableConfig"]["attributes"]
    return {link["id"]: link["options"] for link in attributes["links"]}


@pytest.mark.parametrize("shown", dashboards(), ids=lambda shown: shown.name)
def test_links_carry_the_time_and_what_hides_nothing(shown: Dashboard) -> None:
    """Each link keeps the time; filters only if all documents of its dashboard have the field."""
    for name, options in links(shown.name).items():
        (other,) = (one for one in dashboards() if one.name == name)
        searched = {
            panel.panel.source
            for panel in placed_panels()[name]
            if isinstance(panel.panel, Chart) and panel.panel.by
        }
        lacking = [
            (source.name, control.field)
            for source in searched
            for control in shown.controls
            if source.field(control.field) is None
        ]
        assert options["useCurrentDateRange"]
        assert not (options["useCurrentFilters"] and lacking), (name, lacking)
        assert carries_choices(shown, other) == options["useCurrentFilters"]


def test_a_chosen_service_stays_chosen() -> None:
    """From the overview a service goes along to the dashboards whose documents all name one."""
    carried = {name for name, options in links("overview").items() if options["useCurrentFilters"]}
    assert {"service_health", "performance", "drift", "freshness", "overview"} <= carried
    # Shippers and messages name no service.
    assert not {"ingest", "open_problems"} & carried


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
