"""A dashboard's chart, drawn from the answers to its questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from mlmon.analyzers.base.window import milliseconds
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.query import width
from mlmon.dashboards.model.rows import axis_label, rows
from mlmon.dashboards.palette import PAGE_COLOURS, Tone
from mlmon.dashboards.vega_lite.look import (
    coloured,
    page_drawing,
    time_axis,
    value,
    value_axis,
)
from mlmon.formatting import RATIO, axis_unit, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.elastic.json_object import Json

HEIGHT: Final = 150
ROW_HEIGHT: Final = 18
THOUSAND: Final = 1000
FAR_OFF: Final = 10
"""Largest ratio of a limit to the greatest value at which the limit is drawn."""
SHORT_NAME: Final = 6
"""Characters of a name that stands below its bar without being turned."""
LONG_NAME: Final = 20
"""Characters of which three columns of a legend do not fit side by side."""
_MARKS: Final[dict[str, Json]] = {
    "line": {"type": "line", "strokeWidth": 1.5, "point": {"size": 12}},
    "area": {"type": "area", "opacity": 0.65, "line": True},
    "bar": {"type": "bar"},
    "stacked": {"type": "bar"},
}


@dataclass(frozen=True, slots=True)
class DrawnEvent:
    """An event that is drawn as a vertical line.

    Args:
        at: Its time, in milliseconds since the epoch.
        what: What happened, in a few words.
        tone: What its colour means.
    """

    at: int
    what: str
    tone: Tone = "plain"


def chart_drawing(
    chart: Chart, answers: Sequence[Json], window: Window, events: Sequence[DrawnEvent] = ()
) -> Json | None:
    """Return the drawing, None where the answers hold nothing to draw.

    Args:
        chart: A line, area, bar, stacked bar or heatmap.
        answers: Elasticsearch's answer to each of the chart's layers.
        window: The time range, that charts of one page share.
        events: What happened in it; drawn on a chart over time.
    """
    data = [
        row
        for layer, answer in zip(chart.layers[:1], answers, strict=False)
        for row in _points(chart, rows(layer, answer))
    ]
    greatest = max((abs(row["v"]) for row in data if row["v"] is not None), default=None)
    if greatest is None:
        return None
    divisor, unit = axis_unit(greatest, chart.unit or chart.measures[0].unit)
    for row in data:
        row["v"] = _plain(row["v"] and row["v"] / divisor)
    if chart.draw == "heatmap":
        return _grid(chart, data, window)
    layers: list[Json] = [_marks(chart, data, unit)]
    datasets: Json = {"rows": data}
    limits = _limits(chart, answers[1], greatest) if len(answers) > 1 else []
    if limits:
        datasets["limits"] = [row | {"v": _plain(row["v"] / divisor)} for row in limits]
        layers.append(_limit_layer())
    layers += [_fixed(line.value / divisor, line.tone) for line in chart.lines]
    if events and chart.is_over_time:
        datasets["events"] = [
            {"x": event.at, "what": event.what, "tone": event.tone} for event in events
        ]
        layers += [_event_layer(tone) for tone in dict.fromkeys(event.tone for event in events)]
    x = _x(chart, window, [str(row["x"]) for row in data])
    return page_drawing(HEIGHT, datasets, encoding={"x": x}, layer=layers)


def _points(chart: Chart, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per part and measure: x, the series it belongs to, and its value."""
    first, *others = (axis_label(axis) for axis in chart.by)
    return [
        {
            "x": row[first],
            "s": _series(chart, row, others, measure),
            "v": row[measure.label],
        }
        for row in found
        for measure in chart.measures
    ]


def _series(chart: Chart, row: dict[str, Any], others: Sequence[str], measure: Measure) -> str:
    if others:
        return str(row[others[0]])
    return measure.label if len(chart.measures) > 1 else chart.title


def _plain(value: Any) -> Any:
    return rounded(value) if isinstance(value, float) else value


def _limits(chart: Chart, answer: Json, greatest: float) -> list[dict[str, Any]]:
    """Return the limits without those so far off that values would be a flat line."""
    layer = chart.layers[1]
    first = axis_label(layer.by[0])
    return [
        {"x": row[first], "s": measure.tone, "v": row[measure.label]}
        for row in rows(layer, answer)
        for measure in chart.limits
        if row[measure.label] is not None
        and (greatest == 0 or abs(row[measure.label]) <= FAR_OFF * greatest)
    ]


def _marks(chart: Chart, data: Sequence[dict[str, Any]], unit: str) -> Json:
    names = list(dict.fromkeys(row["s"] for row in data))
    greatest = max((abs(row["v"]) for row in data if row["v"] is not None), default=0.0)
    encoding: Json = {"y": _y(chart, greatest, unit), "tooltip": _tooltip(chart, unit)}
    if len(names) > 1:
        legend = {
            "orient": "bottom",
            "columns": 3 if max(map(len, names)) <= LONG_NAME else 2,
            "labelLimit": 180,
            "symbolType": "square",
        }
        encoding["color"] = coloured("s", names, _colours(chart, names), legend=legend)
    else:
        encoding["color"] = {"value": _colours(chart, names)[0]}
    mark = _MARKS[chart.draw]
    if chart.draw in {"bar", "stacked", "area"} and len(names) > 1:
        # What does not add up, such as a median, stands before one another, not on top.
        adds_up = all(measure.operation in {"count", "sum"} for measure in chart.measures)
        encoding["y"] |= {"stack": "zero" if adds_up else None}
        mark = mark if adds_up else mark | {"opacity": 0.6}
    return {"data": {"name": "rows"}, "mark": mark, "encoding": encoding}


