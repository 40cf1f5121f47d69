"""The layers of a chart: each draws one dataset of `mlmon.report.html.chart_data`."""

from typing import Final

from mlmon.analyzers.base.panel import Draw
from mlmon.dashboards.palette import Palette
from mlmon.report.html.chart_data import Json

HEIGHT: Final = 96
"""Of the picture in pixels, without its axes."""


def on_time(field: str = "t") -> Json:
    """Return a field on the x axis."""
    return {"field": field, "type": "temporal"}


def on_value(field: str = "v") -> Json:
    """Return a field on the y axis."""
    return {"field": field, "type": "quantitative"}


def usual(draw: Draw, palette: Palette) -> Json:
    """Draw the usual value in the form that the panel asks for."""
    forms: dict[Draw, Json] = {
        "line": {"type": "line", "color": palette.line, "strokeWidth": 1.25, "strokeJoin": "round"},
        "area": {
            "type": "area",
            "color": palette.band,
            "line": {"color": palette.line, "strokeWidth": 1.25},
        },
        # The stroke keeps a bar of one hour visible in a month.
        "bar": {"type": "rect", "color": palette.band, "stroke": palette.line, "strokeWidth": 1},
    }
    encoding = {"x": on_time(), "y": on_value()}
    if draw == "bar":
        encoding |= {"x": on_time("begin"), "x2": {"field": "t"}, "y2": {"datum": 0}}
    return {
        "data": {"name": "rows"},
        "transform": [{"calculate": "datum.t - 1000 * datum.d", "as": "begin"}],
        "mark": forms[draw],
        "encoding": encoding,
    }


def dots(palette: Palette) -> Json:
    """Draw the values that have no neighbour, of which a line shows nothing."""
    return {
        "data": {"name": "dots"},
        "mark": {"type": "point", "filled": True, "size": 8, "opacity": 1, "color": palette.line},
        "encoding": {"x": on_time(), "y": on_value()},
    }


def band(bottom: str, top: str, colour: str) -> Json:
    """Draw what lies between two ends of each row; a row that lacks them has no width there."""
    return {
        "data": {"name": "rows"},
        "transform": [
            {"calculate": f"isValid(datum.{end}) ? datum.{end} : datum.v", "as": f"{end}end"}
            for end in (bottom, top)
        ],
        "mark": {"type": "area", "color": colour, "line": False, "clip": True},
        "encoding": {
            "x": on_time(),
            "y": on_value(f"{top}end"),
            "y2": {"field": f"{bottom}end"},
        },
    }


def limit(name: str, colour: str) -> Json:
    """Draw one limit in steps, for it may follow the past; the warning's is dashed."""
    mark: Json = {
        "type": "line",
        "interpolate": "step-after",
        "color": colour,
        "strokeWidth": 1,
        "clip": True,
        "opacity": 0.85,
    }
    if name == "warning":
        mark["strokeDash"] = [4, 3]
    return {
        "data": {"name": "limits"},
        "mark": mark,
        "encoding": {"x": on_time(), "y": on_value(name)},
    }


def alarms(palette: Palette) -> Json:
    """Draw the worst window of each bucket in alarm, by shape and colour."""
    names = ["warning", "critical"]
    colours = [palette.warning, palette.critical]
    return {
        "data": {"name": "alarms"},
        "mark": {
            "type": "point",
            "filled": True,
            "size": 58,
            "opacity": 1,
            "stroke": palette.paper,
            "strokeWidth": 0.75,
        },
        "encoding": {
            "x": on_time(),
            "y": on_value("w"),
            "shape": {
                "field": "s",
                "type": "nominal",
                "scale": {"domain": names, "range": ["triangle-up", "diamond"]},
                "legend": None,
            },
            "fill": {
                "field": "s",
                "type": "nominal",
                "scale": {"domain": names, "range": colours},
                "legend": None,
            },
        },
    }


def unknown(palette: Palette) -> Json:
    """Draw the times without a verdict as a dotted line on the ground."""
    return {
        "data": {"name": "unknown"},
        "mark": {
            "type": "rule",
            "color": palette.unknown,
            "strokeWidth": 3,
            "strokeDash": [1.5, 2.5],
        },
        "encoding": {"x": on_time(), "x2": {"field": "e"}, "y": {"value": HEIGHT - 2}},
    }


def incidents(palette: Palette) -> Json:
    """Shade the incidents."""
    return {
        "data": {"name": "incidents"},
        "mark": {"type": "rect", "color": palette.incident, "clip": True},
        "encoding": {"x": on_time(), "x2": {"field": "e"}},
    }


def incident_labels(palette: Palette) -> Json:
    """Number the incidents above the picture, where the numbers cover nothing."""
    return {
        "data": {"name": "incidents"},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "bottom",
            "fontSize": 9,
            "color": palette.incident_text,
        },
        "encoding": {"x": on_time(), "y": {"value": -2}, "text": {"field": "label"}},
    }


def version_labels(palette: Palette) -> Json:
    """Name a model version beside its mark."""
    return {
        "data": {"name": "versions"},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "top",
            "dx": 3,
            "fontSize": 9,
            "color": palette.text,
        },
        "encoding": {"x": on_time(), "y": {"value": 1}, "text": {"field": "label"}},
    }


def versions(palette: Palette) -> Json:
    """Mark where a model version appears."""
    return {
        "data": {"name": "versions"},
        "mark": {"type": "rule", "color": palette.version, "strokeDash": [1, 3]},
        "encoding": {"x": on_time()},
    }
