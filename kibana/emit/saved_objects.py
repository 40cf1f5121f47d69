"""The panel model as saved objects: lines of an import, for every Kibana from 8.19 to 9.5.

They carry the lowest versions that are true of them: an older Kibana refuses an object newer than
itself, and without a version every migration since 2018 would be run over it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.condition import kql
from mlmon.dashboards.model.dashboard import Documents
from mlmon.dashboards.model.layout import Heading, Navigation
from mlmon.dashboards.model.picture import Picture
from mlmon.kibana.emit.artefact import OWNERSHIP_NOTE
from mlmon.kibana.emit.data_views import data_view_id
from mlmon.kibana.emit.drilldowns import (
    OPEN_DASHBOARD,
    OPEN_DOCUMENTS,
    carries_choices,
    drilldowns,
)
from mlmon.kibana.emit.lens.attributes import attributes
from mlmon.kibana.emit.vega import specification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.dashboard import Control, Dashboard, Panel
    from mlmon.dashboards.model.layout import PlacedPanel
    from mlmon.dashboards.model.saved_search import SavedSearch
    from mlmon.elastic.json_object import Json
    from mlmon.kibana.emit.drilldowns import Drilldowns

TO_DASHBOARD = "DASHBOARD_TO_DASHBOARD_DRILLDOWN"
TO_DISCOVER = "OPEN_IN_DISCOVER_DRILLDOWN"
WITH_SECTIONS = "10.3.0"
"""Version of a dashboard with sections, which Kibana 9.1 and newer draw."""
VERSIONS = {"index-pattern": "8.0.0", "search": "10.5.0", "dashboard": "10.2.0"}
_NO_QUERY = {"query": {"query": "", "language": "kuery"}, "filter": []}
_OPTIONS = {
    "useMargins": True,
    "syncColors": True,
    "syncCursor": True,
    "syncTooltips": False,
    "hidePanelTitles": False,
}


def index_pattern(body: Json) -> Json:
    """Return the body of a data view as a saved object.

    Imported it replaces the object of its id, and nothing else. The data views' own API deletes
    any data view of the same name with `override`, and makes what it creates the default.
    """
    view = body["data_view"]
    return _object(
        "index-pattern",
        view["id"],
        {
            "title": view["title"],
            "name": view["name"],
            **{key: view[key] for key in ("timeFieldName",) if key in view},
            "allowHidden": False,
            "allowNoIndex": view["allowNoIndex"],
            "fieldAttrs": _json(view["fieldAttrs"]),
            "fieldFormatMap": _json(view["fieldFormats"]),
            "runtimeFieldMap": _json(view["runtimeFieldMap"]),
            "sourceFilters": _json(view["sourceFilters"]),
        },
        [],
    )


def search(found: SavedSearch, target: LinkTarget) -> Json:
    """Return a saved search."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {
        "query": {"query": kql(found.condition), "language": "kuery"},
        "filter": [],
        "indexRefName": name,
    }
    return _object(
        "search",
        target.id(found.name),
        {
            "title": titled(found.title, target),
            "description": f"{found.description} {OWNERSHIP_NOTE}",
            "columns": list(found.columns),
            "sort": [list(order) for order in found.sort],
            "grid": {},
            "hideChart": False,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": _json(source)},
        },
        [_reference(name, "index-pattern", data_view_id(found.source, target))],
    )


def dashboard(
    shown: Dashboard, panels: Sequence[PlacedPanel], others: Sequence[Dashboard], target: LinkTarget
) -> Json:
    """Return a dashboard with its panels by value.

    Args:
        shown: The dashboard.
        panels: Its panels with their positions.
        others: All dashboards, for the navigation.
        target: The namespace and space it is made for.
    """
    drawn = [_panel(panel, shown, others, target) for panel in panels]
    references = [
        reference | {"name": f"{panel['panelIndex']}:{reference['name']}"}
        for panel, needed in drawn
        for reference in needed
    ]
    controls, choices = _controls(shown.controls, target)
    return _object(
        "dashboard",
        target.id(shown.name),
        {
            "title": titled(shown.title, target),
            "description": f"{shown.question} {OWNERSHIP_NOTE}",
            "panelsJSON": _json([panel for panel, _ in drawn]),
            "optionsJSON": _json(_OPTIONS),
            **_time(shown),
            "controlGroupInput": controls,
            "kibanaSavedObjectMeta": {"searchSourceJSON": _json(_NO_QUERY)},
        },
        references + choices,
    )


