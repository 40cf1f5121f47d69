"""Vega-Lite as its readers have it: the versions of Kibana 8.19 and 9.x, and that of pages."""

from typing import Any

import vl_convert

LIBRARIES = ("5.8", "5.21", "6.4")


def compiled(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the marks that a drawing compiles to, the same number in each version.

    Raises:
        ValueError: One of the versions refuses it.
    """
    found = [vl_convert.vegalite_to_vega(spec, vl_version=library) for library in LIBRARIES]
    assert len({len(vega["marks"]) for vega in found}) == 1
    marks: list[dict[str, Any]] = found[-1]["marks"]
    return marks


def svg(spec: dict[str, Any]) -> str:
    """Return a drawing as an SVG, by the oldest version."""
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=LIBRARIES[0])
    return drawn
