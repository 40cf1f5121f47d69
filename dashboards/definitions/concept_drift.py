"""Concept drift: does a score still mean the same, or is the model outdated?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import ENVIRONMENT, MODEL, SERVICE, VERSION
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, PanelRow, Section
from mlmon.dashboards.model.sources import LABEL_DOCUMENTS

EXPECTED = Chart(
    "Expected and actual success rate",
    "Mean score and success rate of labeled predictions.",
    LABEL_DOCUMENTS,
    (
        Measure("Expected (mean score)", "average", "ml.prediction.score"),
        Measure("Actual success rate", "ratio", where=is_("ml.outcome.label", True), unit="ratio"),
    ),
)
BY_SCORE = Chart(
    "Success rate by score over time",
    "At which scores has the outcome changed?",
    LABEL_DOCUMENTS,
    (Measure("Actual success rate", "ratio", where=is_("ml.outcome.label", True), unit="ratio"),),
    "line",
    (Time(), Bins("ml.prediction.score", "Score", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))),
    unit="ratio",
)

DASHBOARD = Dashboard(
    "concept_drift",
    "Concept drift",
    "Does a score still mean the same, or is the model outdated?",
    order=6,
    analyzers=("concept_drift", "estimated_performance"),
    controls=(SERVICE, ENVIRONMENT, MODEL, VERSION),
    marks=EVENT_MARKS,
    sections=(Section("Expected against actual outcomes", (PanelRow((EXPECTED, BY_SCORE)),)),),
)
