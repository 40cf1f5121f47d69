"""The picture that Lens cannot draw, drawn by the library that Kibana draws it with."""

import json
import re
from collections import Counter

import vl_convert

from mlmon.dashboards.definitions.severities import WORST_BY_ANALYZER
from mlmon.dashboards.palette import SEVERITIES
from mlmon.kibana.emit.vega import specification

HOUR = 3_600_000
RANKS = ("critical", "warning", "unknown", "ok")


def part(hour: int, *severities: str) -> dict[str, object]:
    """Return a part of time with one finding of each of some severities."""
    counts = {each: {"doc_count": severities.count(each)} for each in RANKS}
    return {"key": hour * HOUR, "doc_count": len(severities), **counts}


def test_each_part_has_the_colour_of_its_worst_finding() -> None:
    """One mark per analyzer and part of time, coloured by the worst severity in it."""
    answer = [
        {"key": "a", "parts": {"buckets": [part(0, "ok"), part(1, "ok", "critical", "warning")]}},
        {"key": "b", "parts": {"buckets": [part(0, "unknown", "ok"), part(3, "warning")]}},
    ]
    spec = specification(WORST_BY_ANALYZER, "n")
    assert spec["data"]["format"] == {"property": "aggregations.analyzers.buckets"}
    spec["data"] = {"values": answer}
    svg = vl_convert.vegalite_to_svg(spec, vl_version="5.20")
    marks = re.findall(r'aria-roledescription="rect mark"[^>]* fill="(#\w+)"', svg)
    worst = ("ok", "critical", "unknown", "warning")
    assert Counter(marks) == Counter(SEVERITIES[each] for each in worst)


def test_the_search_is_narrowed_by_time_controls_and_revision() -> None:
    """Kibana fills in the range and the controls; only the latest findings count."""
    text = json.dumps(specification(WORST_BY_ANALYZER, "production"))
    for placeholder in ("%timefilter%", "%autointerval%", "%dashboard_context-must_clause%"):
        assert placeholder in text
    assert '"index": "mlmon-findings-production-*"' in text
    assert '"terms": {"finding.latest": [true]}' in text
