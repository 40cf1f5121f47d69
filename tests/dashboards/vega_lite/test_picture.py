"""The pictures that Lens cannot draw, drawn by the library that Kibana draws them with."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from mlmon.dashboards.definitions.drift import MOVED_MOST
from mlmon.dashboards.definitions.state_now import WORST_BY_ANALYZER
from mlmon.dashboards.palette import KIBANA
from mlmon.kibana.emit.vega import specification
from tests.support.vega import svg

HOUR = 3_600_000
RANKS = ("critical", "warning", "unknown", "ok")


def part(hour: int, *severities: str) -> dict[str, object]:
    """Return a part of time with one finding of each of some severities."""
    counts = {rank: {"doc_count": severities.count(rank)} for rank in RANKS}
    return {"key": hour * HOUR, "doc_count": len(severities), **counts}


def test_each_part_has_the_colour_of_its_worst_finding() -> None:
    """One mark per analyzer and part of time, coloured by the worst severity in it."""
    answer = [
        {"key": "a", "parts": {"buckets": [part(0, "ok"), part(1, "ok", "critical", "warning")]}},
        {"key": "b", "parts": {"buckets": [part(0, "unknown", "ok"), part(3, "warning")]}},
    ]
    spec = specification(WORST_BY_ANALYZER, "n")
    assert spec["data"]["format"] == {"property": "aggregations.rows.buckets"}
    spec["data"] = {"values": answer}
    marks = re.findall(r'aria-roledescription="rect mark"[^>]* fill="(#\w+)"', svg(spec))
    assert Counter(marks) == Counter(
        [KIBANA.quiet, KIBANA.critical, KIBANA.quiet_unknown, KIBANA.warning]
    )


def test_the_search_is_narrowed_by_time_controls_and_revision() -> None:
    """Kibana fills in the range and the controls; only the latest findings count."""
    text = json.dumps(specification(WORST_BY_ANALYZER, "production"))
    for placeholder in ("%timefilter%", "%autointerval%", "%dashboard_context-must_clause%"):
        assert placeholder in text
    assert '"index": "mlmon-findings-production-*"' in text
    assert '"terms": {"finding.latest": [true]}' in text


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
    assert spec["data"]["format"] == {"property": "aggregations.rows.buckets"}
    spec["data"] = {"values": list(features)}
    return svg(spec | {"width": 600, "height": 300})


def heights(drawing: str, label: str) -> list[float]:
    """Return the heights of a feature's bars."""
    bars = re.findall(r'<path aria-label="([^"]*)"[^>]*"rect mark" d="[^"v]*v([\d.]+)', drawing)
    return [float(height) for label_text, height in bars if f"Feature: {label};" in label_text]


def test_each_side_of_each_part_is_a_bar() -> None:
    """Two bars for each part, as high as its share; with names and values."""
    found = drawn(
        feature("price", [["below 3", 0.8, 0.2], ["3 or more", 0.2, 0.8]]),
        feature("country", [["DE", 0.5, 0.5], ["FR", 0.25, 0.25], ["(other)", 0.25, 0.25]]),
    )
    assert found.count('aria-roledescription="rect mark"') == 2 * (2 + 3)
    assert "price, distance now 0.20, at most 0.31" in found
    for legend in ("below 3", "3 or more", "DE", "(other)"):
        assert f">{legend}</text>" in found
    low, high, *now = heights(found, "price")
    assert now == [high, low]
    assert high / low == pytest.approx(4)


def test_a_finding_without_a_distribution_is_passed_over() -> None:
    """A feature that could not be compared has no row, and takes no place."""
    found = drawn(feature("gone", None), feature("price", [["below 3", 1.0, 1.0]]))
    assert found.count('aria-roledescription="rect mark"') == 2
    assert "gone" not in found


def test_distributions_can_be_narrowed() -> None:
    """Kibana fills in the time range and what its controls chose."""
    text = json.dumps(specification(MOVED_MOST, "production"))
    assert "%timefilter%" in text
    assert '"index": "mlmon-findings-production-*"' in text
