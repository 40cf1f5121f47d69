"""A dashboard as the page shows it: every panel asked once, in its row and section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.window import milliseconds
from mlmon.dashboards.definitions import searches
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.condition import Condition, Is, both, query
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Row, Section, Text
from mlmon.dashboards.model.finding_chart import finding_charts
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.query import bodies, period, width
from mlmon.dashboards.model.saved_search import SavedSearch
from mlmon.dashboards.palette import SEVERITIES
from mlmon.report.panels.specification import page_config
from mlmon.report.panels.views import (
    ChartView,
    EmptyView,
    Head,
    PanelView,
    chart_view,
    documents_view,
    script_safe,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.model.condition import Json
    from mlmon.dashboards.model.source import Source

Ask: TypeAlias = "Callable[[str, Json], Json]"
"""Sends a search body to an index pattern and returns the answer."""

MOST_DOCUMENTS = 20


@dataclass(frozen=True, slots=True)
class RowView:
    """Panels beside one another."""

    panels: tuple[PanelView, ...]


@dataclass(frozen=True, slots=True)
class SectionView:
    """Rows under a heading."""

    heading: str
    rows: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class DashboardView:
    """A dashboard with its answers."""

    name: str
    title: str
    question: str
    sections: tuple[SectionView, ...]

    @property
    def panels(self) -> tuple[PanelView, ...]:
        """All panels, from the top down."""
        return tuple(
            panel for section in self.sections for row in section.rows for panel in row.panels
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dashboard is asked about.

    Args:
        ask: Sends a search.
        namespace: Environment.
        window: The time range.
        chosen: What the controls have chosen: (field, value) pairs.
    """

    ask: Ask
    namespace: str
    window: Window
    chosen: tuple[tuple[str, str], ...] = ()

    def selected(self, source: Source) -> Condition:
        """Return the choices that a source has the field for; others do not narrow it."""
        return both(
            *(Is(name, (value,)) for name, value in self.chosen if source.field(name) is not None)
        )


def dashboard_view(
    dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]], asked: Asked
) -> DashboardView:
    """Ask every panel of a dashboard and return what is shown.

    Args:
        dashboard: The dashboard.
        analyzers: Those whose own panels it shows below; none leaves them out.
        asked: About what.
    """
    sections = (*dashboard.sections, *map(_analyzer_section, analyzers))
    return DashboardView(
        dashboard.name,
        dashboard.title,
        dashboard.question,
        tuple(
            SectionView(
                section.heading,
                tuple(RowView(tuple(_row(row.panels, asked))) for row in section.rows),
            )
            for section in sections
        ),
    )


def _analyzer_section(analyzer: Analyzer[Any]) -> Section:
    drawn = tuple(chart for panel in analyzer.panels for chart in finding_charts(analyzer, panel))
    return Section(analyzer.question, (Row(drawn),))


def _row(panels: Sequence[Any], asked: Asked) -> Iterator[PanelView]:
    for panel in panels:
        match panel:
            case Chart():
                yield _chart(panel, asked)
            case Picture():
                yield _picture(panel, asked)
            case Documents(name):
                yield _documents(name, asked)
            case Text():
                continue


def _chart(chart: Chart, asked: Asked) -> PanelView:
    index = chart.source.index(asked.namespace)
    questions = bodies(chart, asked.window, asked.selected(chart.source))
    return chart_view(chart, [asked.ask(index, body) for body in questions], asked.window)


def _documents(name: str, asked: Asked) -> PanelView:
    search = saved_search(name)
    body = search.body(asked.window, asked.selected(search.source), MOST_DOCUMENTS)
    return documents_view(search, asked.ask(search.source.index(asked.namespace), body))


def saved_search(name: str) -> SavedSearch:
    """Return a saved search by its name.

    Raises:
        LookupError: There is none.
    """
    for var in vars(searches).values():
        if isinstance(var, SavedSearch) and var.name == name:
            return var
    raise LookupError(f"there is no saved search {name!r}")


def _picture(picture: Picture, asked: Asked) -> PanelView:
    """Draw a picture from its own search, Kibana's placeholders filled in."""
    head = Head(picture.title, picture.sentence)
    source = picture.source
    filters = [
        *period(source, asked.window),
        query(both(source.where, asked.selected(source))),
    ]
    minutes = int(width(asked.window).total_seconds() // 60)
    body = _filled(picture.body, f"{minutes}m") | {"query": {"bool": {"filter": filters}}}
    found: Any = asked.ask(source.index(asked.namespace), body)
    for part in picture.rows_at.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else found
    if not found:
        return EmptyView(head)
    drawing = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        # Not a step per row: Vega remarks on each page that it cannot fit such a height.
        "height": picture.row_height * len(found),
        "data": {"values": found},
        **picture.drawing,
        "config": page_config(),
        **(_over_time(picture, asked.window) if picture.timed else {}),
    }
    return ChartView(head, _in_the_pages_colours(script_safe(drawing)))


def _in_the_pages_colours(drawn: str) -> str:
    """Put the page's colours of severities, which follow light and dark, in place of Kibana's."""
    # What alarms nobody stands back.
    softer = {"ok": "grid", "unknown": "unknown-soft"}
    for name, colour in SEVERITIES.items():
        drawn = drawn.replace(colour, f"var(--{softer.get(name, name)})")
    return drawn


def _over_time(picture: Picture, window: Window) -> Json:
    """Return what of a drawing is told the ends of the time range."""
    encoding = picture.drawing["encoding"]
    ends = f"[{milliseconds(window.start)}, {milliseconds(window.end)}]"
    time = encoding["x"] | {"scale": {"type": "utc", "domainRaw": {"expr": ends}}}
    return {
        "mark": picture.drawing["mark"] | {"clip": True},
        "encoding": encoding | {"x": time},
    }


def _filled(value: Any, interval: str) -> Any:
    """Return a copy of a body with `%autointerval%` filled in."""
    if isinstance(value, dict):
        if "%autointerval%" in value:
            return interval
        return {key: _filled(each, interval) for key, each in value.items()}
    return [_filled(each, interval) for each in value] if isinstance(value, list) else value
