"""Shared by all drawings: the schema's version, the axes and the look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.dashboards.palette import PAGE_COLOURS
from mlmon.dashboards.vega_lite.ticks import ticks
from mlmon.formatting import RATIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.elastic.json_object import Json

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
"""Every drawing is written in Vega-Lite 5.

Kibana 8.19 has 5; Kibana 9.3 and newer and our pages have 6, which reads 5 too. Only a drawing for
Kibana names the schema: vega-embed on a page is given the mode, for it warns about older schemas.
"""
MOST_TICKS: Final = 6
"""Of an axis of times."""
_THOUSAND: Final = 1000


def page_drawing(height: int, datasets: Json, **content: Any) -> Json:
    """Return a drawing for a page, as wide as its element, with its data inside."""
    return {
        "width": "container",
        "height": height,
        "datasets": datasets,
        **content,
        "config": page_config(),
    }


def page_config() -> Json:
    """Return the look that drawings share with their page, light or dark."""
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "mark": {"invalid": "break-paths-show-path-domains"},
        "axis": {
            "labelColor": PAGE_COLOURS.text,
            "titleColor": PAGE_COLOURS.text,
            "labelFontSize": 10.5,
            "gridColor": PAGE_COLOURS.grid,
            "domainColor": PAGE_COLOURS.grid,
            "tickColor": PAGE_COLOURS.grid,
            "tickSize": 3,
            "labelPadding": 4,
        },
        "legend": {"labelColor": PAGE_COLOURS.text, "titleColor": PAGE_COLOURS.text},
    }


def time(field: str) -> Json:
    """Return a field of times for the x axis."""
    return {"field": field, "type": "temporal"}


def value(field: str) -> Json:
    """Return a field of numbers for the y axis."""
    return {"field": field, "type": "quantitative"}


def time_axis(field: str, since: int, until: int) -> Json:
    """Return a field of times on an axis that spans a range, in milliseconds since the epoch.

    Its numbers are expressions: plain ones Vega-Lite writes as objects that Vega reads only where
    it may compile code, which the page's Content-Security-Policy forbids.
    """
    values, form = ticks(since / _THOUSAND, until / _THOUSAND, MOST_TICKS)
    return time(field) | {
        "scale": {"type": "utc", "domainRaw": {"expr": f"[{since}, {until}]"}, "nice": False},
        "axis": {
            "title": None,
            "values": {"expr": str([round(value * _THOUSAND) for value in values])},
            "format": form,
            "grid": False,
            "labelOverlap": True,
        },
    }


def value_axis(field: str, greatest: float, unit: str, scale: Json, **axis: Any) -> Json:
    """Return a field of numbers on an axis without a line, in the format of its unit."""
    form = ".2~p" if unit == RATIO else ".3~r" if greatest < _THOUSAND else ".3~s"
    return value(field) | {
        "scale": scale,
        "axis": {"title": None, "format": form, "domain": False, "ticks": False, **axis},
    }


def coloured(field: str, names: Sequence[str], colours: Sequence[str], **more: Any) -> Json:
    """Return the colours of a field's values."""
    return {
        "field": field,
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(names), "range": list(colours)},
        **more,
    }
