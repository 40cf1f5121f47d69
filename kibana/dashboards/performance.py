"""Live performance: does the model do in live traffic what it promised, and what does it bring?"""

from __future__ import annotations

from kibana.dashboards.controls import MODEL, SEGMENT, SERVICE, VERSION
from kibana.model.chart import Chart, Measure, Values
from kibana.model.condition import is_
from kibana.model.dashboard import Dashboard, Row, Section
from kibana.model.sources import BIDS, MODELS, OUTCOMES

SUCCESS = Chart(
    "Bids won",
    "What share of the bids whose outcome is known was won?",
    OUTCOMES,
    (Measure("Won", "ratio", where=is_("ml.outcome.label", True), unit="ratio"),),
    unit="ratio",
)
VALUE = Chart(
    "Value of outcomes",
    "What did the outcomes bring, in the service's currency?",
    OUTCOMES,
    (Measure("Value", "sum", "ml.outcome.value"),),
    "bar",
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
    place=3,
    layers=("performance", "business"),
    controls=(SERVICE, MODEL, VERSION, SEGMENT),
    sections=(
        Section("What does it bring?", (Row((SUCCESS, VALUE, BIDS_PLACED)),)),
        Section("What did it promise?", (Row((OFFLINE,), 8),)),
    ),
)
