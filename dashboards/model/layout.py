"""The layout of a dashboard's panels: from sections and rows to Kibana's grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.dashboard import (
    GRID_COLUMNS,
    Dashboard,
    Documents,
    Panel,
    PanelRow,
    Section,
)
from mlmon.dashboards.model.finding_chart import finding_charts
from mlmon.dashboards.model.picture import Picture
from mlmon.formatting import heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.analyzers.base.analyzer import Analyzer

NAVIGATION_HEIGHT = 3
HEADING_HEIGHT = 3
COLUMNS_OF_CHARTS = 2
"""Charts of an analyzer in a row."""


@dataclass(frozen=True, slots=True)
class Navigation:
    """The links to all dashboards."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section.

    Args:
        text: Its content, Markdown.
        leads_to: Names of the dashboards that its tiles lead to. A tile has no part to click that
            a drill-down could start from, so the heading has the links.
    """

    text: str
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedPanel:
    """A panel and its position.

    Args:
        id: Unique on its dashboard, and the same as long as its title is.
        panel: What it shows.
        x, y, w, h: In the grid's units.
    """

    id: str
    panel: Panel | Heading | Navigation
    x: int
    y: int
    w: int
    h: int


def layout(dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]]) -> tuple[PlacedPanel, ...]:
    """Return every panel of a dashboard with its position.

    Args:
        dashboard: The dashboard.
        analyzers: Those whose panels it shows, in order.
    """
    placed = [PlacedPanel("navigation", Navigation(), 0, 0, GRID_COLUMNS, NAVIGATION_HEIGHT)]
    y = NAVIGATION_HEIGHT
    for section in (*dashboard.sections, *map(analyzer_section, analyzers)):
        above = Heading(section.heading, tuple(_tiles_lead_to(section)))
        placed.append(PlacedPanel("", above, 0, y, GRID_COLUMNS, HEADING_HEIGHT))
        y += HEADING_HEIGHT
        for row in section.rows:
            placed += _place(row, y)
            y += row.height
    return tuple(_named(placed))


def _tiles_lead_to(section: Section) -> dict[str, None]:
    tiles = (panel for row in section.rows for panel in row.panels if isinstance(panel, Chart))
    return dict.fromkeys(tile.leads_to for tile in tiles if tile.leads_to and not tile.by)


def analyzer_section(analyzer: Analyzer[Any], columns: int = COLUMNS_OF_CHARTS) -> Section:
    """Return the section of an analyzer's own charts, so many to a row."""
    found = [chart for metric in analyzer.metrics for chart in finding_charts(analyzer, metric)]
    rows = (found[first : first + columns] for first in range(0, len(found), columns))
    title = heading(analyzer.name)
    return Section(title, tuple(PanelRow(tuple(row)) for row in rows), analyzer.question)


def _place(row: PanelRow, y: int) -> Iterator[PlacedPanel]:
    width = GRID_COLUMNS // len(row.panels)
    for number, panel in enumerate(row.panels):
        rest = GRID_COLUMNS - number * width if number == len(row.panels) - 1 else width
        yield PlacedPanel("", panel, number * width, y, rest, row.height)


def _named(placed: Iterable[PlacedPanel]) -> Iterator[PlacedPanel]:
    taken: dict[str, int] = {}
    for panel in placed:
        name = _slug(panel.panel)
        taken[name] = taken.get(name, 0) + 1
        number = taken[name]
        name = name if number == 1 else f"{name}-{number}"
        yield PlacedPanel(name, panel.panel, panel.x, panel.y, panel.w, panel.h)


def _slug(panel: Panel | Heading | Navigation) -> str:
    match panel:
        case Chart(title=title) | Picture(chart=Chart(title=title)):
            text = title
        case Heading(text=above):
            text = above
        case Documents(search):
            text = search
        case Navigation():
            text = "navigation"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
