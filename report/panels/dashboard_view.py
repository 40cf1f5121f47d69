"""A dashboard as a page shows it: sections and rows of panels with their data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.window import milliseconds, parse_time
from mlmon.dashboards.definitions import searches
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.condition import Condition, Is, both, query
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Section
from mlmon.dashboards.model.layout import sections
from mlmon.dashboards.model.picture import ROWS_AT, Picture
from mlmon.dashboards.model.query import bodies, period, width
from mlmon.dashboards.model.saved_search import SavedSearch
from mlmon.dashboards.model.source import TIME_FIELD
from mlmon.dashboards.vega_lite.chart import DrawnEvent
from mlmon.dashboards.vega_lite.picture import page_picture
from mlmon.report.panels.views import (
    NEWEST,
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
    from mlmon.dashboards.model.chart import EventMark
    from mlmon.dashboards.model.source import DataSource
    from mlmon.elastic.json_object import Json

Search: TypeAlias = "Callable[[str, Json], Json]"
"""Sends a search body to an index pattern and returns the answer."""

MOST_DOCUMENTS = 20
MOST_EVENTS = 50
"""Events of a kind that are drawn on the charts of a page."""


@dataclass(frozen=True, slots=True)
class RowView:
    """Panels side by side."""

    panels: tuple[PanelView, ...]


@dataclass(frozen=True, slots=True)
class SectionView:
    """Rows under a heading.

    Args:
        heading: The heading.
        question: What it answers.
        rows: The rows; none where `later` holds.
        collapsed: Whether it opens with a click.
        later: Whether its rows are asked for when it is opened.
    """

    heading: str
    question: str
    rows: tuple[RowView, ...]
    collapsed: bool = False
    later: bool = False


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
class DashboardScope:
    """The data that a dashboard shows.

    Args:
        search: Sends a search.
        namespace: Environment.
        window: The time range.
        chosen: What the controls have chosen: (field, value) pairs.
        known_events: What was found of each kind of event, which the charts of a page share.
    """

    search: Search
    namespace: str
    window: Window
    chosen: tuple[tuple[str, str], ...] = ()
    known_events: dict[EventMark, list[DrawnEvent]] = field(default_factory=dict, compare=False)

    def events(self, mark: EventMark) -> list[DrawnEvent]:
        """Return the latest events of a kind in the time range."""
        if mark not in self.known_events:
            self.known_events[mark] = list(self._searched_events(mark))
        return self.known_events[mark]

    def _searched_events(self, mark: EventMark) -> Iterator[DrawnEvent]:
        source = mark.source
        where = both(source.where, mark.where, self.selected(source))
        body = {
            "size": MOST_EVENTS,
            "query": {"bool": {"filter": [*period(source, self.window), query(where)]}},
            "sort": [{TIME_FIELD: {"order": "desc"}}],
            "_source": [TIME_FIELD, mark.text],
        }
        for hit in self.search(source.index(self.namespace), body)["hits"]["hits"]:
            found = hit["_source"]
            at = milliseconds(parse_time(str(found[TIME_FIELD])))
            yield DrawnEvent(at, f"{mark.label} {found.get(mark.text, '')}".strip(), mark.tone)

    def selected(self, source: DataSource) -> Condition:
        """Return the choices that a source has the field for; others do not narrow it."""
        return both(
            *(Is(name, (value,)) for name, value in self.chosen if source.field(name) is not None)
        )


def dashboard_view(
    dashboard: Dashboard,
    analyzers: Sequence[Analyzer[Any]],
    scope: DashboardScope,
    *,
    later: bool = False,
) -> DashboardView:
    """Search every panel of a dashboard and return what is shown.

    Args:
        dashboard: The dashboard.
        analyzers: Those whose own panels it shows below; none leaves them out.
        scope: What is searched.
        later: Whether sections that open with a click are asked for when they are opened.
    """
    return DashboardView(
        dashboard.name,
        dashboard.title,
        dashboard.question,
        tuple(
            _section(section, scope, later=later and section.collapsed)
            for section in sections(dashboard, analyzers)
        ),
    )


def section_view(
    dashboard: Dashboard, analyzers: Sequence[Analyzer[Any]], scope: DashboardScope, number: int
) -> SectionView | None:
    """Search the panels of one section of a dashboard, by its number from 1 on."""
    found = sections(dashboard, analyzers)[number - 1 : number] if number > 0 else ()
    return _section(found[0], scope) if found else None


def _section(section: Section, scope: DashboardScope, *, later: bool = False) -> SectionView:
    rows = () if later else section.rows
    return SectionView(
        section.heading,
        section.question,
        tuple(RowView(tuple(_row(row.panels, scope))) for row in rows),
        section.collapsed,
        later,
    )


def without_incident_list(dashboard: Dashboard) -> Dashboard:
    """Return a dashboard without its list of open incidents, which its page has above."""
    listed = Documents(searches.OPEN_INCIDENTS.name)
    sections = (
        replace(section, rows=tuple(row for row in section.rows if row.panels != (listed,)))
        for section in dashboard.sections
    )
    return replace(dashboard, sections=tuple(section for section in sections if section.rows))


def _row(panels: Sequence[Any], scope: DashboardScope) -> Iterator[PanelView]:
    for panel in panels:
        match panel:
            case Chart():
                yield _chart(panel, scope)
            case Picture():
                yield _picture(panel, scope)
            case Documents(name):
                yield _documents(name, scope)


def _chart(chart: Chart, scope: DashboardScope) -> PanelView:
    index = chart.source.index(scope.namespace)
    questions = bodies(chart, scope.window, scope.selected(chart.source))
    if chart.draw == "tile" and chart.source.time is not None:
        questions[0]["aggs"][NEWEST] = {"max": {"field": chart.source.time}}
    answers = [scope.search(index, body) for body in questions]
    events = [event for mark in chart.marks for event in scope.events(mark)]
    return chart_view(chart, answers, scope.window, events)


def _documents(name: str, scope: DashboardScope) -> PanelView:
    search = saved_search(name)
    body = search.body(scope.window, scope.selected(search.source), MOST_DOCUMENTS)
    return documents_view(search, scope.search(search.source.index(scope.namespace), body))


def saved_search(name: str) -> SavedSearch:
    """Return a saved search by its name.

    Raises:
        LookupError: There is none.
    """
    for var in vars(searches).values():
        if isinstance(var, SavedSearch) and var.name == name:
            return var
    raise LookupError(f"there is no saved search {name!r}")


def _picture(picture: Picture, scope: DashboardScope) -> PanelView:
    """Return a picture, drawn from its own search."""
    chart, source = picture.chart, picture.chart.source
    head = Head(chart.title, chart.sentence)
    filters = [
        *period(source, scope.window),
        query(both(picture.condition, scope.selected(source))),
    ]
    minutes = int(width(scope.window).total_seconds() // 60)
    body = picture.search(f"{minutes}m") | {"query": {"bool": {"filter": filters}}}
    found: Any = scope.search(source.index(scope.namespace), body)
    for part in ROWS_AT.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else found
    if not found:
        return EmptyView(head)
    return ChartView(head, script_safe(page_picture(picture, found, scope.window)))
