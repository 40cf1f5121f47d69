"""Drift: does the traffic look like what the model was trained on, and do its scores?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import ENVIRONMENT, MODEL, SEGMENT, SERVICE, VERSION
from mlmon.dashboards.definitions.distributions import MOVED_MOST
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Row, Section
from mlmon.dashboards.model.sources import FINDINGS, PREDICTIONS

TENTHS = tuple(round(0.1 * tenth, 1) for tenth in range(11))
VERSIONS = Values("ml.model.version", "Model version", 5, "name")

RANKED = Chart(
    "Features ranked by drift",
    "Which features are farthest from the training set?",
    FINDINGS,
    (
        Measure("Distance", "max", "finding.value"),
        Measure("Alarming", where=is_("finding.severity", "warning", "critical")),
        Measure("Last verdict", "last", "finding.severity"),
        Measure("Last window", "max", "@timestamp"),
    ),
    "table",
    (Values("finding.subject", "Feature", 20),),
    is_("finding.analyzer", "feature_drift"),
)
WHERE = Chart(
    "Drift of each feature over time",
    "Which feature moved, and when?",
    FINDINGS,
    (Measure("Distance", "max", "finding.value"),),
    "heatmap",
    (Time(), Values("finding.subject", "Feature", 20)),
    is_("finding.analyzer", "feature_drift"),
)
BESIDE = Chart(
    "Now beside the training set",
    "What is each feature's statistic now, and in the baseline?",
    FINDINGS,
    (
        Measure("Now", "last", "finding.value"),
        Measure("Baseline", "last", "finding.baseline.value"),
        Measure("Verdict", "last", "finding.severity"),
    ),
    "table",
    (
        Values("finding.subject", "Feature", 20, "name"),
        Values("finding.metric", "Statistic", 8, "name"),
    ),
    is_("finding.analyzer", "feature_statistics"),
)
SCORES = Chart(
    "Scores by model version",
    "How are the scores of each version distributed?",
    PREDICTIONS,
    (Measure("Predictions"),),
    "bar",
    (Bins("ml.prediction.score", "Score", TENTHS), VERSIONS),
)
MEDIAN = Chart(
    "Median score",
    "Have the scores moved, and with which version?",
    PREDICTIONS,
    (Measure("Median score", "median", "ml.prediction.score"),),
    "line",
    (Time(), VERSIONS),
)
MISSING = Chart(
    "Features without a value",
    "Which features come without a value?",
    PREDICTIONS,
    (Measure("Predictions"),),
    "stacked",
    (Time(), Values("ml.features.missing", "Feature", 10)),
)

DASHBOARD = Dashboard(
    "drift",
    "Drift",
    "Does the traffic look like what the model was trained on, and do its scores?",
    order=4,
    analyzers=("feature_drift", "score_shift", "feature_statistics", "data_quality"),
    layers=("feature", "score"),
    controls=(SERVICE, ENVIRONMENT, MODEL, VERSION, SEGMENT),
    sections=(
        Section(
            "Which features moved?",
            (Row((RANKED, WHERE), 14), Row((MOVED_MOST,), 26), Row((BESIDE, MISSING), 14)),
        ),
        Section("Have the scores moved?", (Row((SCORES, MEDIAN)),)),
    ),
)
