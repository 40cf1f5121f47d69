"""Concept drift: does a score still mean what it meant, or is the model outdated?"""

from __future__ import annotations

from kibana.dashboards.controls import MODEL, SEGMENT, SERVICE, VERSION
from kibana.model.chart import Chart, Measure, Time, Values
from kibana.model.condition import is_
from kibana.model.dashboard import Dashboard, Row, Section
from kibana.model.sources import OUTCOMES, PREDICTIONS

WON = Chart(
    "Share of outcomes that were a success",
    "Has what comes true become rarer or more frequent?",
    OUTCOMES,
    (Measure("Success", "ratio", where=is_("ml.outcome.label", True), unit="ratio"),),
    unit="ratio",
)
PROMISED = Chart(
    "Mean score",
    "What does the model expect on average?",
    PREDICTIONS,
    (Measure("Mean score", "average", "ml.prediction.score"),),
    "line",
    (Time(), Values("ml.model.version", "Model version", 5, "name")),
)

DASHBOARD = Dashboard(
    "concept_drift",
    "Concept drift",
    "Does a score still mean what it meant, or is the model outdated?",
    place=5,
    analyzers=("concept_drift", "estimated_performance"),
    controls=(SERVICE, MODEL, VERSION, SEGMENT),
    sections=(Section("What is expected, and what comes true?", (Row((PROMISED, WON)),)),),
)
