"""The specification of one check's chart is valid Vega-Lite and shows what was found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.metric import Metric, MetricDrawing
from mlmon.dashboards.model.history import Frame, Mark
from mlmon.dashboards.palette import PAGE_COLOURS
from mlmon.dashboards.vega_lite.history import history_drawing
from mlmon.report.html.buckets import HOUR_SECONDS, buckets
from mlmon.report.html.charts import history
from mlmon.report.html.series import record
from tests.support.vega import compiled

START = datetime(2026, 11, 2, tzinfo=UTC)
WINDOW = timedelta(hours=1)
METRIC = Metric("ks.distance", "Score shift", "Have the scores moved?")
SEVERITIES = (Severity.UNKNOWN, Severity.OK, Severity.OK, Severity.WARNING, Severity.CRITICAL)


def findings(values: tuple[float | None, ...] = (None, 0.05, 0.06, 0.15, 0.3)) -> list[Finding]:
    """Return five hourly findings, from unknown to critical."""
    return [
        Finding.of(
            analyzer="score_shift", metric="ks.distance", subject="ml.prediction.score",
            start=START + place * WINDOW, end=START + (place + 1) * WINDOW,
            severity=severity, reason=f"window {place}", value=value,
            low=value and value - 0.01, high=value and value + 0.01,
            warning=0.1, critical=0.2,
        )
        for place, (severity, value) in enumerate(zip(SEVERITIES, values, strict=True))
    ]  # fmt: skip


def chart(
    found: list[Finding], metric: Metric = METRIC, **marks: tuple[Mark, ...]
) -> dict[str, Any]:
    """Return the chart of some findings."""
    (series,) = record(found).series
    frame = Frame(float(series.start[0]), float(series.end[-1]), **marks)
    return history_drawing(history(list(buckets(series, HOUR_SECONDS)), metric), frame)


@pytest.mark.parametrize("draw", ["line", "area", "bar"])
def test_a_chart_is_valid_vega_lite(draw: MetricDrawing) -> None:
    """Vega-Lite compiles every form of a panel, with all that may be marked on it."""
    metric = Metric("ks.distance", "Score shift", "Have the scores moved?", unit="ratio", draw=draw)
    mark = Mark("1", START.timestamp(), (START + WINDOW).timestamp())
    spec = chart(findings(), metric, incidents=(mark,), versions=(mark,))
    assert len(spec["layer"]) == 12
    assert compiled(spec)


def test_a_broken_chart_is_refused() -> None:
    """The compiler that the charts are proven with does refuse what is wrong."""
    spec = chart(findings())
    spec["layer"][0]["mark"]["type"] = "banana"
    with pytest.raises(ValueError, match="conversion failed"):
        compiled(spec)


def test_alarms_are_marked_at_their_own_time_and_value() -> None:
    """Each window in alarm has a mark with its severity and sentence; others have none."""
    alarms = chart(findings())["datasets"]["alarms"]
    assert alarms == [
        {"t": (START + 4 * WINDOW).timestamp() * 1000, "w": 0.15, "s": "warning", "r": "window 3"},
        {"t": (START + 5 * WINDOW).timestamp() * 1000, "w": 0.3, "s": "critical", "r": "window 4"},
    ]


def test_a_time_without_verdict_is_drawn_and_explained() -> None:
    """The unknown window is a span on the ground, and its row carries the reason."""
    datasets = chart(findings())["datasets"]
    assert datasets["unknown"] == [
        {"t": START.timestamp() * 1000, "e": (START + WINDOW).timestamp() * 1000}
    ]
    assert datasets["rows"][0]["r"] == "window 0"
    assert datasets["rows"][0]["v"] is None


def test_intervals_make_a_band() -> None:
    """Where findings have intervals, rows carry both ends."""
    row = chart(findings())["datasets"]["rows"][1]
    assert (row["i"], row["v"], row["j"]) == (0.04, 0.05, 0.06)


def test_missing_windows_break_the_line() -> None:
    """Where a window lacks the line ends, and a value that is left alone is a dot."""
    found = findings((0.01, 0.05, 0.06, 0.15, 0.3))
    datasets = chart([*found[:3], found[4]])["datasets"]
    assert [row["v"] for row in datasets["rows"]] == [0.01, 0.05, 0.06, None, 0.3]
    assert datasets["dots"] == [{"t": (START + 5 * WINDOW).timestamp() * 1000, "v": 0.3}]


def test_a_daily_value_makes_a_line() -> None:
    """A pause as long as the usual one, such as a job's from night to night, is no gap."""
    day = timedelta(days=1)
    nightly = [
        replace(one, start=one.start + place * day, end=one.end + place * day)
        for place, one in enumerate(findings((0.01, 0.05, 0.06, 0.15, 0.3)))
    ]
    datasets = chart(nightly)["datasets"]
    assert [row["v"] for row in datasets["rows"]] == [0.01, 0.05, 0.06, 0.15, 0.3]
    assert datasets["dots"] == []


def test_limits_that_follow_the_past_are_steps() -> None:
    """A limit has one row per change and one at the end."""
    found = findings()
    moved = [
        Finding.from_document(
            one.to_document() | {"finding.limits.warning": 0.1 if place < 3 else 0.12}
        )
        for place, one in enumerate(found)
    ]
    limits = chart(moved[1:])["datasets"]["limits"]
    assert [row["warning"] for row in limits] == [0.1, 0.12, 0.12]


def test_a_far_critical_limit_does_not_press_the_values_flat() -> None:
    """The y axis reaches to the warning limit, but not to a critical one many times above it."""
    found = [
        Finding.from_document(one.to_document() | {"finding.limits.critical": 50.0})
        for one in findings()
    ]
    (y,) = [
        layer["encoding"]["y"]
        for layer in chart(found)["layer"]
        if "axis" in layer["encoding"]["y"]
    ]
    assert 0.3 < y["scale"]["domain"][1] < 0.4


def test_values_whose_labels_are_still_coming_in_are_grey_and_dashed() -> None:
    """The last two of five windows are immature: drawn apart, joined to the last mature value."""
    found = [
        replace(finding, maturity=maturity)
        for finding, maturity in zip(findings(), (None, None, None, 0.6, 0.2), strict=True)
    ]
    drawing = chart(found)
    assert compiled(drawing)
    assert [row.get("m") for row in drawing["datasets"]["rows"]] == [None, None, None, 1, 1]
    assert [row["v"] for row in drawing["datasets"]["immature"]] == [0.06, 0.15, 0.3]
    by_data = {(layer["data"]["name"], layer["mark"]["type"]): layer for layer in drawing["layer"]}
    assert by_data["immature", "line"]["mark"]["strokeDash"]
    assert by_data["immature", "line"]["mark"]["color"] == PAGE_COLOURS.unknown
    assert {"filter": "!datum.m"} in by_data["rows", "line"]["transform"]
    assert all(layer["data"]["name"] != "immature" for layer in chart(findings())["layer"])
