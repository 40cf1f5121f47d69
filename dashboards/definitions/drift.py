"""Drift: do features and scores still look like the training set?"""

from __future__ import annotations

from typing import Final

from mlmon.dashboards.definitions.controls import (
    BY_VERSION,
    ENVIRONMENT,
    MODEL,
    SCORE_TENTHS,
    SERVICE,
    VERSION,
)
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, PanelRow, Section
from mlmon.dashboards.model.picture import Distributions
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, PREDICTIONS

MOVED_MOST: Final = Distributions(
    Chart(
        "Distributions of the features that moved most",
        "Which values are more frequent than in training? Wide bars: training, by tenths of its "
        "rows or by category; narrow bars: the last day judged.",
        FINDING_DOCUMENTS,
        (Measure("Distance", "max", "finding.value"),),
        "bar",
        (Values("finding.subject", "Feature", 8),),
        is_("finding.analyzer", "feature_drift"),
    ),
    parts="finding.parts",
    now="Now",
    reference="Training",
)


RANKED = Chart(
    "Features ranked by drift",
    "Which features are farthest from the training set?",
    FINDING_DOCUMENTS,
    (
        Measure("Distance", "max", "finding.value"),
        Measure("Problems", where=is_("finding.severity", "warning", "critical")),
        Measure("Latest severity", "last", "finding.severity"),
        Measure("Latest window", "max", "@timestamp"),
    ),
    "table",
    (Values("finding.subject", "Feature", 20),),
    is_("finding.analyzer", "feature_drift"),
)
WHERE = Chart(
    "Feature drift over time",
    "Which feature moved, and when?",
    FINDING_DOCUMENTS,
    (Measure("Distance", "max", "finding.value"),),
    "heatmap",
    (Time(), Values("finding.subject", "Feature", 20)),
    is_("finding.analyzer", "feature_drift"),
)
STATISTICS = Chart(
    "Feature statistics against baseline",
    "Latest statistics of each feature, and their baseline.",
    FINDING_DOCUMENTS,
    (
        Measure("Now", "last", "finding.value"),
        Measure("Baseline", "last", "finding.baseline.value"),
        Measure("Severity", "last", "finding.severity"),
    ),
    "table",
    (
        Values("finding.subject", "Feature", 20, "name"),
        Values("finding.metric", "Statistic", 8, "name"),
    ),
    is_("finding.analyzer", "feature_statistics"),
)
SCORES = Chart(
    "Score distribution by model version",
    "Predictions by score, for each model version.",
    PREDICTIONS,
    (Measure("Predictions"),),
    "bar",
    (Bins("ml.prediction.score", "Score", SCORE_TENTHS), BY_VERSION),
)
MEDIAN = Chart(
    "Median score by model version",
    "Have the scores moved, and with which version?",
    PREDICTIONS,
    (Measure("Median score", "median", "ml.prediction.score"),),
    "line",
    (Time(), BY_VERSION),
)
MISSING = Chart(
    "Missing feature values",
    "Predictions in which a feature has no value.",
    PREDICTIONS,
    (Measure("Predictions"),),
    "stacked",
    (Time(), Values("ml.features.missing", "Feature", 10)),
)

DASHBOARD = Dashboard(
    "drift",
    "Drift",
    "Do features and scores still look like the training set?",
    order=4,
    analyzers=("feature_drift", "score_shift", "feature_statistics", "data_quality"),
    layers=("feature", "score"),
    controls=(SERVICE, ENVIRONMENT, MODEL, VERSION),
    marks=EVENT_MARKS,
    sections=(
        Section(
            "Feature drift",
            (
                PanelRow((MOVED_MOST,), 26),
                PanelRow((RANKED, WHERE), 14),
                PanelRow((STATISTICS, MISSING), 14),
            ),
            "Which features moved, how far, and since when?",
        ),
        Section("Score shift", (PanelRow((SCORES, MEDIAN)),)),
    ),
)
