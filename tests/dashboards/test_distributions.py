"""The features that moved most, drawn from what findings carry."""

import json
import re
from typing import Any

import pytest
import vl_convert

from mlmon.dashboards.definitions.distributions import MOVED_MOST
from mlmon.kibana.emit.vega import specification


def feature(name: str, parts: list[list[Any]] | None) -> dict[str, Any]:
    """Return a feature's part of the answer, with its latest finding."""
    known = {"finding.value": 0.2} | ({"finding.parts": parts} if parts is not None else {})
    return {
        "key": name,
        "doc_count": 3,
        "worst": {"value": 0.31},
        "latest": {"hits": {"hits": [{"_source": known}]}},
    }


def drawn(*features: dict[str, Any]) -> str:
    """Return the picture as Kibana's library draws it."""
    spec = specification(MOVED_MOST, "n")
    assert spec["data"]["format"] == {"property": "aggregations.drift.features.buckets"}
    spec["data"] = {"values": list(features)}
    svg: str = vl_convert.vegalite_to_svg(spec | {"width": 600, "height": 300}, vl_version="5.20")
    return svg


def heights(svg: str, label: str) -> list[float]:
    """Return the heights of a feature's bars."""
    bars = re.findall(r'<path aria-label="([^"]*)"[^>]*"rect mark" d="[^"v]*v([\d.]+)', svg)
    return [float(height) for said, height in bars if f"Feature: {label};" in said]


def test_each_side_of_each_part_is_a_bar() -> None:
    """Two bars for each part, as high as its share; names and values stand beside."""
    svg = drawn(
        feature("price", [["below 3", 0.8, 0.2], ["3 or more", 0.2, 0.8]]),
        feature("country", [["DE", 0.5, 0.5], ["FR", 0.25, 0.25], ["(other)", 0.25, 0.25]]),
    )
    assert svg.count('aria-roledescription="rect mark"') == 2 * (2 + 3)
    assert "price, distance now 0.20, at most 0.31" in svg
    for said in ("below 3", "3 or more", "DE", "(other)"):
        assert f">{said}</text>" in svg
    low, high, *now = heights(svg, "price")
    assert now == [high, low]
    assert high / low == pytest.approx(4)


def test_a_finding_without_a_distribution_is_passed_over() -> None:
    """A feature that could not be compared has no row, and takes no place."""
    svg = drawn(feature("gone", None), feature("price", [["below 3", 1.0, 1.0]]))
    assert svg.count('aria-roledescription="rect mark"') == 2
    assert "gone" not in svg


def test_what_is_asked_can_be_narrowed() -> None:
    """Kibana fills in the time range and what its controls chose."""
    text = json.dumps(specification(MOVED_MOST, "production"))
    assert "%timefilter%" in text
    assert '"index": "mlmon-findings-production-*"' in text