def _colours(chart: Chart, names: Sequence[str]) -> list[str]:
    toned = {measure.label: measure.tone for measure in chart.measures}
    if len(names) == 1:
        toned.setdefault(names[0], chart.measures[0].tone)
    tones = {name: toned.get(name, "plain") for name in names}
    plain = own_colours([name for name, tone in tones.items() if tone == "plain"])
    return [plain.get(name) or PAGE_COLOURS.tone(tones[name]) for name in names]


def own_colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name: on every chart the same, unless two names share one there."""
    colours, taken = PAGE_COLOURS.series, set[int]()
    found = {}
    for name in sorted(names):
        at = crc32(name.encode()) % len(colours)
        free = (index % len(colours) for index in range(at, at + len(colours)))
        at = next((index for index in free if index not in taken), at)
        taken.add(at)
        found[name] = colours[at]
    return found


def _grid(chart: Chart, data: Sequence[dict[str, Any]], window: Window) -> Json:
    """Return a heatmap: a row for each series, a cell for each part of time or value."""
    cells, ends = list(data), {}
    if isinstance(chart.by[0], Time):
        step = int(width(window).total_seconds() * THOUSAND)
        cells, ends = [row | {"x2": row["x"] + step} for row in data], {"x2": {"field": "x2"}}
    return page_drawing(
        max(HEIGHT, ROW_HEIGHT * len({row["s"] for row in data})),
        {"rows": cells},
        data={"name": "rows"},
        mark={"type": "rect", "clip": True},
        encoding={
            "x": _x(chart, window, [str(row["x"]) for row in data]),
            **ends,
            "y": {"field": "s", "type": "nominal", "title": None},
            "color": {"value": PAGE_COLOURS.critical},
            # A page's colours are names to Vega: it cannot mix them, but sets how opaque they are.
            "opacity": value("v") | {"scale": {"range": [0.05, 1]}, "legend": None},
            "tooltip": _tooltip(chart, chart.unit or chart.measures[0].unit),
        },
    )


def _limit_layer() -> Json:
    return {
        "data": {"name": "limits"},
        "mark": {"type": "line", "interpolate": "step", "clip": True},
        "encoding": {
            "y": value("v"),
            "detail": {"field": "s", "type": "nominal"},
            "stroke": {
                "condition": [
                    {
                        "test": {"field": "s", "equal": tone},
                        "value": PAGE_COLOURS.tone(tone),
                    }
                    for tone in ("critical", "unknown")
                ],
                "value": PAGE_COLOURS.warning,
            },
            "strokeDash": {
                "condition": {"test": {"field": "s", "equal": "critical"}, "value": [1, 0]},
                "value": [4, 3],
            },
            "strokeWidth": {
                "condition": {"test": {"field": "s", "equal": "unknown"}, "value": 3},
                "value": 1,
            },
        },
    }


def _fixed(at: float, tone: Tone) -> Json:
    return {
        "data": {"values": [{"v": at}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": PAGE_COLOURS.tone(tone)},
        "encoding": {"x": None, "y": value("v")},
    }


def _event_layer(tone: Tone) -> Json:
    """Return the vertical lines of one meaning, with what happened as a tooltip."""
    return {
        "data": {"name": "events"},
        "transform": [{"filter": {"field": "tone", "equal": tone}}],
        "mark": {
            "type": "rule",
            "strokeDash": [2, 3],
            "strokeWidth": 1.5,
            "color": PAGE_COLOURS.tone(tone),
            "clip": True,
        },
        "encoding": {
            "tooltip": [
                {"field": "what", "title": "Event"},
                {"field": "x", "type": "temporal", "format": "%d %b %H:%M", "title": "Time (UTC)"},
            ]
        },
    }


def _x(chart: Chart, window: Window, names: Iterable[str] = ()) -> Json:
    axis = chart.by[0]
    match axis:
        case Time():
            ends = milliseconds(window.start), milliseconds(window.end)
            return time_axis("x", *ends)
        case Bins():
            return {"field": "x", "type": "ordinal", "axis": {"title": axis.label}, "sort": None}
        case Values():
            angle = -30 if max(map(len, names), default=0) > SHORT_NAME else 0
            axis_of = {"title": None, "labelAngle": angle, "labelLimit": 140}
            return {"field": "x", "type": "nominal", "axis": axis_of, "sort": None}


def _y(chart: Chart, greatest: float, unit: str) -> Json:
    # Without a value above none, the axis would have its zero in the middle.
    top: Json = {} if greatest or chart.limits else {"domain": [0, 1]}
    title = {
        "title": unit if unit and unit != RATIO else None,
        "titleAngle": 0,
        "titleAnchor": "end",
        "titleAlign": "left",
        "titleY": -6,
    }
    scale = {"zero": chart.draw != "line"} | top
    return value_axis("v", greatest, unit, scale, tickCount=4, **title)


def _tooltip(chart: Chart, unit: str) -> list[Json]:
    axis = chart.by[0]
    timed = isinstance(axis, Time)
    where: Json = {"field": "x", "title": "Time (UTC)" if timed else axis_label(axis)}
    if timed:
        where |= {"type": "temporal", "format": "%d %b %H:%M"}
    return [
        where,
        {"field": "s", "title": "What"},
        value("v")
        | {
            "title": f"Value{'' if unit in {'', RATIO} else f' ({unit})'}",
            "format": ".3~p" if unit == RATIO else ".4~r",
        },
    ]
