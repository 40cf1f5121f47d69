"""One check over time, with its limits, alarms, and the incidents and versions around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.dashboards.palette import PAGE_COLOURS
from mlmon.dashboards.vega_lite.look import page_drawing, time, time_axis, value, value_axis
from mlmon.formatting import rounded

if TYPE_CHECKING:
    from mlmon.analyzers.base.metric import MetricDrawing
    from mlmon.dashboards.model.history import CheckHistory, Frame
    from mlmon.elastic.json_object import Json

HEIGHT: Final = 96
"""Of the drawing in pixels, without its axes."""
# The same for all charts, so that a moment has the same x in each.
AXIS_WIDTH: Final = 38


def history_drawing(history: CheckHistory, frame: Frame) -> Json:
    """Return the drawing of one check.

    The line is the median of each bucket, the bands span its extremes and its intervals, and each
    bucket whose worst window is in alarm has a mark at that window's own time and value.
    """
    ends = _milliseconds(frame.since), _milliseconds(frame.until)
    datasets = {
        "frame": [{"t": end, "v": 0} for end in ends],
        "rows": history.rows,
        "immature": history.immature,
        "dots": history.dots,
        "alarms": history.alarms,
        "unknown": history.unknown,
        "limits": history.limits,
        "incidents": [
            {"label": mark.label, "t": _milliseconds(mark.start), "e": _milliseconds(mark.end)}
            for mark in frame.incidents
        ],
        "versions": [
            {"label": mark.label, "t": _milliseconds(mark.start)} for mark in frame.versions
        ],
    }
    valued = any(row["v"] is not None for row in history.rows)
    layers = [
        _frame(history, frame),
        _label("incidents", PAGE_COLOURS.incident_text, y=-2, baseline="bottom"),
        _layer(
            "versions", "rule", {"color": PAGE_COLOURS.version, "strokeDash": [1, 3]}, x=time("t")
        ),
        _label("versions", PAGE_COLOURS.text, y=1, baseline="top", dx=3),
        *(
            [_band("i", "j", PAGE_COLOURS.interval), _band("l", "h", PAGE_COLOURS.band)]
            if valued
            else []
        ),
        _layer(
            "incidents",
            "rect",
            {"color": PAGE_COLOURS.incident, "clip": True},
            **_from_to("t", "e"),
        ),
        _limit("warning", PAGE_COLOURS.warning, strokeDash=[4, 3]),
        _limit("critical", PAGE_COLOURS.critical),
        *([_typical(history.draw)] if valued else []),
        *([_immature()] if any(row["v"] is not None for row in history.immature) else []),
        _layer(
            "dots",
            "point",
            {"filled": True, "size": 8, "opacity": 1, "color": PAGE_COLOURS.line},
            x=time("t"),
            y=value("v"),
        ),
        _layer(
            "unknown",
            "rule",
            {"color": PAGE_COLOURS.unknown, "strokeWidth": 3, "strokeDash": [1.5, 2.5]},
            **_from_to("t", "e"),
            y={"value": HEIGHT - 2},
        ),
        _alarms(),
    ]
    # A layer without data would draw nothing and make Vega warn about its scale.
    shown = [layer for layer in layers if datasets[layer["data"]["name"]]]
    return page_drawing(HEIGHT, datasets, layer=shown)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _layer(data: str, mark: str, look: Json, **encoding: Any) -> Json:
    """Return a layer: one mark per row of a dataset."""
    return {"data": {"name": data}, "mark": {"type": mark, **look}, "encoding": encoding}


def _from_to(start: str, end: str) -> Json:
    return {"x": time(start), "x2": {"field": end}}


def _frame(history: CheckHistory, frame: Frame) -> Json:
    """Draw nothing, but span both axes, regardless of the other layers."""
    bottom, top = history.domain
    scale = {"domain": [rounded(bottom), rounded(top)], "nice": False, "zero": False}
    x = time_axis("t", _milliseconds(frame.since), _milliseconds(frame.until))
    widths = {"minExtent": AXIS_WIDTH, "maxExtent": AXIS_WIDTH}
    y = value_axis("v", top, history.unit, scale, tickCount=3, **widths)
    return _layer("frame", "point", {"opacity": 0}, x=x, y=y)


def _immature() -> Json:
    """Draw values whose labels are still coming in, grey and dashed."""
    look = {"color": PAGE_COLOURS.unknown, "strokeWidth": 1.5, "strokeDash": [3, 2]}
    return _layer("immature", "line", look, x=time("t"), y=value("v"))


def _typical(draw: MetricDrawing) -> Json:
    """Draw the typical value in the form that the panel asks for, where it is mature."""
    typical = _drawn(draw)
    only_mature = {"filter": "!datum.m"}
    return typical | {"transform": [only_mature, *typical.get("transform", [])]}


def _drawn(draw: MetricDrawing) -> Json:
    x_and_y = {"x": time("t"), "y": value("v")}
    match draw:
        case "line":
            look = {"color": PAGE_COLOURS.line, "strokeWidth": 1.25, "strokeJoin": "round"}
            return _layer("rows", "line", look, **x_and_y)
        case "area":
            line = {"color": PAGE_COLOURS.line, "strokeWidth": 1.25}
            return _layer("rows", "area", {"color": PAGE_COLOURS.band, "line": line}, **x_and_y)
        case "bar":
            # The stroke keeps a bar of one hour visible in a month.
            look = {"color": PAGE_COLOURS.band, "stroke": PAGE_COLOURS.line, "strokeWidth": 1}
            bars = _layer("rows", "rect", look, **_from_to("begin", "t"), y=value("v"))
            bars["encoding"]["y2"] = {"datum": 0}
            return bars | {
                "transform": [{"calculate": "datum.t - 1000 * datum.d", "as": "begin"}],
            }


def _band(bottom: str, top: str, colour: str) -> Json:
    """Draw what lies between two ends of each row; a row that lacks them has no width there."""
    ends = [
        {"calculate": f"isValid(datum.{end}) ? datum.{end} : datum.v", "as": f"{end}end"}
        for end in (bottom, top)
    ]
    look = {"color": colour, "line": False, "clip": True}
    y2 = {"field": f"{bottom}end"}
    band = _layer("rows", "area", look, x=time("t"), y=value(f"{top}end"), y2=y2)
    return band | {"transform": ends}


def _limit(name: str, colour: str, **look: Any) -> Json:
    """Draw one limit in steps, for it may follow the past."""
    steps = {"interpolate": "step-after", "strokeWidth": 1, "clip": True, "opacity": 0.85}
    return _layer("limits", "line", steps | {"color": colour} | look, x=time("t"), y=value(name))


def _alarms() -> Json:
    """Draw the worst window of each bucket in alarm, by shape and colour."""
    names = ["warning", "critical"]

    def by_severity(looks: list[str]) -> Json:
        scale = {"domain": names, "range": looks}
        return {"field": "s", "type": "nominal", "scale": scale, "legend": None}

    look = {
        "filled": True,
        "size": 58,
        "opacity": 1,
        "stroke": PAGE_COLOURS.paper,
        "strokeWidth": 0.75,
    }
    return _layer(
        "alarms",
        "point",
        look,
        x=time("t"),
        y=value("w"),
        shape=by_severity(["triangle-up", "diamond"]),
        fill=by_severity([PAGE_COLOURS.warning, PAGE_COLOURS.critical]),
    )


def _label(data: str, colour: str, *, y: int, **look: Any) -> Json:
    """Name a mark at the top of the drawing."""
    text = {"align": "left", "fontSize": 9, "color": colour, **look}
    return _layer(data, "text", text, x=time("t"), y={"value": y}, text={"field": "label"})