def sectioned(flat: Json, panels: Sequence[PlacedPanel]) -> Json:
    """Return a dashboard whose analyzers' panels lie in sections that open with a click.

    Args:
        flat: The dashboard as `dashboard` returns it.
        panels: Its panels with their positions.
    """
    sections: dict[str, Json] = {}
    tops: dict[str, int] = {}
    for panel in panels:
        if panel.section and panel.section not in sections:
            id_ = f"{panel.id}-section"
            tops[panel.section] = panel.y
            sections[panel.section] = {
                "title": panel.section,
                "collapsed": True,
                "gridData": {"y": panel.y, "i": id_},
            }
    drawn = json.loads(flat["attributes"]["panelsJSON"])
    for panel, placed in zip(drawn, panels, strict=True):
        if placed.section:
            panel["gridData"]["y"] -= tops[placed.section]
            panel["gridData"]["sectionId"] = sections[placed.section]["gridData"]["i"]
    more = {"panelsJSON": _json(drawn), "sections": list(sections.values())}
    return flat | {
        "attributes": flat["attributes"] | more,
        "typeMigrationVersion": WITH_SECTIONS,
    }


def titled(title: str, target: LinkTarget) -> str:
    """Return a title that names the environment it shows."""
    return f"mlmon {target.namespace}: {title}"


def _time(shown: Dashboard) -> Json:
    """Return the time range, where a dashboard does not keep the one it is opened with."""
    if shown.since is None:
        return {"timeRestore": False}
    return {
        "timeRestore": True,
        "timeFrom": shown.since,
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 60000},
    }


def _panel(
    placed: PlacedPanel, shown: Dashboard, others: Sequence[Dashboard], target: LinkTarget
) -> tuple[Json, list[Json]]:
    """Return a panel and its references, under the names they have inside the panel."""
    kind, config, references, more = _content(placed, shown, others, target)
    panel = {
        "type": kind,
        "panelIndex": placed.id,
        "gridData": {"x": placed.x, "y": placed.y, "w": placed.w, "h": placed.h, "i": placed.id},
        **_title(placed),
        "embeddableConfig": config,
        **more,
    }
    return panel, references


def _title(placed: PlacedPanel) -> Json:
    """Return a panel's own title: without it a panel by reference has that of its search."""
    title = panel_title(placed.panel)
    return {} if title is None else {"title": title}


def panel_title(panel: Panel | Heading | Navigation) -> str | None:
    """Return the title above a panel; None for text."""
    match panel:
        case Chart(title=title) | Picture(chart=Chart(title=title)):
            return title
        case Documents(name):
            return next(search.title for search in SEARCHES if search.name == name)
    return None


def _content(
    placed: PlacedPanel, shown: Dashboard, others: Sequence[Dashboard], target: LinkTarget
) -> tuple[str, Json, list[Json], Json]:
    match placed.panel:
        case Chart() as chart:
            lens = attributes(chart, target)
            offered = drilldowns(chart, shown, others)
            enhancements, drills = _drilldowns(placed.id, offered, target)
            config = {"attributes": lens, "enhancements": enhancements}
            return "lens", config, lens["references"] + drills, {}
        case Picture() as picture:
            return "visualization", _vega(picture, target), [], {}
        case Heading() as heading:
            return "visualization", _markdown(heading_markdown(heading, target)), [], {}
        case Documents(name):
            reference = _reference(f"panel_{placed.id}", "search", target.id(name))
            config = {"enhancements": {}}
            return "search", config, [reference], {"panelRefName": f"panel_{placed.id}"}
        case Navigation() as links:
            config, references = _navigation(shown, linked_dashboards(links, others), target)
            return "links", config, references, {}


def _drilldowns(panel: str, offered: Drilldowns, target: LinkTarget) -> tuple[Json, list[Json]]:
    """Return the actions of a click on a chart's parts, and their references."""
    events, references = [], []
    if offered.dashboard is not None:
        id_ = f"{panel}-leads-to"
        config = {
            "openInNewTab": False,
            "useCurrentDateRange": True,
            "useCurrentFilters": offered.with_filters,
        }
        events.append(_event(id_, TO_DASHBOARD, OPEN_DASHBOARD, config))
        name = f"drilldown:{TO_DASHBOARD}:{id_}:dashboardId"
        references.append(_reference(name, "dashboard", target.id(offered.dashboard)))
    if offered.documents:
        config = {"openInNewTab": False}
        events.append(_event(f"{panel}-documents", TO_DISCOVER, OPEN_DOCUMENTS, config))
    return ({"dynamicActions": {"events": events}} if events else {}), references


