"""Pictures that Lens cannot draw, the same for Kibana's Vega panels and for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.window import milliseconds
from mlmon.dashboards.model.picture import Distributions, Picture, StateTimeline
from mlmon.dashboards.palette import KIBANA, PAGE_COLOURS, Palette
from mlmon.dashboards.vega_lite.look import SCHEMA, coloured, page_config, time, time_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.elastic.json_object import Json

_HIGH: Final = 0.55
"""Share of its row that the highest bar takes; above stands the name, below the values."""


def kibana_picture(picture: Picture, data: Json) -> Json:
    """Return a picture that Kibana draws.

    Args:
        picture: The picture.
        data: The search that Kibana sends, as Vega-Lite names its data.
    """
    return {
        "$schema": SCHEMA,
        "description": picture.chart.sentence,
        "data": data,
        **_drawn(picture, KIBANA),
        "config": {"axis": {"domain": False, "tickSize": 3}, "view": {"stroke": None}},
    }


def page_picture(picture: Picture, rows: Sequence[Any], window: Window) -> Json:
    """Return a picture with its data inside, for a page.

    Args:
        picture: The picture.
        rows: The buckets of the answer, at `ROWS_AT`.
        window: The time range.
    """
    drawn = _drawn(picture, PAGE_COLOURS)
    if isinstance(picture, StateTimeline):
        ends = milliseconds(window.start), milliseconds(window.end)
        drawn["encoding"]["x"] = time_axis("start", *ends)
    return {
        "width": "container",
        # Not a step per row: Vega warns that it cannot fit such a height.
        "height": picture.row_height * len(rows),
        "data": {"values": list(rows)},
        **drawn,
        "config": page_config(),
    }


def _drawn(picture: Picture, palette: Palette) -> Json:
    match picture:
        case StateTimeline():
            return _timeline(picture, palette)
        case Distributions():
            return _distributions(picture, palette)
    raise TypeError(f"there is no drawing of a {type(picture).__name__}")


def _timeline(picture: StateTimeline, palette: Palette) -> Json:
    colours = {
        "ok": palette.quiet,
        "unknown": palette.quiet_unknown,
        "success": palette.good,
        "failure": palette.critical,
    }
    worst = "".join(f"datum.part.{name}.doc_count > 0 ? '{name}' : " for name in picture.states)
    return {
        "transform": [
            {"flatten": ["parts.buckets"], "as": ["part"]},
            {"calculate": f"{worst}null", "as": "state"},
            {"filter": "datum.state !== null"},
            {"calculate": "toDate(datum.part.key)", "as": "start"},
            {
                "window": [{"op": "lead", "field": "start", "as": "next"}],
                "groupby": ["key"],
                "sort": [{"field": "start"}],
            },
            # A part is as wide as the shortest step between two: what the interval came to.
            {"calculate": "isValid(datum.next) ? datum.next - datum.start : null", "as": "step"},
            {"joinaggregate": [{"op": "min", "field": "step", "as": "width"}]},
            {"calculate": "toDate(+datum.start + (datum.width || 3600000))", "as": "end"},
        ],
        "mark": {"type": "rect", "tooltip": True, "clip": True},
        "encoding": {
            "x": time("start") | {"title": None},
            "x2": {"field": "end"},
            "y": {"field": "key", "type": "nominal", "title": None},
            "color": coloured(
                "state",
                picture.states,
                [colours.get(name) or getattr(palette, name) for name in picture.states],
            ),
            "tooltip": [
                {"field": "key", "title": picture.row_axis.label},
                {"field": "state", "title": "Worst"},
                time("start") | {"title": "From", "format": "%d %b %H:%M"},
                {"field": "part.doc_count", "title": "Findings"},
            ],
        },
    }


def _distributions(picture: Distributions, palette: Palette) -> Json:
    parts, distance = picture.parts, picture.distance
    return {
        "transform": [
            {"calculate": "datum.latest.hits.hits[0]._source", "as": "finding"},
            {"calculate": f"datum.finding['{parts}']", "as": "parts"},
            {"filter": "isArray(datum.parts)"},
            {"window": [{"op": "row_number", "as": "row"}]},
            {
                "calculate": "datum.key + ', distance now ' "
                f"+ format(datum.finding['{distance}'], '.2f') "
                "+ ', at most ' + format(datum.worst.value, '.2f')",
                "as": "name",
            },
            {"flatten": ["parts"], "as": ["part"]},
            {"window": [{"op": "row_number", "as": "bar"}], "groupby": ["key"]},
            {"calculate": "datum.part[0]", "as": "values"},
            {"calculate": "datum.part[1]", "as": "now"},
            {"calculate": "datum.part[2]", "as": "reference"},
            {"calculate": "max(datum.now, datum.reference)", "as": "higher"},
            {
                "joinaggregate": [
                    {"op": "count", "as": "bars"},
                    {"op": "max", "field": "higher", "as": "most"},
                ],
                "groupby": ["key"],
            },
        ],
        "layer": [
            _bars(picture, palette, "reference", 0.03),
            _bars(picture, palette, "now", 0.22),
            _text(palette, "name", 11, x="0", y=f"datum.row - {_HIGH} - 0.06", of="first"),
            _text(palette, "values", 9, x="(datum.bar - 0.5) / datum.bars", y="datum.row + 0.17"),
        ],
    }


def _bars(picture: Distributions, palette: Palette, side: str, inset: float) -> Json:
    """Return the bars of one side, that much of their width narrower at both ends."""
    names = [picture.now, picture.reference]
    return {
        "transform": [
            {"calculate": f"(datum.bar - 1 + {inset}) / datum.bars", "as": "left"},
            {"calculate": f"(datum.bar - {inset}) / datum.bars", "as": "right"},
            {"calculate": f"datum.row - {_HIGH} * datum.{side} / datum.most", "as": "top"},
        ],
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "left", "type": "quantitative", "axis": None},
            "x2": {"field": "right"},
            "y": {
                "field": "top",
                "type": "quantitative",
                "axis": None,
                "scale": {"reverse": True, "zero": True, "nice": False},
            },
            "y2": {"field": "row"},
            "color": {
                "datum": getattr(picture, side),
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": [palette.series[0], palette.band]},
                "legend": {"orient": "top"},
            },
            "tooltip": [
                {"field": "key", "title": picture.row_axis.label},
                {"field": "values", "title": "Values"},
                {"field": "now", "title": picture.now, "format": ".1%"},
                {"field": "reference", "title": picture.reference, "format": ".1%"},
            ],
        },
    }


def _text(palette: Palette, field: str, size: int, *, x: str, y: str, of: str = "all") -> Json:
    """Return a text whose position expressions give; of the first part only, or of all."""
    first = {"align": "left"} if of == "first" else {"limit": 95}
    return {
        "transform": [
            *([{"filter": "datum.bar == 1"}] if of == "first" else []),
            {"calculate": x, "as": "text_x"},
            {"calculate": y, "as": "text_y"},
        ],
        "mark": {"type": "text", "baseline": "bottom", "fontSize": size, **first},
        "encoding": {
            "x": {"field": "text_x", "type": "quantitative", "axis": None},
            "y": {"field": "text_y", "type": "quantitative", "axis": None},
            "text": {"field": field},
            "color": {"value": palette.text},
        },
    }
