"""Rules for lines of an import: dashboards, searches, and what is inside them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.dashboard import GRID_COLUMNS
from mlmon.kibana.emit.saved_objects import TO_DASHBOARD, WITH_SECTIONS
from mlmon.kibana.lint.bundle import Problem, kql_fields
from mlmon.kibana.lint.panels import lens_problems, link_problems, vega_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.kibana.emit.artefact import Artefact
    from mlmon.kibana.lint.bundle import Bundle

MOST_PANELS = 100
"""Kibana 9.4.0 does not open a dashboard with more."""
KNOWN_VERSIONS = {
    "index-pattern": "8.0.0",
    "search": "10.5.0",
    "dashboard": "10.2.0",
    "visualization": "8.5.0",
    "lens": "8.9.0",
    "tag": "8.0.0",
}
"""Versions of 8.19, which refuses to import objects of newer ones."""


def saved_object_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one line of an import."""
    body = artefact.body
    if body["id"] != artefact.id:
        yield Problem(artefact, "/id", f"is {body['id']} in the body")
    with_sections = "sections" in body["attributes"]
    version = WITH_SECTIONS if with_sections else KNOWN_VERSIONS.get(body["type"])
    if body.get("typeMigrationVersion") != version:
        message = f"{body.get('typeMigrationVersion')} is not {version}, the lowest that has it"
        yield Problem(artefact, "/typeMigrationVersion", message)
    yield from _references(artefact, bundle)
    if body["type"] == "dashboard":
        yield from _dashboard(artefact, bundle)
    if body["type"] == "search":
        yield from _search(artefact, bundle)


def _references(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    names = Counter(reference["name"] for reference in artefact.body["references"])
    for name, times in names.items():
        if times > 1:
            yield Problem(artefact, "/references", f"{name} is there {times} times")
    for reference in artefact.body["references"]:
        if (reference["type"], reference["id"]) not in bundle.ids:
            message = f"{reference['name']}: there is no {reference['type']} {reference['id']}"
            yield Problem(artefact, "/references", message)


def _search(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    attributes = artefact.body["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    by_name = {reference["name"]: reference["id"] for reference in artefact.body["references"]}
    view = by_name.get(source["indexRefName"])
    if view is None or view not in bundle.patterns:
        yield Problem(artefact, "/attributes", f"has no reference {source['indexRefName']}")
        return
    fields = [*attributes["columns"], *(field for field, _ in attributes["sort"])]
    for message in bundle.missing(view, fields + kql_fields(source["query"]["query"])):
        yield Problem(artefact, "/attributes", message)


def _dashboard(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    attributes = artefact.body["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    if len(panels) > MOST_PANELS:
        yield Problem(artefact, "/panelsJSON", f"{len(panels)} panels, {MOST_PANELS} at most")
    names = {reference["name"] for reference in artefact.body["references"]}
    sections = {section["gridData"]["i"] for section in attributes.get("sections", [])}
    for panel in panels:
        inside = panel["gridData"].get("sectionId")
        if inside is not None and inside not in sections:
            yield Problem(
                artefact, f"/panels/{panel['panelIndex']}", f"there is no section {inside}"
            )
    seen: set[str] = set()
    for panel in panels:
        index = panel["panelIndex"]
        if index in seen:
            yield Problem(artefact, f"/panels/{index}", "is there twice")
        seen.add(index)
        for path, message in _panel(panel, names, bundle):
            yield Problem(artefact, f"/panels/{index}{path}", message)
    yield from _controls(artefact, bundle)


def _panel(panel: Mapping[str, Any], names: set[str], bundle: Bundle) -> Iterator[tuple[str, str]]:
    index, grid = panel["panelIndex"], panel["gridData"]
    if grid["i"] != index:
        yield "/gridData", f"i is {grid['i']}"
    if not 0 <= grid["x"] < grid["x"] + grid["w"] <= GRID_COLUMNS:
        yield "/gridData", f"reaches from {grid['x']} to {grid['x'] + grid['w']}"
    needed = [panel["panelRefName"]] if "panelRefName" in panel else []
    config = panel["embeddableConfig"]
    if panel["type"] == "lens" and "attributes" in config:
        needed += [reference["name"] for reference in config["attributes"]["references"]]
        yield from lens_problems(config["attributes"], bundle)
    if config.get("savedVis", {}).get("type") == "vega":
        yield from vega_problems(config["savedVis"]["params"]["spec"], bundle)
    if config.get("savedVis", {}).get("type") == "markdown":
        for message in link_problems(config["savedVis"]["params"]["markdown"], bundle):
            yield "", message
    if panel["type"] == "links":
        needed += [link["destinationRefName"] for link in config["attributes"]["links"]]
    events = config.get("enhancements", {}).get("dynamicActions", {}).get("events", [])
    needed += [
        f"drilldown:{TO_DASHBOARD}:{event['eventId']}:dashboardId"
        for event in events
        if event["action"]["factoryId"] == TO_DASHBOARD
    ]
    for name in needed:
        if f"{index}:{name}" not in names:
            yield "", f"needs a reference {index}:{name} of the dashboard"


def _controls(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    group = artefact.body["attributes"].get("controlGroupInput", {})
    views = {reference["name"]: reference["id"] for reference in artefact.body["references"]}
    for id_, control in json.loads(group.get("panelsJSON", "{}")).items():
        chosen = control["explicitInput"]
        if chosen["id"] != id_:
            yield Problem(artefact, f"/controls/{id_}", "has another id inside")
        view = views.get(f"controlGroup_{id_}:optionsListDataView", "")
        if view not in bundle.patterns:
            yield Problem(artefact, f"/controls/{id_}", "has no reference to its data view")
            continue
        for message in bundle.missing(view, [chosen["fieldName"]]):
            yield Problem(artefact, f"/controls/{id_}", message)
