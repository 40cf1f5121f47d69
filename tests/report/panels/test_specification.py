"""A chart's drawing holds the answers' numbers, and Vega-Lite accepts each form."""

from datetime import UTC, datetime
from typing import Any

import pytest
import vl_convert

from mlmon.analyzers.base.window import DAY, HOUR, Window, milliseconds
from mlmon.dashboards.definitions.searches import ALARMS, OPEN_ALERTS
from mlmon.dashboards.model.chart import Bins, Chart, Line, Measure, Step, Time, Values
from mlmon.dashboards.model.saved_search import SavedSearch
from mlmon.dashboards.model.sources import FINDINGS, REQUESTS
from mlmon.kibana.emit.lens.attributes import attributes
from mlmon.report.panels.specification import specification
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


def timed(*counts: int) -> dict[str, Any]:
    """Return an answer with a count per hour."""
    buckets = [{"key": key, "doc_count": n} for key, n in zip(HOURS, counts, strict=True)]
    return answer(by0={"buckets": buckets})


def parted() -> dict[str, Any]:
    """Return an answer with a count per hour and path."""
    inner = {"buckets": [{"key": "/a", "doc_count": 1}, {"key": "/b", "doc_count": 2}]}
    return answer(by0={"buckets": [{"key": key, "doc_count": 3, "by1": inner} for key in HOURS]})


def counted(draw: Any, *by: Any, **more: Any) -> Chart:
    """Return a chart that counts requests."""
    return Chart("Requests", "How many?", REQUESTS, (Measure("Requests"),), draw, by, **more)


PATHS = Values("url.path", "Path")
CASES = [
    (counted("line", Time()), timed(1, 2, 3)),
    (counted("area", Time()), timed(1, 2, 3)),
    (counted("bar", Time(), lines=(Line("Limit", 2.0, "critical"),)), timed(1, 2, 3)),
    (counted("stacked", Time(), PATHS), parted()),
    (counted("line", Time(), PATHS), parted()),
    (counted("heatmap", Time(), PATHS), parted()),
    (
        counted("bar", Bins("event.duration", "Duration", (0.0, 1.0, 2.0))),
        answer(by0={"buckets": [{"key": "0.0-1.0", "doc_count": 4}]}),
    ),
    (counted("bar", PATHS), answer(by0={"buckets": [{"key": "/a", "doc_count": 4}]})),
]


@pytest.mark.parametrize(("chart", "found"), CASES)
def test_vega_lite_accepts_every_form(chart: Chart, found: dict[str, Any]) -> None:
    """Each form compiles to Vega without complaint, and its data are the answer's counts."""
    spec = specification(chart, [found], WINDOW)
    assert spec is not None
    compiled = vl_convert.vegalite_to_vega(spec, vl_version="6.1")
    assert compiled["marks"]
    total = sum(row["v"] for row in spec["datasets"]["rows"])
    expected = {len(chart.by): found}
    leaves = [
        inner["doc_count"]
        for bucket in expected[len(chart.by)]["aggregations"]["by0"]["buckets"]
        for inner in bucket.get("by1", {}).get("buckets", [bucket])
    ]
    assert total == sum(leaves)


def test_limits_are_drawn_beside() -> None:
    """The limits measured with the values are a layer of their own, each with its severity."""
    chart = Chart(
        "Drift",
        "How far?",
        FINDINGS,
        (Measure("Value", "max", "finding.value"),),
        limits=(
            Measure("Warning from", "min", "finding.limits.warning", tone="warning"),
            Measure("Critical from", "min", "finding.limits.critical", tone="critical"),
        ),
    )
    values = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.3}}]
    limits = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.1}, "m1": {"value": 0.2}}]
    answers = [answer(by0={"buckets": values}), answer(by0={"buckets": limits})]
    spec = specification(chart, answers, WINDOW)
    assert spec is not None
    assert spec["datasets"]["limits"] == [
        {"x": HOURS[0], "s": "warning", "v": 0.1},
        {"x": HOURS[0], "s": "critical", "v": 0.2},
    ]


def test_a_limit_far_off_does_not_flatten_the_values() -> None:
    """A limit of more than ten times the greatest value is left out, one of less is not."""
    chart = Chart(
        "Effect",
        "How much?",
        FINDINGS,
        (Measure("Value", "max", "finding.value"),),
        limits=(Measure("Warning from", "min", "finding.limits.warning", tone="warning"),),
    )
    values = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.01}}]
    limits = [
        {"key": key, "doc_count": 2, "m0": {"value": limit}}
        for key, limit in zip(HOURS, (0.5, 0.05), strict=False)
    ]
    answers = [answer(by0={"buckets": values}), answer(by0={"buckets": limits})]
    spec = specification(chart, answers, WINDOW)
    assert spec is not None
    assert spec["datasets"]["limits"] == [{"x": HOURS[1], "s": "warning", "v": 0.05}]


