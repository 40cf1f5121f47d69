"""Findings by severity: the tiles and the strips that several dashboards begin with."""

from __future__ import annotations

from typing import Final

from mlmon.dashboards.model.chart import Chart, Measure, Step, Time, Tone, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.sources import FINDINGS
from mlmon.dashboards.palette import SEVERITIES

NOW: Final = "1h"
"""The windows that ended in the last hour say how things stand now."""


def _now(severity: str, title: str, sentence: str, tone: Tone) -> Chart:
    measure = Measure(title, where=is_("finding.severity", severity), recent=NOW)
    steps = (Step(0, "good"), Step(1, tone))
    return Chart(
        title, sentence, FINDINGS, (measure,), "tile", (), steps=steps, leads_to="open_problems"
    )


CRITICAL_NOW: Final = _now(
    "critical", "Critical now", "How many checks of the last hour are critical?", "critical"
)
WARNING_NOW: Final = _now(
    "warning", "Warning now", "How many checks of the last hour are a warning?", "warning"
)
UNKNOWN_NOW: Final = _now(
    "unknown", "No verdict now", "How many checks of the last hour say nothing?", "unknown"
)

_TITLE = "Worst finding of each analyzer"
_SENTENCE = "Which questions are answered badly, and since when?"
_RANKS = ("critical", "warning", "unknown", "ok")


def _count(severity: str) -> dict[str, object]:
    return {"filter": {"term": {"finding.severity": severity}}}


def _worst(part: str) -> str:
    """Return the Vega expression for the worst severity in a part."""
    tests = (f"{part}.{severity}.doc_count > 0 ? '{severity}' : " for severity in _RANKS)
    return "".join(tests) + "null"


WORST_BY_ANALYZER: Final = Picture(
    title=_TITLE,
    sentence=_SENTENCE,
    source=FINDINGS,
    body={
        "size": 0,
        "aggs": {
            "analyzers": {
                "terms": {"field": "finding.analyzer", "size": 50, "order": {"_key": "asc"}},
                "aggs": {
                    "parts": {
                        "date_histogram": {
                            "field": "@timestamp",
                            "fixed_interval": {"%autointerval%": True},
                            "min_doc_count": 1,
                        },
                        "aggs": {severity: _count(severity) for severity in _RANKS},
                    }
                },
            }
        },
    },
    rows_at="aggregations.analyzers.buckets",
    drawing={
        "transform": [
            {"flatten": ["parts.buckets"], "as": ["part"]},
            {"calculate": _worst("datum.part"), "as": "severity"},
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
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "start", "type": "temporal", "title": None},
            "x2": {"field": "end"},
            "y": {"field": "key", "type": "nominal", "title": None},
            "color": {
                "field": "severity",
                "type": "nominal",
                "title": "Severity",
                "scale": {
                    "domain": list(_RANKS),
                    "range": [SEVERITIES[severity] for severity in _RANKS],
                },
            },
            "tooltip": [
                {"field": "key", "title": "Analyzer"},
                {"field": "severity", "title": "Worst"},
                {"field": "start", "type": "temporal", "title": "From", "format": "%d %b %H:%M"},
                {"field": "part.doc_count", "title": "Findings"},
            ],
        },
        "config": {"axis": {"domain": False, "tickSize": 3}, "view": {"stroke": None}},
    },
    instead=Chart(
        _TITLE,
        _SENTENCE,
        FINDINGS,
        (Measure("Alarming findings"),),
        "heatmap",
        (Time(), Values("finding.analyzer", "Analyzer", 50, "name")),
        is_("finding.severity", "warning", "critical"),
    ),
)
