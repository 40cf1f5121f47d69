"""What the page shows of a panel: tiles, tables, documents, and empty panels."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window, milliseconds
from mlmon.dashboards.definitions.searches import ALARMS, OPEN_INCIDENTS
from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.chart import Chart, Measure, Time, ToneStep, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.saved_search import SavedSearch
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, REQUESTS
from mlmon.kibana.emit.lens.attributes import attributes
from mlmon.report.panels.views import (
    Cell,
    EmptyView,
    TableView,
    TileView,
    chart_view,
    documents_view,
    script_safe,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, START + DAY)
HOURS = [milliseconds(START + hour * HOUR) for hour in range(3)]


def answer(**aggregations: Any) -> dict[str, Any]:
    """Return an answer of Elasticsearch."""
    return {"hits": {"total": {"value": 9}}, "aggregations": aggregations}


def counted(draw: Any, *by: Any, **more: Any) -> Chart:
    """Return a chart that counts requests."""
    return Chart("Requests", "How many?", REQUESTS, (Measure("Requests"),), draw, by, **more)


PATHS = Values("url.path", "Path")


def test_documents_are_read_by_people() -> None:
    """Columns have the names of the data views, and durations a unit; numbers stand right."""
    found = {"_source": {"@timestamp": "2026-03-02T01:00:00Z", "event.duration": 380_000_000}}
    search = SavedSearch("slow", "Slow", "Which?", REQUESTS, ("event.duration",))
    shown = documents_view(search, {"hits": {"hits": [found]}})
    assert isinstance(shown, TableView)
    assert shown.rows == ((Cell("2 Mar 01:00", timed=True), Cell("380 ms", numeric=True)),)
    assert shown.headings == (Cell("Timestamp"), Cell("Event duration", numeric=True))


def test_nothing_to_draw_is_reported() -> None:
    """An answer without values, or of an index that is not there, is no empty picture."""
    empty = {"hits": {"total": {"value": 0}}}
    assert isinstance(chart_view(counted("line", Time()), [empty], WINDOW), EmptyView)
    assert isinstance(chart_view(counted("table", PATHS), [empty], WINDOW), EmptyView)


@pytest.mark.parametrize(("count", "tone"), [(0, "good"), (1, "warning"), (7, "critical")])
def test_a_tile_is_judged_by_its_colour(count: int, tone: str) -> None:
    """The highest step that the number reaches gives the colour; no document is a count of none."""
    steps = (ToneStep(0, "good"), ToneStep(1, "warning"), ToneStep(5, "critical"))
    chart = counted("tile", steps=steps)
    found = {"hits": {"total": {"value": count}}} | ({"aggregations": {}} if count else {})
    shown = chart_view(chart, [found], WINDOW)
    assert isinstance(shown, TileView)
    assert (shown.value, shown.tone) == (str(count), tone)


@pytest.mark.parametrize(
    ("count", "hours", "tone", "note"),
    [
        (0, 3, "unknown", "no data since 2 Mar 21:00"),
        (0, 1, "good", ""),
        (7, 3, "critical", "no data since 2 Mar 21:00"),
    ],
)
def test_a_number_of_hours_ago_is_not_that_of_now(
    count: int, hours: int, tone: str, note: str
) -> None:
    """Where nothing came for the last two hours, nothing is green, and the tile says since when."""
    chart = counted("tile", steps=(ToneStep(0, "good"), ToneStep(5, "critical")))
    newest = {"value": milliseconds(WINDOW.end - hours * HOUR)}
    found = {"hits": {"total": {"value": count}}, "aggregations": {"newest": newest}}
    shown = chart_view(chart, [found], WINDOW)
    assert isinstance(shown, TileView)
    assert (shown.tone, shown.note) == (tone, note)


def test_a_table_of_two_axes_is_sorted_as_a_whole() -> None:
    """Elasticsearch ranks within a path; here, in Lens and by the API all rows are ranked."""

    def path(name: str, *counts: int) -> dict[str, Any]:
        inner = [{"key": f"{name}{place}", "doc_count": n} for place, n in enumerate(counts)]
        return {"key": name, "doc_count": sum(counts), "by1": {"buckets": inner}}

    chart = counted("table", PATHS, Values("error.code", "Error"))
    found = answer(by0={"buckets": [path("a", 7, 1), path("b", 4, 2)]})
    shown = chart_view(chart, [found], WINDOW)
    assert isinstance(shown, TableView)
    assert [row[1].text for row in shown.rows] == ["a0", "b0", "b1", "a1"]
    drawn = attributes(chart, LinkTarget())["state"]["visualization"]
    assert drawn["sorting"] == {"columnId": drawn["columns"][2]["columnId"], "direction": "desc"}


def test_a_table_names_the_metrics_of_its_analyzer() -> None:
    """A metric has its title where the chart is of one analyzer, else the name it is stored by."""
    for where, name in (
        (is_("finding.analyzer", "feature_statistics"), "Mean shift"),
        (is_("finding.severity", "critical"), "mean.shift"),
    ):
        chart = Chart(
            "Statistics",
            "Which moved?",
            FINDING_DOCUMENTS,
            (Measure("Findings"),),
            "table",
            (Values("finding.metric", "Statistic"),),
            where,
        )
        found = answer(by0={"buckets": [{"key": "mean.shift", "doc_count": 3}]})
        shown = chart_view(chart, [found], WINDOW)
        assert isinstance(shown, TableView)
        assert shown.rows[0][0].text == name


def test_an_id_may_be_broken_and_no_incident_is_said() -> None:
    """A trace's id fits its column; a chart may say what it means that nothing counts."""
    search = SavedSearch("s", "S", "All.", REQUESTS, ("trace.id", "url.path"))
    hit = {"_source": {"trace.id": "a" * 32, "url.path": "/b"}}
    shown = documents_view(search, {"hits": {"hits": [hit]}})
    assert isinstance(shown, TableView)
    assert [cell.long_id for cell in shown.rows[0]] == [False, True, False]
    chart = counted("table", PATHS, nothing="No open incident.")
    empty = chart_view(chart, [answer(by0={"buckets": []})], WINDOW)
    assert isinstance(empty, EmptyView)
    assert empty.text == "No open incident."


