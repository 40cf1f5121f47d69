"""The state now: the tiles and the strip that several dashboards begin with.

Incidents define what is wrong. Some checks are judged every five minutes and some every day,
so no time range selects the present among findings: the last verdict of each series is counted when
findings are written (`analyzers/run/judged.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.dashboards.model.chart import Chart, Measure, Time, ToneStep, Values
from mlmon.dashboards.model.condition import EVERYTHING, both, is_
from mlmon.dashboards.model.picture import StateTimeline
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, INCIDENT_DOCUMENTS, JUDGED

if TYPE_CHECKING:
    from mlmon.dashboards.model.condition import Condition
    from mlmon.dashboards.model.source import DataSource

_OPEN: Final = is_("incident.status", "open")


def _tile(
    title: str,
    sentence: str,
    source: DataSource,
    measure: Measure,
    steps: tuple[ToneStep, ...] = (),
    where: Condition = EVERYTHING,
) -> Chart:
    return Chart(
        title,
        sentence,
        source,
        (measure,),
        "tile",
        (),
        where,
        steps=steps,
        leads_to="open_problems",
    )


CRITICAL_INCIDENTS: Final = _tile(
    "Open critical incidents",
    "Open incidents with a critical alert, regardless of the time range.",
    INCIDENT_DOCUMENTS,
    Measure("Open critical incidents"),
    (ToneStep(0, "good"), ToneStep(1, "critical")),
    both(_OPEN, is_("incident.severity", "critical")),
)
OPEN_INCIDENTS: Final = _tile(
    "Open incidents",
    "Incidents that are open now, regardless of the time range.",
    INCIDENT_DOCUMENTS,
    Measure("Open incidents"),
    (ToneStep(0, "good"), ToneStep(1, "warning")),
    _OPEN,
)
CHECKS_JUDGED: Final = _tile(
    "Checks judged",
    "Checks whose last verdict counts now. Zero: nothing is judged, so no calm tile means calm.",
    JUDGED,
    Measure("Checks judged", "sum", "judged.checks"),
    (ToneStep(0, "unknown"), ToneStep(1, "good")),
)
UNJUDGED: Final = _tile(
    "Checks without a verdict",
    "Of the checks judged, those that could not be decided; each finding has the reason.",
    JUDGED,
    Measure("Checks without a verdict", "sum", "judged.unknown"),
    (ToneStep(0, "good"), ToneStep(1, "unknown")),
)
LAST_JUDGED: Final = _tile(
    "Last judged",
    "When anything was judged last; `mlmon run` judges every five minutes.",
    JUDGED,
    Measure("Last judged", "max", "judged.last"),
)
STATE_NOW: Final = (CRITICAL_INCIDENTS, OPEN_INCIDENTS, CHECKS_JUDGED, UNJUDGED, LAST_JUDGED)

WORST_BY_ANALYZER: Final = StateTimeline(
    Chart(
        "Worst finding of each analyzer",
        "Which analyzers found a problem, and since when?",
        FINDING_DOCUMENTS,
        (Measure("Problems"),),
        "heatmap",
        (Time(), Values("finding.analyzer", "Analyzer", 50, "name")),
        is_("finding.severity", "warning", "critical"),
    ),
    "finding.severity",
    ("critical", "warning", "unknown", "ok"),
)
