"""The layout of a dashboard's panels: from sections and rows to Kibana's grid."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.chart import Chart, Measure, Values
from mlmon.dashboards.model.condition import both, is_
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
from mlmon.dashboards.model.sources import INCIDENT_DOCUMENTS
from mlmon.formatting import heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.analyzers.base.analyzer import Analyzer

NAVIGATION_HEIGHT = 3
HEADING_HEIGHT = 3
HELP_HEIGHT = 2
"""What a heading with a line of help takes more."""
INCIDENT_ROWS = 7
LINKS_WIDTH = 16
"""Columns of the links next to a heading."""
COLUMNS_OF_CHARTS = 2
"""Charts of an analyzer in a row."""


@dataclass(frozen=True, slots=True)
class Navigation:
    """Links to dashboards.

    Args:
        leads_to: Their names; empty for all.
        name: A name that no other panel of the dashboard has.
    """

    leads_to: tuple[str, ...] = ()
    name: str = "navigation"


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section.

    Args:
        text: Its content, Markdown.
        question: What the section answers; empty for nothing.
        runbook: Path of the page that says what to do; empty for none.
    """

    text: str
    question: str = ""
    runbook: str = ""

    @property
    def height(self) -> int:
        """Its height in the grid's units."""
        return HEADING_HEIGHT + (HELP_HEIGHT if self.question or self.runbook else 0)


@dataclass(frozen=True, slots=True)
class PlacedPanel:
    """A panel and its position.

    Args:
        id: Unique on its dashboard, and the same as long as its title is.
        panel: What it shows.
        x, y, w, h: In the grid's units.
        section: Heading of the section that it can be collapsed with; empty for none.
    """

    id: str
    panel: Panel | Heading | Navigation
    x: int
    y: int
    w: int
    h: int
    section: str = ""


def layout(dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]]) -> tuple[PlacedPanel, ...]:
    """Return every panel of a dashboard with its position.

    Args:
        dashboard: The dashboard.
        analyzers: Those whose panels it shows, in order.
    """
    placed = [PlacedPanel("navigation", Navigation(), 0, 0, GRID_COLUMNS, NAVIGATION_HEIGHT)]
    y = NAVIGATION_HEIGHT
    for section in sections(dashboard, analyzers, COLUMNS_OF_CHARTS):
        collapsed = section.heading if section.collapsed else ""
        above = Heading(section.heading, section.question, section.runbook)
        # A tile has no part to click that a drill-down could start from: its links stand above.
        ways = tuple(_tiles_lead_to(section))
        width = GRID_COLUMNS - (LINKS_WIDTH if ways else 0)
        placed.append(PlacedPanel("", above, 0, y, width, above.height, collapsed))
        if ways:
            links = Navigation(ways, f"{section.heading} links")
            placed.append(PlacedPanel("", links, width, y, LINKS_WIDTH, above.height, collapsed))
        y += above.height
        for row in section.rows:
            placed += (replace(panel, section=collapsed) for panel in _place(row, y))
            y += row.height
    return tuple(_named(placed))


def sections(
    dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]], columns: int | None = None
) -> tuple[Section, ...]:
    """Return a dashboard's sections: what is wrong, its own, and those of its analyzers.

    Args:
        dashboard: The dashboard.
        analyzers: Those whose panels it shows, in order; of none, what is wrong is left out.
        columns: Charts of an analyzer in a row; None for all of a metric's in one row.
    """
    own = (analyzer_section(analyzer, columns) for analyzer in analyzers)
    wrong = [incident_section(dashboard, analyzers)] if analyzers else []
    return tuple(_marked(section, dashboard) for section in (*wrong, *dashboard.sections, *own))


def incident_section(dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]]) -> Section:
    """Return what is wrong now, in the words of the incidents that some analyzers raised."""
    names = [analyzer.name for analyzer in analyzers]
    chart = Chart(
        "Open incidents",
        "What is wrong now, by its likely cause, regardless of the time range.",
        INCIDENT_DOCUMENTS,
        (
            Measure("Since", "min", "event.start"),
            Measure("Open alerts", "max", "incident.open_alerts"),
        ),
        "table",
        (
            Values("incident.title", "Incident", 20),
            Values("incident.severity", "Severity", 2, "name"),
            Values("service.name", "Service", 5, "name"),
        ),
        both(is_("incident.status", "open"), is_("incident.analyzers", *names)),
        leads_to="open_problems",
        nothing="No open incident.",
    )
    question = f"{dashboard.question} Open incidents first, then their evidence."
    return Section("What is wrong", (PanelRow((chart,), INCIDENT_ROWS),), question)


def _marked(section: Section, dashboard: Dashboard) -> Section:
    """Return a section whose charts over time show the dashboard's events."""
    if not dashboard.marks:
        return section
    rows = (
        replace(row, panels=tuple(_with_marks(panel, dashboard) for panel in row.panels))
        for row in section.rows
    )
    return replace(section, rows=tuple(rows))


def _with_marks(panel: Panel, dashboard: Dashboard) -> Panel:
    if isinstance(panel, Chart) and panel.is_over_time:
        return replace(panel, marks=dashboard.marks)
    return panel


def _tiles_lead_to(section: Section) -> dict[str, None]:
    tiles = (panel for row in section.rows for panel in row.panels if isinstance(panel, Chart))
    return dict.fromkeys(tile.leads_to for tile in tiles if tile.leads_to and not tile.by)


def analyzer_section(analyzer: Analyzer[Any], columns: int | None = COLUMNS_OF_CHARTS) -> Section:
    """Return the section of an analyzer's own charts, so many to a row; None for one row."""
    found = [chart for metric in analyzer.metrics for chart in finding_charts(analyzer, metric)]
    step = columns or max(1, len(found))
    rows = (found[first : first + step] for first in range(0, len(found), step))
    return Section(
        heading(analyzer.name),
        tuple(PanelRow(tuple(row)) for row in rows),
        analyzer.question,
        analyzer.runbook,
        collapsed=True,
    )


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
        yield replace(panel, id=name)


def _slug(panel: Panel | Heading | Navigation) -> str:
    match panel:
        case Chart(title=title) | Picture(chart=Chart(title=title)):
            text = title
        case Heading(text=above):
            text = above
        case Documents(search):
            text = search
        case Navigation(name=text):
            pass
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