def test_cells_of_a_heatmap_lie_side_by_side() -> None:
    """A cell spans its part of time: 15 minutes of a day, which 100 parts can hold."""
    spec = specification(counted("heatmap", Time(), PATHS), [parted()], WINDOW)
    assert spec is not None
    assert {row["x2"] - row["x"] for row in spec["datasets"]["rows"]} == {15 * 60 * 1000}


def test_durations_are_read_in_the_unit_that_fits() -> None:
    """Nanoseconds are drawn in the unit of the greatest, which the axis names."""
    measure = Measure("Longest", "max", "event.duration", unit="ns")
    chart = Chart("Duration", "How long?", REQUESTS, (measure,), unit="ns")
    values = [
        {"key": key, "doc_count": 2, "m0": {"value": value}}
        for key, value in zip(HOURS, (4.2e9, 50e6), strict=False)
    ]
    spec = specification(chart, [answer(by0={"buckets": values})], WINDOW)
    assert spec is not None
    assert [row["v"] for row in spec["datasets"]["rows"]] == [4.2, 0.05]
    assert spec["layer"][0]["encoding"]["y"]["axis"]["title"] == "s"


def test_documents_are_read_by_people() -> None:
    """Columns have the names of the data views, and durations a unit; numbers stand right."""
    found = {"_source": {"@timestamp": "2026-03-02T01:00:00Z", "event.duration": 380_000_000}}
    search = SavedSearch("slow", "Slow", "Which?", REQUESTS, ("event.duration",))
    shown = documents_view(search, {"hits": {"hits": [found]}})
    assert isinstance(shown, TableView)
    assert shown.rows == ((Cell("2 Mar 01:00", timed=True), Cell("380 ms", numeric=True)),)
    assert shown.headings == (Cell("Timestamp"), Cell("Event duration", numeric=True))


def test_what_does_not_add_up_is_not_stacked() -> None:
    """Counts of several parts stand on top of one another, medians before one another."""
    median = Chart(
        "Latency",
        "How long?",
        REQUESTS,
        (Measure("Median", "max", "event.duration"),),
        "bar",
        (Time(), PATHS),
    )
    inner = {"buckets": [{"key": key, "doc_count": 1, "m0": {"value": 2.0}} for key in "ab"]}
    found = answer(by0={"buckets": [{"key": HOURS[0], "doc_count": 2, "by1": inner}]})
    drawn = specification(median, [found], WINDOW)
    counts = specification(counted("bar", Time(), PATHS), [parted()], WINDOW)
    assert drawn is not None
    assert counts is not None
    stacks = [each["layer"][0]["encoding"]["y"]["stack"] for each in (drawn, counts)]
    assert stacks == [None, "zero"]


def test_nothing_to_draw_is_said() -> None:
    """An answer without values, or of an index that is not there, is no empty picture."""
    empty = {"hits": {"total": {"value": 0}}}
    assert isinstance(chart_view(counted("line", Time()), [empty], WINDOW), EmptyView)
    assert isinstance(chart_view(counted("table", PATHS), [empty], WINDOW), EmptyView)


@pytest.mark.parametrize(("count", "tone"), [(0, "good"), (1, "warning"), (7, "critical")])
def test_a_tile_says_by_its_colour(count: int, tone: str) -> None:
    """The highest step that the number reaches gives the colour; no document is a count of none."""
    steps = (Step(0, "good"), Step(1, "warning"), Step(5, "critical"))
    chart = counted("tile", steps=steps)
    found = {"hits": {"total": {"value": count}}} | ({"aggregations": {}} if count else {})
    shown = chart_view(chart, [found], WINDOW)
    assert isinstance(shown, TileView)
    assert (shown.value, shown.tone) == (str(count), tone)


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
    drawn = attributes(chart, "view")["state"]["visualization"]
    assert drawn["sorting"] == {"columnId": drawn["columns"][2]["columnId"], "direction": "desc"}


def test_a_table_writes_times_as_times() -> None:
    """The least of a date is a moment, not a number of milliseconds; severities are marked."""
    chart = Chart(
        "First",
        "What was first?",
        FINDINGS,
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


def test_nothing_is_said_of_the_time_range_where_it_was_not_asked() -> None:
    """Alerts are shown whatever the time range is: nothing there means nothing at all."""
    nothing = {"hits": {"total": {"value": 0}, "hits": []}}
    shown = [documents_view(each, nothing) for each in (OPEN_ALERTS, ALARMS)]
    assert [each.text for each in shown if isinstance(each, EmptyView)] == [
        "Nothing to show.",
        "Nothing to show in this time range.",
    ]
