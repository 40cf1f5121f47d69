"""Live performance: does the model perform as in its evaluation, and what is it worth?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import BY_VERSION, MODEL, SCORE_TENTHS, VERSION
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, PanelRow, Section
from mlmon.dashboards.model.finding_chart import findings_of
from mlmon.dashboards.model.sources import BIDS, FINDING_DOCUMENTS, LABEL_DOCUMENTS, MODELS

TRUE = is_("ml.outcome.label", True)
APPROVED = is_("ml.prediction.decision", "approved")

SUCCESS = Chart(
    "Success rate of approved predictions",
    "Share of approved predictions with a known outcome that succeeded.",
    LABEL_DOCUMENTS,
    (Measure("Success rate", "ratio", where=TRUE, unit="ratio"),),
    "line",
    (Time(), BY_VERSION),
    APPROVED,
    unit="ratio",
)
BY_SEGMENT = Chart(
    "Success rate by segment",
    "Success rate of approved predictions in each part of the traffic.",
    LABEL_DOCUMENTS,
    (
        Measure("Approved and labeled"),
        Measure("Mean score", "average", "ml.prediction.score"),
        Measure("Success rate", "ratio", where=TRUE, unit="ratio"),
        Measure("Value", "sum", "ml.outcome.value"),
    ),
    "table",
    (Values("label.segments", "Segment", 20),),
    APPROVED,
)
VALUE = Chart(
    "Value of approved predictions",
    "Sum of outcome values, in the service's currency.",
    LABEL_DOCUMENTS,
    (Measure("Value", "sum", "ml.outcome.value"),),
    "stacked",
    (Time(), BY_VERSION),
    APPROVED,
)
BIDS_PLACED = Chart(
    "Bids placed",
    "Bids over time, by whether the model approved them.",
    BIDS,
    (
        Measure("Approved by the model", where=is_("ml.bid.approved_by_model", True), tone="good"),
        Measure(
            "Not approved by the model",
            where=is_("ml.bid.approved_by_model", False),
            tone="unknown",
        ),
    ),
    "stacked",
)
CURVE = Chart(
    "Calibration curve",
    "Expected and actual success rate by score.",
    LABEL_DOCUMENTS,
    (
        Measure("Expected (mean score)", "average", "ml.prediction.score"),
        Measure("Success rate", "ratio", where=TRUE, unit="ratio", tone="good"),
    ),
    "line",
    (Bins("ml.prediction.score", "Score", SCORE_TENTHS),),
)
BINS = Chart(
    "Calibration by score",
    "Labels, expected and actual success rate of each tenth of the score.",
    LABEL_DOCUMENTS,
    (
        Measure("Labeled predictions"),
        Measure("Mean score", "average", "ml.prediction.score"),
        Measure("Success rate", "ratio", where=TRUE, unit="ratio"),
        Measure("Wrong decisions", "ratio", where=is_("label.wrong", True), unit="ratio"),
        Measure("Median label delay (h)", "median", "label.delay_hours"),
    ),
    "table",
    (Bins("ml.prediction.score", "Score", SCORE_TENTHS),),
)
WRONG = Chart(
    "Decision error rate",
    "Share of decisions with a known outcome that were wrong.",
    LABEL_DOCUMENTS,
    (Measure("Wrong", "ratio", where=is_("label.wrong", True), unit="ratio"),),
    "line",
    (Time(), BY_VERSION),
    unit="ratio",
)
LABELLED = Chart(
    "Labeled predictions by model version",
    "Predictions with a known outcome.",
    LABEL_DOCUMENTS,
    (Measure("Labeled predictions"),),
    "stacked",
    (Time(), BY_VERSION),
)
OFFLINE = Chart(
    "Offline evaluation by model version",
    "Metrics of each version before its release.",
    MODELS,
    (
        Measure("ROC AUC", "max", "ml.evaluation.roc_auc"),
        Measure("Precision", "max", "ml.evaluation.precision"),
        Measure("Recall", "max", "ml.evaluation.recall"),
        Measure("F1", "max", "ml.evaluation.f1"),
        Measure("Evaluated", "max", "@timestamp"),
    ),
    "table",
    (Values("ml.model.version", "Model version", 10, "name"),),
    is_("event.action", "evaluate"),
)
DRIFT_AND_PERFORMANCE = Chart(
    "Live ROC AUC and largest feature drift",
    "Both from 0 to 1: does performance fall when features drift?",
    FINDING_DOCUMENTS,
    (
        Measure(
            "Lowest live ROC AUC",
            "min",
            "finding.value",
            where=findings_of("live_performance", "roc_auc"),
            tone="good",
        ),
        Measure(
            "Largest feature drift",
            "max",
            "finding.value",
            where=is_("finding.analyzer", "feature_drift"),
            tone="warning",
        ),
    ),
)
WORST_SEGMENTS = Chart(
    "Problems by segment and metric",
    "Warning and critical findings: which part of the traffic is worst, and by which metric?",
    FINDING_DOCUMENTS,
    (Measure("Problems"),),
    "heatmap",
    (Values("finding.metric", "Metric", 10), Values("finding.segment", "Segment", 15)),
    is_("finding.severity", "warning", "critical"),
    leads_to="segments",
)
VERSIONS = Chart(
    "Model versions compared",
    "Labeled predictions, success rate and errors of each model version.",
    LABEL_DOCUMENTS,
    (
        Measure("Labeled predictions"),
        Measure("Mean score", "average", "ml.prediction.score"),
        Measure("Success rate", "ratio", where=TRUE, unit="ratio"),
        Measure("Success rate of approved", "ratio", where=TRUE, of=APPROVED, unit="ratio"),
        Measure("Wrong decisions", "ratio", where=is_("label.wrong", True), unit="ratio"),
        Measure("Value", "sum", "ml.outcome.value"),
        Measure("First prediction", "min", "@timestamp"),
    ),
    "table",
    (Values("ml.model.version", "Model version", 10, "name"),),
)

DASHBOARD = Dashboard(
    "performance",
    "Live performance and calibration",
    "Does the model perform in live traffic as in its evaluation, and what is it worth?",
    order=3,
    layers=("labels", "concept", "performance", "business"),
    controls=(MODEL, VERSION),
    marks=EVENT_MARKS,
    sections=(
        Section(
            "Performance and drift",
            (PanelRow((DRIFT_AND_PERFORMANCE, WORST_SEGMENTS), 12), PanelRow((VERSIONS,), 7)),
            "Does performance fall when features drift, in which segments, with which version?",
        ),
        Section(
            "Business value", (PanelRow((SUCCESS, VALUE, BIDS_PLACED)), PanelRow((BY_SEGMENT,), 8))
        ),
        Section("Calibration", (PanelRow((CURVE, BINS)), PanelRow((WRONG, LABELLED)))),
        Section("Offline evaluation", (PanelRow((OFFLINE,), 8),)),
    ),
)