def _event(id_: str, kind: str, name: str, config: Json) -> Json:
    action = {"factoryId": kind, "name": name, "config": config}
    return {"eventId": id_, "triggers": ["FILTER_TRIGGER"], "action": action}


def _vega(picture: Picture, target: LinkTarget) -> Json:
    spec = json.dumps(specification(picture, target.namespace), indent=2)
    return _saved_vis(picture.chart.title, picture.chart.sentence, "vega", {"spec": spec})


def _markdown(content: str) -> Json:
    params = {"fontSize": 12, "openLinksInNewTab": False, "markdown": content}
    return _saved_vis("", "", "markdown", params) | {"hidePanelTitles": True}


def linked_dashboards(links: Navigation, others: Sequence[Dashboard]) -> list[Dashboard]:
    """Return the dashboards that links lead to, in the order of all dashboards."""
    return [other for other in others if not links.leads_to or other.name in links.leads_to]


def heading_markdown(heading: Heading, target: LinkTarget) -> str:
    """Return the heading of a section, with what it answers and what to do."""
    lines = [f"### {heading.text}"]
    helped = [heading.question, _what_to_do(heading.runbook, target)]
    if any(helped):
        lines.append(" ".join(filter(None, helped)))
    return "\n\n".join(lines)


def _what_to_do(runbook: str, target: LinkTarget) -> str:
    """Return where it is written what to do: a link, or the command that prints the page."""
    if not runbook:
        return ""
    if runbook.startswith("http"):
        return f"[What to do]({runbook})"
    if target.runbooks:
        return f"[What to do]({target.runbooks}{runbook})"
    return f"What to do: `mlmon docs {runbook.removeprefix('docs/').removesuffix('.md')}`"


def _saved_vis(title: str, description: str, kind: str, params: Json) -> Json:
    return {
        "enhancements": {},
        "savedVis": {
            "title": title,
            "description": description,
            "type": kind,
            "params": params,
            "uiState": {},
            "data": {"aggs": [], "searchSource": _NO_QUERY},
        },
    }


def _navigation(
    shown: Dashboard, others: Sequence[Dashboard], target: LinkTarget
) -> tuple[Json, list[Json]]:
    """Return links that carry the time range, and what was chosen where it hides nothing there."""
    links = [
        {
            "id": dashboard.name,
            "type": "dashboardLink",
            "order": order,
            "label": dashboard.title,
            "destinationRefName": f"link_{dashboard.name}_dashboard",
            "options": {
                "openInNewTab": False,
                "useCurrentDateRange": True,
                "useCurrentFilters": carries_choices(shown, dashboard),
            },
        }
        for order, dashboard in enumerate(others)
    ]
    references = [
        _reference(f"link_{other.name}_dashboard", "dashboard", target.id(other.name))
        for other in others
    ]
    config = {
        "attributes": {"layout": "horizontal", "links": links},
        "enhancements": {},
        "hidePanelTitles": True,
    }
    return config, references


def _controls(controls: Sequence[Control], target: LinkTarget) -> tuple[Json, list[Json]]:
    panels = {
        _control_id(control): {
            "type": "optionsListControl",
            "order": order,
            "grow": True,
            "width": "medium",
            "explicitInput": {
                "id": _control_id(control),
                "fieldName": control.field,
                "title": control.label,
                "selectedOptions": [],
                "searchTechnique": "prefix",
                "sort": {"by": "_key", "direction": "asc"},
            },
        }
        for order, control in enumerate(controls)
    }
    ignored = dict.fromkeys(
        ("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False
    )
    group = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "showApplySelections": False,
        "ignoreParentSettingsJSON": _json(ignored),
        "panelsJSON": _json(panels),
    }
    references = [
        _reference(
            f"controlGroup_{_control_id(control)}:optionsListDataView",
            "index-pattern",
            data_view_id(control.source, target),
        )
        for control in controls
    ]
    return group, references


def _control_id(control: Control) -> str:
    return control.field.replace(".", "-")


def _object(kind: str, id_: str, content: Json, references: list[Json]) -> Json:
    return {
        "type": kind,
        "id": id_,
        "attributes": content,
        "references": references,
        "managed": False,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": VERSIONS[kind],
    }


def _reference(name: str, kind: str, id_: str) -> Json:
    return {"name": name, "type": kind, "id": id_}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
