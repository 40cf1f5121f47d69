"""Rules for declarations: no way to another dashboard is lost between the model and Kibana.

Ways are the links of the navigation and of tiles, and the drill-downs of charts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.layout import Navigation, PlacedPanel
from mlmon.dashboards.model.picture import Picture
from mlmon.kibana.lint.bundle import Problem, panels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.kibana.emit.artefact import Artefact


def declaration_problems(
    declared: Mapping[str, Sequence[PlacedPanel]],
    artefacts: Iterable[Artefact],
    target: LinkTarget,
) -> Iterator[Problem]:
    """Yield each declared way to a dashboard that a compiled dashboard has not.

    Args:
        declared: The panels of each dashboard, by its name.
        artefacts: What they were compiled to.
        target: For which environment and space.
    """
    by_id = {target.id(name): panels for name, panels in declared.items()}
    for artefact in artefacts:
        opened = _opened(artefact)
        for placed in by_id.get(artefact.id, ()) if opened else ():
            for wanted in _leads_to(placed, declared):
                if opened and target.id(wanted) not in opened(placed.id):
                    yield Problem(artefact, f"/panels/{placed.id}", f"does not open {wanted}")


def _leads_to(placed: PlacedPanel, everything: Iterable[str]) -> Iterator[str]:
    """Yield the dashboards that a panel declares to open: of tiles, the links above them do."""
    match placed.panel:
        case Navigation(leads_to=names):
            yield from names or everything
        case Chart(leads_to=str(name), by=(_, *_)) | Picture(chart=Chart(leads_to=str(name))):
            yield name


def _opened(artefact: Artefact) -> Callable[[str], str] | None:
    """Return what gives a panel's links and drill-downs as text; None for no dashboard."""
    if artefact.kind == "dashboard":
        panels = {
            panel["id"]: json.dumps([panel["config"].get("content"), _ids(panel["config"])])
            for panel in panels_of(artefact.body)
        }
        return lambda panel: panels.get(panel, "")
    if artefact.body.get("type") != "dashboard":
        return None
    saved = {
        panel["panelIndex"]: json.dumps(panel["embeddableConfig"].get("savedVis", {}))
        for panel in json.loads(artefact.body["attributes"]["panelsJSON"])
    }
    references = artefact.body["references"]
    return lambda panel: " ".join(
        [saved.get(panel, ""), *(way["id"] for way in references if _is_way(panel, way["name"]))]
    )


def _ids(config: Mapping[str, object]) -> list[str]:
    found = config.get("drilldowns")
    return [way.get("dashboard_id", "") for way in found] if isinstance(found, list) else []


def _is_way(panel: str, name: str) -> bool:
    return name.startswith((f"{panel}:drilldown:", f"{panel}:link_"))
