"""A chart's drawing holds the answers' numbers, and Vega-Lite accepts each form."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window, milliseconds
from mlmon.dashboards.model.chart import Bins, Chart, Line, Measure, Time, Values
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, REQUESTS
from mlmon.dashboards.palette import PAGE_COLOURS
from mlmon.dashboards.vega_lite.chart import DrawnEvent, chart_drawing, own_colours
from tests.support.vega import compiled

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
    spec = chart_drawing(chart, [found], WINDOW)
    assert spec is not None
    assert compiled(spec)
    total = sum(row["v"] for row in spec["datasets"]["rows"])
    expected = {len(chart.by): found}
    leaves = [
        inner["doc_count"]
        for bucket in expected[len(chart.by)]["aggregations"]["by0"]["buckets"]
        for inner in bucket.get("by1", {}).get("buckets", [bucket])
    ]
    assert total == sum(leaves)


def test_limits_are_drawn_with_them() -> None:
    """The limits measured with the values are a layer of their own, each with its severity."""
    chart = Chart(
        "Drift",
        "How far?",
        FINDING_DOCUMENTS,
        (Measure("Value", "max", "finding.value"),),
        limits=(
            Measure("Warning from", "min", "finding.limits.warning", tone="warning"),
            Measure("Critical from", "min", "finding.limits.critical", tone="critical"),
        ),
    )
    values = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.3}}]
    limits = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.1}, "m1": {"value": 0.2}}]
    answers = [answer(by0={"buckets": values}), answer(by0={"buckets": limits})]
    spec = chart_drawing(chart, answers, WINDOW)
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
        FINDING_DOCUMENTS,
        (Measure("Value", "max", "finding.value"),),
        limits=(Measure("Warning from", "min", "finding.limits.warning", tone="warning"),),
    )
    values = [{"key": HOURS[0], "doc_count": 2, "m0": {"value": 0.01}}]
    limits = [
        {"key": key, "doc_count": 2, "m0": {"value": limit}}
        for key, limit in zip(HOURS, (0.5, 0.05), strict=False)
    ]
    answers = [answer(by0={"buckets": values}), answer(by0={"buckets": limits})]
    spec = chart_drawing(chart, answers, WINDOW)
    assert spec is not None
    assert spec["datasets"]["limits"] == [{"x": HOURS[1], "s": "warning", "v": 0.05}]


def test_cells_of_a_heatmap_lie_side_by_side() -> None:
    """A cell spans its part of time: 15 minutes of a day, which 100 parts can hold."""
    spec = chart_drawing(counted("heatmap", Time(), PATHS), [parted()], WINDOW)
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
    spec = chart_drawing(chart, [answer(by0={"buckets": values})], WINDOW)
    assert spec is not None
    assert [row["v"] for row in spec["datasets"]["rows"]] == [4.2, 0.05]
    assert spec["layer"][0]["encoding"]["y"]["axis"]["title"] == "s"


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
    drawn = chart_drawing(median, [found], WINDOW)
    counts = chart_drawing(counted("bar", Time(), PATHS), [parted()], WINDOW)
    assert drawn is not None
    assert counts is not None
    stacks = [chart["layer"][0]["encoding"]["y"]["stack"] for chart in (drawn, counts)]
    assert stacks == [None, "zero"]


def test_one_name_has_one_colour() -> None:
    """A feature keeps its colour between charts, and two of one chart never share one."""
    names = [f"feature {number}" for number in range(len(PAGE_COLOURS.series))]
    everything = own_colours(names)
    assert sorted(everything.values()) == sorted(PAGE_COLOURS.series)
    alone = own_colours(["price"])
    assert own_colours(["price", "weight"])["price"] == alone["price"]
    assert own_colours(reversed(names)) == everything


def test_a_heatmap_of_two_fields_has_a_column_for_each_value() -> None:
    """Without time to the right, the columns are the values of the first field."""
    inner = {"buckets": [{"key": "country=DE", "doc_count": 2}]}
    found = answer(by0={"buckets": [{"key": "roc_auc", "doc_count": 2, "by1": inner}]})
    chart = counted("heatmap", Values("finding.metric", "Metric"), PATHS)
    spec = chart_drawing(chart, [found], WINDOW)
    assert spec is not None
    assert compiled(spec)
    assert spec["encoding"]["x"]["type"] == "nominal"
    assert spec["datasets"]["rows"] == [{"x": "roc_auc", "s": "country=DE", "v": 2}]


def test_events_are_lines_of_their_meaning() -> None:
    """What happened is drawn at its time, once per meaning, on charts over time only."""
    events = [
        DrawnEvent(HOURS[1], "Model loaded 2", "good"),
        DrawnEvent(HOURS[2], "Incident opened Missing values", "warning"),
    ]
    spec = chart_drawing(counted("line", Time()), [timed(1, 2, 3)], WINDOW, events)
    assert spec is not None
    assert compiled(spec)
    assert [row["x"] for row in spec["datasets"]["events"]] == HOURS[1:]
    rules = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rule"]
    assert len(rules) == 2
    bars = answer(by0={"buckets": [{"key": "/a", "doc_count": 4}]})
    other = chart_drawing(counted("bar", PATHS), [bars], WINDOW, events)
    assert other is not None
    assert "events" not in other["datasets"]
