"""Feature freshness: are the features' sources up to date, and how often do defaults step in?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.searches import FALLBACKS as FALLBACK_LINES
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Row, Section
from mlmon.dashboards.model.sources import FALLBACKS

SOURCE = Values("ml.feature_source.name", "Source", 10)

BY_SOURCE = Chart(
    "Fallbacks by source",
    "Whose values were replaced by defaults, and when?",
    FALLBACKS,
    (Measure("Fallbacks"),),
    "stacked",
    (Time(), SOURCE),
)
BY_REASON = Chart(
    "Fallbacks by reason",
    "Were values too old, or not there?",
    FALLBACKS,
    (Measure("Fallbacks"),),
    "stacked",
    (Time(), Values("event.reason", "Reason", 5)),
)
AGE = Chart(
    "Age of what was replaced",
    "How old was the data when defaults stepped in?",
    FALLBACKS,
    (Measure("Oldest", "max", "ml.feature_source.age_s", unit="s"),),
    "line",
    (Time(), SOURCE),
    unit="s",
)

DASHBOARD = Dashboard(
    "freshness",
    "Feature freshness and fallbacks",
    "Are the features' sources up to date, and how often do defaults step in?",
    order=7,
    layers=("statistics", "fallback"),
    controls=(SERVICE, ENVIRONMENT),
    sections=(
        Section("How often do defaults step in?", (Row((BY_SOURCE, BY_REASON, AGE)),)),
        Section("For which predictions?", (Row((Documents(FALLBACK_LINES.name),), 12),)),
    ),
)
