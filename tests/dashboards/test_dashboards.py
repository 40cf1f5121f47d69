"""Dashboards: every analyzer is seen, every panel has its place, every name is known."""

from typing import get_args

import pytest

from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.checks import discover
from mlmon.analyzers.checks.service_health.service_health import RATES
from mlmon.analyzers.profiles.kinds.access import STATUS
from mlmon.dashboards.definitions import dashboards, home, shown_on
from mlmon.dashboards.definitions.drift import MOVED_MOST
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.definitions.state_now import STATE_NOW
from mlmon.dashboards.model.chart import Chart, Values
from mlmon.dashboards.model.condition import fields, kql, query, within
from mlmon.dashboards.model.dashboard import GRID_COLUMNS, Dashboard, Documents, Panel
from mlmon.dashboards.model.finding_chart import finding_charts
from mlmon.dashboards.model.layout import Heading, Navigation, layout
from mlmon.dashboards.model.picture import Distributions, Picture, StateTimeline
from mlmon.dashboards.model.sources import INCIDENT_DOCUMENTS, SOURCES

FIRST_SCREEN = 46
"""Rows of the grid, of 20 pixels each, on a screen of 1,080 pixels below Kibana's own bars."""

each_dashboard = pytest.mark.parametrize(
    "shown", dashboards(), ids=lambda dashboard: dashboard.name
)


def test_every_layer_has_one_dashboard() -> None:
    """A new analyzer, of whatever layer, is shown without being named: once."""
    layers = [layer for dashboard in dashboards() for layer in dashboard.layers]
    assert sorted(layers) == sorted(LAYERS)


def test_every_analyzer_is_shown_with_all_its_panels() -> None:
    """Each analyzer has one home, and each of its panels a chart there."""
    for analyzer in discover():
        shown = home(analyzer)
        found = {chart.title for chart in charts(shown)}
        for metric in analyzer.metrics:
            sides = ("",) if metric.pivot is None else (", up", ", down")
            assert {f"{metric.title}{side}" for side in sides} <= found


def test_what_is_bad_both_ways_is_drawn_both_ways() -> None:
    """What rose and what fell, each of the subjects that are worst there; limits in the former."""
    analyzer = next(analyzer for analyzer in discover() if analyzer.name == "score_attribution")
    up, down = finding_charts(analyzer, analyzer.metrics[0])
    assert [panel.measures[0].operation for panel in (up, down)] == ["max", "min"]
    subjects = [panel.by[1] for panel in (up, down)]
    assert [subject.order for subject in subjects if isinstance(subject, Values)] == [
        "highest",
        "lowest",
    ]
    assert [bool(panel.limits) for panel in (up, down)] == [True, False]
    assert kql(up.condition).endswith("finding.value >= 0.0")
    assert kql(down.condition).endswith("finding.value: * and not (finding.value >= 0.0)")


def test_no_two_dashboards_name_one_analyzer() -> None:
    """An analyzer's panels stand in one place."""
    named = [name for dashboard in dashboards() for name in dashboard.analyzers]
    assert len(named) == len(set(named))


def charts(shown: Dashboard) -> list[Chart]:
    """Return the charts of a dashboard, its analyzers' own among them."""
    panels = layout(shown, shown_on(shown, discover()))
    return [panel.panel for panel in panels if isinstance(panel.panel, Chart)]


@each_dashboard
def test_panels_stand_side_by_side(shown: Dashboard) -> None:
    """No panel overlaps another or the grid's edge, no id occurs twice, none is too many."""
    panels = layout(shown, shown_on(shown, discover()))
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel.x, panel.x + panel.w)
        for y in range(panel.y, panel.y + panel.h)
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= panel.x < panel.x + panel.w <= GRID_COLUMNS for panel in panels)
    assert len({panel.id for panel in panels}) == len(panels)
    # Kibana 9.4.0 does not open a dashboard with more.
    assert len(panels) <= 100
    assert panels[0].panel == Navigation()


@each_dashboard
def test_what_it_names_exists(shown: Dashboard) -> None:
    """Its searches, and the dashboards its charts lead to, exist; its help is one sentence."""
    names = {dashboard.name for dashboard in dashboards()}
    searches = {search.name for search in SEARCHES}
    assert shown.question.endswith("?")
    for placed in layout(shown, shown_on(shown, discover())):
        if isinstance(placed.panel, Documents):
            assert placed.panel.search in searches
        if isinstance(placed.panel, Chart):
            assert placed.panel.leads_to is None or placed.panel.leads_to in names
            assert placed.panel.sentence.endswith(("?", "."))


