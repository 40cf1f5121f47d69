"""What a click on a chart opens: another dashboard, and in Discover the documents behind a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.model.chart import Chart, Values
from mlmon.dashboards.model.dashboard import Documents
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, INCIDENT_DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.dashboards.model.dashboard import Dashboard
    from mlmon.dashboards.model.source import DataSource

OPEN_DASHBOARD: Final = "Open the dashboard"
OPEN_DOCUMENTS: Final = "Show the documents in Discover"


@dataclass(frozen=True, slots=True)
class Drilldowns:
    """What a click on a part of a chart offers.

    Args:
        dashboard: Name of the dashboard that opens; None for none.
        with_filters: Whether the part that was clicked, and what was chosen, filters it.
        documents: Whether Discover opens with the documents of the part.
    """

    dashboard: str | None
    with_filters: bool
    documents: bool


def drilldowns(chart: Chart, shown: Dashboard, others: Sequence[Dashboard]) -> Drilldowns:
    """Return what a click on a chart of a dashboard offers; a tile has no part to click.

    Args:
        chart: The chart.
        shown: The dashboard it is on.
        others: All dashboards.
    """
    if not chart.by:
        return Drilldowns(None, with_filters=False, documents=False)
    target = next((other for other in others if other.name == chart.leads_to), None)
    filtered = target is not None and _fits(chart, shown, target)
    # Kibana offers the documents of a chart with one layer only.
    return Drilldowns(chart.leads_to, filtered, documents=len(chart.layers) == 1)


def _fits(chart: Chart, shown: Dashboard, target: Dashboard) -> bool:
    """Return whether all documents of a dashboard have the fields that filters may come from.

    A filter on a field that a document has not hides the document.
    """
    asked = {axis.field for axis in chart.by if isinstance(axis, Values)}
    return _has_fields(target, asked | {control.field for control in shown.controls})


def carries_choices(shown: Dashboard, target: Dashboard) -> bool:
    """Return whether a link takes the filters of a dashboard along: where they hide nothing."""
    return _has_fields(target, {control.field for control in shown.controls})


def _has_fields(target: Dashboard, fields: Iterable[str]) -> bool:
    return all(source.field(field) for source in set(_sources(target)) for field in fields)


def _sources(dashboard: Dashboard) -> Iterator[DataSource]:
    """Yield the source of each panel of a dashboard, those of its analyzers included."""
    for panel in (
        panel for section in dashboard.sections for row in section.rows for panel in row.panels
    ):
        match panel:
            case Chart(source=source) | Picture(chart=Chart(source=source)):
                yield source
            case Documents(name):
                yield next(search.source for search in SEARCHES if search.name == name)
    if dashboard.analyzers or dashboard.layers:
        yield FINDING_DOCUMENTS
        yield INCIDENT_DOCUMENTS
