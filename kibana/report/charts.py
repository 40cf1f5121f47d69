"""One check over time as a Vega-Lite specification, with everything it draws inside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analyzers.panel import Draw, Panel
from kibana.palette import Palette
from kibana.report.axis import moments
from kibana.report.buckets import Bucket
from kibana.report.chart_data import (
    Json,
    alarm,
    alone,
    domain,
    limits,
    milliseconds,
    rows,
    unknown_times,
)
from kibana.report.severity import WARNING
from kibana.report.words import SHARE, rounded

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
HEIGHT: Final = 96
MOST_TICKS: Final = 6
THOUSAND: Final = 1000
# The same for all charts, so that a moment stands at the same place in each.
AXIS_WIDTH: Final = 38


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment or a time marked on every chart: an incident, or a model version's first window."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What all charts of a report share: the range of time in seconds, and what is marked in it."""

    since: float
    until: float
    incidents: tuple[Mark, ...] = ()
    versions: tuple[Mark, ...] = ()


def time_chart(buckets: Sequence[Bucket], panel: Panel, frame: Frame, palette: Palette) -> Json:
    """Return the specification of one check's chart.

    The line is the median of each bucket, the bands span its extremes and its intervals, and each
    bucket whose worst window is in alarm has a mark at that window's own time and value.
    """
    drawn = rows(buckets)
    datasets = {
        "frame": [{"t": milliseconds(one), "v": 0} for one in (frame.since, frame.until)],
        "rows": drawn,
        "dots": alone(drawn) if panel.draw != "bar" else [],
        "alarms": [alarm(bucket) for bucket in buckets if bucket.severity >= WARNING],
        "unknown": unknown_times(buckets),
        "limits": limits(buckets),
        "incidents": [
            {"label": one.label, "t": milliseconds(one.start), "e": milliseconds(one.end)}
            for one in frame.incidents
        ],
        "versions": [{"label": one.label, "t": milliseconds(one.start)} for one in frame.versions],
    }
    valued = any(bucket.typical is not None for bucket in buckets)
    layers = [
        _frame(_time_axis(frame), _y(buckets, panel.unit)),
        _incident_labels(palette),
        _versions(palette),
        _version_labels(palette),
        *([_band("i", "j", palette.interval), _band("l", "h", palette.band)] if valued else []),
        _incidents(palette),
        _limit("warning", palette.warning),
        _limit("critical", palette.critical),
        *([_usual(panel.draw, palette)] if valued else []),
        _dots(palette),
        _unknown(palette),
        _alarms(palette),
    ]
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": HEIGHT,
        "datasets": datasets,
        # A layer without data would draw nothing and make Vega warn about its scale.
        "layer": [layer for layer in layers if datasets[layer["data"]["name"]]],
        "config": _config(palette),
    }


def _y(buckets: Sequence[Bucket], unit: str) -> Json:
    """Return the y axis for values in some unit."""
    bottom, top = domain(buckets)
    return {
        "field": "v",
        "type": "quantitative",
        "scale": {"domain": [rounded(bottom), rounded(top)], "nice": False, "zero": False},
        "axis": {
            "title": None,
            "tickCount": 3,
            "format": ".2~p" if unit == SHARE else ".3~r" if top < THOUSAND else ".3~s",
            "domain": False,
            "ticks": False,
            "minExtent": AXIS_WIDTH,
            "maxExtent": AXIS_WIDTH,
        },
    }


def _x(field: str = "t") -> Json:
    """Return a field on the x axis."""
    return {"field": field, "type": "temporal"}


def _value(field: str = "v") -> Json:
    """Return a field on the y axis."""
    return {"field": field, "type": "quantitative"}


