"""One check over time as a Vega-Lite specification, with everything it draws inside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlmon.analyzers.base.panel import Panel
from mlmon.dashboards.palette import Palette
from mlmon.formatting import RATIO, rounded
from mlmon.report.html import chart_layers as layer
from mlmon.report.html.axis import moments
from mlmon.report.html.buckets import Bucket
from mlmon.report.html.chart_data import (
    Json,
    alarm,
    alone,
    domain,
    limits,
    milliseconds,
    rows,
    unknown_times,
)
from mlmon.report.html.severity import WARNING

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
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
        layer.incident_labels(palette),
        layer.versions(palette),
        layer.version_labels(palette),
        *(
            [layer.band("i", "j", palette.interval), layer.band("l", "h", palette.band)]
            if valued
            else []
        ),
        layer.incidents(palette),
        layer.limit("warning", palette.warning),
        layer.limit("critical", palette.critical),
        *([layer.usual(panel.draw, palette)] if valued else []),
        layer.dots(palette),
        layer.unknown(palette),
        layer.alarms(palette),
    ]
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": layer.HEIGHT,
        "datasets": datasets,
        # A layer without data would draw nothing and make Vega warn about its scale.
        "layer": [one for one in layers if datasets[one["data"]["name"]]],
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
            "format": ".2~p" if unit == RATIO else ".3~r" if top < THOUSAND else ".3~s",
            "domain": False,
            "ticks": False,
            "minExtent": AXIS_WIDTH,
            "maxExtent": AXIS_WIDTH,
        },
    }


def _time_axis(frame: Frame) -> Json:
    """Return the x axis over the whole range, so that all charts lie under one another.

    Its numbers are expressions: plain ones Vega-Lite writes as objects that Vega reads only where
    it may compile code, which the page's Content-Security-Policy forbids.
    """
    values, form = moments(frame.since, frame.until, MOST_TICKS)
    return layer.on_time() | {
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
