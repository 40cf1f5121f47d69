"""Live performance: does the model do in live traffic what it promised, and what does it bring?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import MODEL, SEGMENT, VERSION
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Row, Section
from mlmon.dashboards.model.sources import BIDS, LABELS, MODELS

TENTHS = tuple(round(0.1 * tenth, 1) for tenth in range(11))
TRUE = is_("ml.outcome.label", True)
APPROVED = is_("ml.prediction.decision", "approved")
VERSIONS = Values("ml.model.version", "Model version", 5, "name")

SUCCESS = Chart(
    "Success of approved predictions",
    "What share of the approved predictions whose outcome is known came true?",
    LABELS,
    (Measure("Came true", "ratio", where=TRUE, unit="ratio"),),
    "line",
    (Time(), VERSIONS),
    APPROVED,
    unit="ratio",
)
BY_SEGMENT = Chart(
    "Success by segment",
    "What share of the approved predictions came true in each part of the traffic?",
    LABELS,
    (
        Measure("Approved and labelled"),
        Measure("Mean score", "average", "ml.prediction.score"),
        Measure("Came true", "ratio", where=TRUE, unit="ratio"),
        Measure("Value", "sum", "ml.outcome.value"),
    ),
    "table",
    (Values("label.segments", "Segment", 20),),
    APPROVED,
)
VALUE = Chart(
    "Value of approved predictions",
    "What did they bring, in the service's currency?",
    LABELS,
    (Measure("Value", "sum", "ml.outcome.value"),),
    "stacked",
    (Time(), VERSIONS),
    APPROVED,
)
BIDS_PLACED = Chart(
    "Bids placed",
    "How many bids were placed, and how many of them because the model approved?",
    BIDS,
    (
        Measure("Approved by the model", where=is_("ml.bid.approved_by_model", True), tone="good"),
        Measure("Others", where=is_("ml.bid.approved_by_model", False), tone="unknown"),
    ),
    "stacked",
)
CURVE = Chart(
    "Calibration curve",
    "Do as many predictions come true as their scores promise, tenth by tenth of the score?",
    LABELS,
    (
        Measure("Promised: mean score", "average", "ml.prediction.score"),
        Measure("Came true", "ratio", where=TRUE, unit="ratio", tone="good"),
    ),
    "line",
    (Bins("ml.prediction.score", "Score", TENTHS),),
)
BINS = Chart(
    "Reliability by tenths of the score",
    "How many labels does each tenth of the score have, and how far is it off?",
    LABELS,
    (
        Measure("Labelled predictions"),
        Measure("Mean score", "average", "ml.prediction.score"),
        Measure("Came true", "ratio", where=TRUE, unit="ratio"),
        Measure("Wrong decisions", "ratio", where=is_("label.wrong", True), unit="ratio"),
        Measure("Median hours to the label", "median", "label.delay_hours"),
    ),
    "table",
    (Bins("ml.prediction.score", "Score", TENTHS),),
)
WRONG = Chart(
    "Wrong decisions",
    "What share of the decisions whose outcome is known was wrong?",
    LABELS,
    (Measure("Wrong", "ratio", where=is_("label.wrong", True), unit="ratio"),),
    "line",
    (Time(), VERSIONS),
    unit="ratio",
)
LABELLED = Chart(
    "Labels by version",
    "Of how many predictions is the outcome known?",
    LABELS,
    (Measure("Labelled predictions"),),
    "stacked",
    (Time(), VERSIONS),
)
OFFLINE = Chart(
    "Offline evaluation by version",
    "What did each version promise when it was evaluated?",
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

DASHBOARD = Dashboard(
    "performance",
    "Live performance and calibration",
    "Does the model do in live traffic what it promised, and what does it bring?",
    order=3,
    layers=("labels", "concept", "performance", "business"),
    controls=(MODEL, VERSION, SEGMENT),
    sections=(
        Section("What does it bring?", (Row((SUCCESS, VALUE, BIDS_PLACED)), Row((BY_SEGMENT,), 8))),
        Section("Do scores mean what they say?", (Row((CURVE, BINS)), Row((WRONG, LABELLED)))),
        Section("What did it promise?", (Row((OFFLINE,), 8),)),
    ),
)
