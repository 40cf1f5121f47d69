"""Segments: which part of the traffic fares worse than the rest?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.dashboards.definitions.controls import ENVIRONMENT, MODEL, SEGMENT, SERVICE, VERSION
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import Exists, both, is_
from mlmon.dashboards.model.dashboard import Dashboard, PanelRow, Section
from mlmon.dashboards.model.finding_chart import findings_of
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS

if TYPE_CHECKING:
    from mlmon.analyzers.base.metric import WorseSide
    from mlmon.dashboards.model.condition import Condition

ALARMING = is_("finding.severity", "warning", "critical")
OF_A_SEGMENT = Exists("finding.segment")
"""Findings about all traffic have none: without this condition a chosen segment would hide them."""

PROBLEMS = Chart(
    "Segments ranked by problems",
    "Warning and critical findings of each segment, and when the last one was.",
    FINDING_DOCUMENTS,
    (
        Measure("Problems"),
        Measure("Critical", where=is_("finding.severity", "critical")),
        Measure("Latest severity", "last", "finding.severity"),
        Measure("Latest window", "max", "@timestamp"),
    ),
    "table",
    (Values("finding.segment", "Segment", 20),),
    both(ALARMING, OF_A_SEGMENT),
)
WHEN = Chart(
    "Problems of each segment over time",
    "Which segment has problems, and since when?",
    FINDING_DOCUMENTS,
    (Measure("Problems"),),
    "heatmap",
    (Time(), Values("finding.segment", "Segment", 20)),
    both(ALARMING, OF_A_SEGMENT),
)


def _over_time(title: str, sentence: str, where: Condition, worst: WorseSide) -> Chart:
    """Return a chart of the worst value of each segment."""
    return Chart(
        title,
        sentence,
        FINDING_DOCUMENTS,
        (Measure("Value", "max" if worst == "highest" else "min", "finding.value"),),
        "line",
        (Time(), Values("finding.segment", "Segment", 8, worst)),
        both(where, OF_A_SEGMENT),
    )


SCORES = _over_time(
    "Score drift of segments",
    "How far are the scores of each segment from training (KS distance)?",
    findings_of("segment_drift", "ks.distance"),
    "highest",
)
RANKING = _over_time(
    "Ranking quality of segments",
    "How well do the scores rank each segment (ROC AUC, by the known labels)?",
    findings_of("segment_performance", "roc_auc"),
    "lowest",
)

DASHBOARD = Dashboard(
    "segments",
    "Segments",
    "Which part of the traffic fares worse than the rest?",
    order=5,
    analyzers=("segment_performance", "segment_drift", "segment_quality"),
    controls=(SERVICE, ENVIRONMENT, MODEL, VERSION, SEGMENT),
    marks=EVENT_MARKS,
    sections=(
        Section(
            "Worst segments",
            (PanelRow((PROBLEMS, WHEN), 12), PanelRow((SCORES, RANKING))),
            "Empty until segments are set: `mlmon baseline create MODELS --segment FEATURE`.",
        ),
    ),
)
