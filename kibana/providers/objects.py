"""Data views, saved searches and dashboards: what the panel model amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzers import discover
from kibana import emit_dashboards_api, emit_saved_objects
from kibana.artefact import Artefact
from kibana.dashboards import dashboards, shown_on
from kibana.data_views import data_view
from kibana.model.layout import layout
from kibana.model.sources import SOURCES
from kibana.searches import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibana.place import Place


def artefacts(place: Place) -> Iterator[Artefact]:
    """Yield them; a dashboard in both forms where the Dashboards API can take it whole."""
    for source in SOURCES:
        view = data_view(source, place)
        yield Artefact("data-view", view["id"], view)
    for search in SEARCHES:
        found = emit_saved_objects.search(search, place)
        yield Artefact("saved-object", found["id"], found)
    everything = dashboards()
    for each in everything:
        panels = layout(each, shown_on(each, discover()))
        found = emit_saved_objects.dashboard(each, panels, everything, place)
        yield Artefact("saved-object", found["id"], found)
        body = emit_dashboards_api.dashboard(each, panels, everything, place)
        yield Artefact("dashboard", found["id"], body)