def test_a_table_writes_times_as_times() -> None:
    """The least of a date is a moment, not a number of milliseconds; severities are marked."""
    chart = Chart(
        "First",
        "What was first?",
        FINDING_DOCUMENTS,
        (Measure("Since", "min", "@timestamp"), Measure("Alarms")),
        "table",
        (Values("finding.severity", "Severity"),),
    )
    bucket = {"key": "critical", "doc_count": 3, "m0": {"value": float(HOURS[1])}}
    shown = chart_view(chart, [answer(by0={"buckets": [bucket]})], WINDOW)
    assert isinstance(shown, TableView)
    assert shown.columns == ("Severity", "Since", "Alarms")
    assert shown.rows == (
        (Cell("critical", "critical"), Cell("2 Mar 01:00", timed=True), Cell("3", numeric=True)),
    )


def test_data_cannot_leave_its_script() -> None:
    """A value that would close the script element is written so that it does not."""
    assert "</script>" not in script_safe({"v": "</script><script>alert(1)</script>"})


def test_nothing_is_reported_of_an_unsearched_time_range() -> None:
    """Alerts are shown regardless of the time range: nothing there means nothing at all."""
    nothing = {"hits": {"total": {"value": 0}, "hits": []}}
    shown = [documents_view(panel, nothing) for panel in (OPEN_INCIDENTS, ALARMS)]
    assert [view.text for view in shown if isinstance(view, EmptyView)] == [
        "Nothing to show.",
        "Nothing to show in this time range.",
    ]