@each_dashboard
def test_titles_are_noun_phrases(shown: Dashboard) -> None:
    """No title of a dashboard, section or chart is a question or a sentence."""
    for panel in layout(shown, shown_on(shown, discover())):
        match panel.panel:
            case Chart(title=title) | Picture(chart=Chart(title=title)) | Heading(text=title):
                assert not title.endswith(("?", "."))


def test_fields_are_those_of_the_index_templates() -> None:
    """Every field that a chart, a control or a search names is in its source's table."""
    everything = [
        (chart.source, name)
        for shown in dashboards()
        for chart in charts(shown)
        for name in asked(chart)
    ]
    everything += [(one.source, one.field) for shown in dashboards() for one in shown.controls]
    everything += [
        (search.source, name)
        for search in SEARCHES
        for name in {*search.columns, *fields(search.condition), *(name for name, _ in search.sort)}
    ]
    assert len(everything) > 300
    wrong = [(source.name, name) for source, name in everything if source.field(name) is None]
    assert wrong == []


def asked(chart: Chart) -> set[str]:
    """Return the fields that a chart looks at."""
    measures = [measure for layer in chart.layers for measure in layer.measures]
    return (
        {axis.field for axis in chart.by}
        | {measure.field for measure in measures if measure.field}
        | fields(chart.condition)
        | {name for measure in measures for name in fields(measure.where) | fields(measure.of)}
    )


def test_sources_are_named_once() -> None:
    """Names are parts of ids: of data views, searches and dashboards."""
    names = [named.name for named in (*SOURCES, *SEARCHES, *dashboards())]
    assert len(names) == len(set(names))


def test_every_kind_of_panel_is_in_use() -> None:
    """What no dashboard shows needs no emitter."""
    kinds = {
        type(placed.panel)
        for shown in dashboards()
        for placed in layout(shown, shown_on(shown, discover()))
    }
    known = {*get_args(Panel), StateTimeline, Distributions, Heading, Navigation} - {Picture}
    assert kinds == known


def test_one_definition_of_a_server_error() -> None:
    """Every panel that counts 5xx counts the statuses that the analyzer judges: all of them."""
    counted = {
        measure.where
        for dashboard in dashboards()
        for chart in charts(dashboard)
        for measure in chart.measures
        if measure.label == "5xx"
    }
    (condition,) = counted
    (rate,) = (rate for rate in RATES if rate.metric == "http.5xx.rate")
    assert query(condition) == query(within(STATUS, rate.statuses))
    assert (rate.statuses.start, rate.statuses.stop) == (500, 600)


@each_dashboard
def test_what_is_wrong_comes_first(shown: Dashboard) -> None:
    """The first screen has the incidents: those that the dashboard's analyzers raised, or all."""
    panels = layout(shown, shown_on(shown, discover()))
    first = next(
        panel
        for panel in panels
        if isinstance(panel.panel, Chart | Documents) and panel.panel != STATE_NOW[0]
        if _shows_incidents(panel.panel)
    )
    assert first.y + first.h <= FIRST_SCREEN


def _shows_incidents(panel: Panel) -> bool:
    if isinstance(panel, Documents):
        return panel.search == "open_incidents"
    return isinstance(panel, Chart) and panel.draw == "table" and panel.source is INCIDENT_DOCUMENTS


def test_charts_over_time_show_what_changed() -> None:
    """Trainings, reloads and incidents stand on each chart over time of a model or a service."""
    shown = next(dashboard for dashboard in dashboards() if dashboard.name == "performance")
    over_time = [chart for chart in charts(shown) if chart.is_over_time]
    assert len(over_time) > 10
    assert all(chart.marks == EVENT_MARKS for chart in over_time)
    assert not any(chart.marks for chart in charts(shown) if not chart.is_over_time)


def test_panels_of_analyzers_are_in_sections_that_open() -> None:
    """What an analyzer declares is one section; the dashboard's own charts are always seen."""
    shown = next(dashboard for dashboard in dashboards() if dashboard.name == "drift")
    panels = layout(shown, shown_on(shown, discover()))
    named = {panel.section for panel in panels if panel.section}
    assert {"Feature drift", "Score shift", "Data quality"} <= named
    (moved,) = (panel for panel in panels if panel.panel == MOVED_MOST)
    assert not moved.section
    assert moved.y < FIRST_SCREEN