def _time_axis(frame: Frame) -> Json:
    """Return the x axis over the whole range, so that all charts lie under one another.

    Its numbers are expressions: plain ones Vega-Lite writes as objects that Vega reads only where
    it may compile code, which the page's Content-Security-Policy forbids.
    """
    values, form = moments(frame.since, frame.until, MOST_TICKS)
    return _x() | {
        "scale": {
            "type": "utc",
            "domainRaw": {"expr": f"[{milliseconds(frame.since)}, {milliseconds(frame.until)}]"},
            "nice": False,
        },
        "axis": {
            "title": None,
            "values": {"expr": str([milliseconds(one) for one in values])},
            "format": form,
            "grid": False,
            "labelOverlap": True,
        },
    }


def _frame(x: Json, y: Json) -> Json:
    """Draw nothing, but span both axes, whatever the other layers hold."""
    return {
        "data": {"name": "frame"},
        "mark": {"type": "point", "opacity": 0},
        "encoding": {"x": x, "y": y},
    }


def _usual(draw: Draw, palette: Palette) -> Json:
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
    encoding = {"x": _x(), "y": _value()}
    if draw == "bar":
        encoding |= {"x": _x("begin"), "x2": {"field": "t"}, "y2": {"datum": 0}}
    return {
        "data": {"name": "rows"},
        "transform": [{"calculate": "datum.t - 1000 * datum.d", "as": "begin"}],
        "mark": forms[draw],
        "encoding": encoding,
    }


def _dots(palette: Palette) -> Json:
    """Draw the values that have no neighbour, of which a line shows nothing."""
    return {
        "data": {"name": "dots"},
        "mark": {"type": "point", "filled": True, "size": 8, "opacity": 1, "color": palette.line},
        "encoding": {"x": _x(), "y": _value()},
    }


def _band(bottom: str, top: str, colour: str) -> Json:
    """Draw what lies between two ends of each row; a row that lacks them has no width there."""
    return {
        "data": {"name": "rows"},
        "transform": [
            {"calculate": f"isValid(datum.{end}) ? datum.{end} : datum.v", "as": f"{end}end"}
            for end in (bottom, top)
        ],
        "mark": {"type": "area", "color": colour, "line": False, "clip": True},
        "encoding": {
            "x": _x(),
            "y": _value(f"{top}end"),
            "y2": {"field": f"{bottom}end"},
        },
    }


def _limit(name: str, colour: str) -> Json:
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
        "encoding": {"x": _x(), "y": _value(name)},
    }


def _alarms(palette: Palette) -> Json:
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
            "x": _x(),
            "y": _value("w"),
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


def _unknown(palette: Palette) -> Json:
    """Draw the times without a verdict as a dotted line on the ground."""
    return {
        "data": {"name": "unknown"},
        "mark": {
            "type": "rule",
            "color": palette.unknown,
            "strokeWidth": 3,
            "strokeDash": [1.5, 2.5],
        },
        "encoding": {"x": _x(), "x2": {"field": "e"}, "y": {"value": HEIGHT - 2}},
    }


def _incidents(palette: Palette) -> Json:
    """Shade the incidents."""
    return {
        "data": {"name": "incidents"},
        "mark": {"type": "rect", "color": palette.incident, "clip": True},
        "encoding": {"x": _x(), "x2": {"field": "e"}},
    }


def _incident_labels(palette: Palette) -> Json:
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
        "encoding": {"x": _x(), "y": {"value": -2}, "text": {"field": "label"}},
    }


def _version_labels(palette: Palette) -> Json:
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
        "encoding": {"x": _x(), "y": {"value": 1}, "text": {"field": "label"}},
    }


def _versions(palette: Palette) -> Json:
    """Mark where a model version appears."""
    return {
        "data": {"name": "versions"},
        "mark": {"type": "rule", "color": palette.version, "strokeDash": [1, 3]},
        "encoding": {"x": _x()},
    }


def _config(palette: Palette) -> Json:
    """Return the look that all charts share."""
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "mark": {"invalid": "break-paths-show-path-domains"},
        "axis": {
            "labelColor": palette.text,
            "labelFontSize": 10.5,
            "gridColor": palette.grid,
            "domainColor": palette.grid,
            "tickColor": palette.grid,
            "tickSize": 3,
            "labelPadding": 4,
        },
    }
