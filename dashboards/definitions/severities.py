"""Findings by severity: the tiles and the strips that several dashboards begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.dashboards.model.chart import Chart, Measure, Step, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.picture import StateTimeline
from mlmon.dashboards.model.sources import FINDINGS

if TYPE_CHECKING:
    from mlmon.dashboards.palette import Tone

NOW: Final = "1h"
"""Findings whose window ended in the last hour are the current state."""


def _now(severity: str, title: str, sentence: str, tone: Tone) -> Chart:
    measure = Measure(title, where=is_("finding.severity", severity), recent=NOW)
    steps = (Step(0, "good"), Step(1, tone))
    return Chart(
        title, sentence, FINDINGS, (measure,), "tile", (), steps=steps, leads_to="open_problems"
    )


CRITICAL_NOW: Final = _now(
    "critical", "Critical now", "Critical findings of the last hour.", "critical"
)
WARNING_NOW: Final = _now("warning", "Warning now", "Warnings of the last hour.", "warning")
UNKNOWN_NOW: Final = _now(
    "unknown", "No verdict now", "Findings of the last hour without a verdict.", "unknown"
)

WORST_BY_ANALYZER: Final = StateTimeline(
    Chart(
        "Worst finding of each analyzer",
        "Which analyzers found a problem, and since when?",
        FINDINGS,
        (Measure("Problems"),),
        "heatmap",
        (Time(), Values("finding.analyzer", "Analyzer", 50, "name")),
        is_("finding.severity", "warning", "critical"),
    ),
    "finding.severity",
    ("critical", "warning", "unknown", "ok"),
)
