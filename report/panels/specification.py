"""A chart and the answers to its questions as a Vega-Lite specification with its data inside. Pure.

Colours are CSS variables of the page, so that light, dark and print need no second drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.window import milliseconds
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Tone, Values
from mlmon.dashboards.model.query import width
from mlmon.dashboards.model.rows import axis_label, rows
from mlmon.dashboards.palette import OF_THE_PAGE
from mlmon.formatting import RATIO, axis_unit, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.model.condition import Json

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
HEIGHT: Final = 150
ROW_HEIGHT: Final = 18
THOUSAND: Final = 1000
FAR_OFF: Final = 10
"""How many times the greatest value a limit may be to be drawn."""
SHORT_NAME: Final = 6
"""Characters of a name that stands below its bar without being turned."""
LONG_NAME: Final = 20
"""Characters of which three columns of a legend do not fit beside one another."""
TONES: Final[dict[Tone, str]] = {
    "plain": "var(--line)",
    "good": "var(--good)",
    "warning": "var(--warning)",
    "critical": "var(--critical)",
    "unknown": "var(--unknown)",
}
SERIES: Final = tuple(f"var(--series-{number})" for number in range(1, 13))
"""Colours of parts that have no meaning of their own."""

_MARKS: Final[dict[str, Json]] = {
    "line": {"type": "line", "strokeWidth": 1.5, "point": {"size": 12}},
    "area": {"type": "area", "opacity": 0.65, "line": True},
    "bar": {"type": "bar"},
    "stacked": {"type": "bar"},
}


def specification(chart: Chart, answers: Sequence[Json], window: Window) -> Json | None:
    """Return the drawing, None where the answers hold nothing to draw.

    Args:
        chart: A line, area, bar, stacked bar or heatmap.
        answers: What Elasticsearch said to each of the chart's layers.
        window: The time range, that charts of one page share.
    """
    data = [
        row
        for layer, answer in zip(chart.layers[:1], answers, strict=False)
        for row in _points(chart, rows(layer, answer))
    ]
    greatest = max((abs(row["v"]) for row in data if row["v"] is not None), default=None)
    if greatest is None:
        return None
    scaled, unit = _readable(chart, greatest)
    for row in data:
        row["v"] = _plain(row["v"] and row["v"] / scaled)
    if chart.draw == "heatmap":
        return _grid(chart, data, window)
    layers: list[Json] = [_marks(chart, data, unit)]
    datasets: Json = {"rows": data}
    limits = _limits(chart, answers[1], greatest) if len(answers) > 1 else []
    if limits:
        datasets["limits"] = limits
        layers.append(_limit_layer())
    layers += [_fixed(line.value, line.tone) for line in chart.lines]
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": HEIGHT,
        "datasets": datasets,
        "encoding": {"x": _x(chart, window, [str(row["x"]) for row in data])},
        "layer": layers,
        "config": page_config(),
    }


def _readable(chart: Chart, greatest: float) -> tuple[float, str]:
    """Return what values are divided by to be read, and the unit they have then."""
    unit = chart.unit or chart.measures[0].unit
    return axis_unit(greatest, unit)


def _points(chart: Chart, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per part and measure: x, the series it belongs to, and its value."""
    first, *others = (axis_label(each) for each in chart.by)
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
    """Return the limits beside, without those so far off that values would be a flat line."""
    layer = chart.layers[1]
    first = axis_label(layer.by[0])
    return [
        {"x": row[first], "s": measure.tone, "v": _plain(row[measure.label])}
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
        encoding["color"] = {
            "field": "s",
            "type": "nominal",
            "title": None,
            "scale": {"domain": names, "range": _colours(chart, names)},
            "legend": {
                "orient": "bottom",
                "columns": 3 if max(map(len, names)) <= LONG_NAME else 2,
                "labelLimit": 180,
                "symbolType": "square",
            },
        }
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
    colours = iter(SERIES * (1 + len(names) // len(SERIES)))
    only = chart.measures[0].tone
    if len(names) == 1 and names[0] not in toned:
        return [TONES[only] if only != "plain" else SERIES[0]]
    return [
        TONES[toned[name]] if toned.get(name, "plain") != "plain" else next(colours)
        for name in names
    ]


def _grid(chart: Chart, data: Sequence[dict[str, Any]], window: Window) -> Json:
    """Return a heatmap: a row for each series, a cell for each part of time."""
    step = int(width(window).total_seconds() * THOUSAND)
    names = len({row["s"] for row in data})
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": max(HEIGHT, ROW_HEIGHT * names),
        "datasets": {"rows": [row | {"x2": row["x"] + step} for row in data]},
        "data": {"name": "rows"},
        "mark": {"type": "rect", "clip": True},
        "encoding": {
            "x": _x(chart, window),
            "x2": {"field": "x2"},
            "y": {"field": "s", "type": "nominal", "title": None},
            "color": {"value": TONES["critical"]},
            # Colours of the page are names to Vega, which cannot mix them; how opaque, it can tell.
            "opacity": {
                "field": "v",
                "type": "quantitative",
                "scale": {"range": [0.05, 1]},
                "legend": None,
            },
            "tooltip": _tooltip(chart, chart.unit or chart.measures[0].unit),
        },
        "config": page_config(),
    }


def _limit_layer() -> Json:
    return {
        "data": {"name": "limits"},
        "mark": {"type": "line", "interpolate": "step", "strokeWidth": 1, "clip": True},
        "encoding": {
            "y": {"field": "v", "type": "quantitative"},
            "detail": {"field": "s", "type": "nominal"},
            "stroke": {
                "condition": {
                    "test": {"field": "s", "equal": "critical"},
                    "value": TONES["critical"],
                },
                "value": TONES["warning"],
            },
            "strokeDash": {
                "condition": {"test": {"field": "s", "equal": "critical"}, "value": [1, 0]},
                "value": [4, 3],
            },
        },
    }


def _fixed(value: float, tone: Tone) -> Json:
    return {
        "data": {"values": [{"v": value}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": TONES[tone]},
        "encoding": {"x": None, "y": {"field": "v", "type": "quantitative"}},
    }


def _x(chart: Chart, window: Window, names: Iterable[str] = ()) -> Json:
    axis = chart.by[0]
    match axis:
        case Time():
            ends = f"[{milliseconds(window.start)}, {milliseconds(window.end)}]"
            return {
                "field": "x",
                "type": "temporal",
                "scale": {"type": "utc", "domainRaw": {"expr": ends}},
                "axis": {"title": None, "grid": False, "labelOverlap": True, "tickCount": 5},
            }
        case Bins():
            return {"field": "x", "type": "ordinal", "axis": {"title": axis.label}, "sort": None}
        case Values():
            angle = -30 if max(map(len, names), default=0) > SHORT_NAME else 0
            axis_of = {"title": None, "labelAngle": angle, "labelLimit": 140}
            return {"field": "x", "type": "nominal", "axis": axis_of, "sort": None}


def _y(chart: Chart, greatest: float, unit: str) -> Json:
    # Without a value above none, the axis would have its zero in the middle.
    top: Json = {} if greatest else {"domain": [0, 1]}
    return {
        "field": "v",
        "type": "quantitative",
        "axis": {
            "title": unit if unit != RATIO and unit else None,
            "titleAngle": 0,
            "titleAnchor": "end",
            "titleAlign": "left",
            "titleY": -6,
            "tickCount": 4,
            "format": ".2~p" if unit == RATIO else ".3~r" if greatest < THOUSAND else ".3~s",
            "domain": False,
            "ticks": False,
        },
        "scale": {"zero": chart.draw != "line"} | (top if not chart.limits else {}),
    }


def _tooltip(chart: Chart, unit: str) -> list[Json]:
    axis = chart.by[0]
    timed = isinstance(axis, Time)
    where: Json = {"field": "x", "title": "Time (UTC)" if timed else axis_label(axis)}
    if timed:
        where |= {"type": "temporal", "format": "%d %b %H:%M"}
    return [
        where,
        {"field": "s", "title": "What"},
        {
            "field": "v",
            "type": "quantitative",
            "title": f"Value{'' if unit in {'', RATIO} else f' ({unit})'}",
            "format": ".3~p" if unit == RATIO else ".4~r",
        },
    ]


def page_config() -> Json:
    """Return the look that drawings share with their page, light or dark."""
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": OF_THE_PAGE.text,
            "titleColor": OF_THE_PAGE.text,
            "labelFontSize": 10.5,
            "gridColor": OF_THE_PAGE.grid,
            "domainColor": OF_THE_PAGE.grid,
            "tickColor": OF_THE_PAGE.grid,
        },
        "legend": {"labelColor": OF_THE_PAGE.text, "titleColor": OF_THE_PAGE.text},
    }
