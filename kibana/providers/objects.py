"""Data views, saved searches and dashboards: what the panel model amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.model.layout import layout
from mlmon.dashboards.model.sources import SOURCES
from mlmon.kibana.emit import dashboards_api as emit_dashboards_api
from mlmon.kibana.emit import saved_objects as emit_saved_objects
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.emit.data_views import data_view, data_view_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.layout import PlacedPanel


def artefacts(target: LinkTarget) -> Iterator[Artefact]:
    """Yield them; a dashboard in both forms."""
    for source in SOURCES:
        view = data_view(source, target)
        yield Artefact("data-view", data_view_id(source, target), view)
    for search in SEARCHES:
        found = emit_saved_objects.search(search, target)
        yield Artefact("saved-object", found["id"], found)
    everything = dashboards()
    placed = placed_panels()
    for dashboard in everything:
        panels = placed[dashboard.name]
        found = emit_saved_objects.dashboard(dashboard, panels, everything, target)
        folded = any(panel.section for panel in panels)
        newer = emit_saved_objects.sectioned(found, panels) if folded else None
        yield Artefact("saved-object", found["id"], found, newer)
        body = emit_dashboards_api.dashboard(dashboard, panels, everything, target)
        yield Artefact("dashboard", found["id"], body)


def placed_panels() -> dict[str, tuple[PlacedPanel, ...]]:
    """Return the panels of each dashboard with their positions, by its name."""
    return {shown.name: layout(shown, shown_on(shown, discover())) for shown in dashboards()}
