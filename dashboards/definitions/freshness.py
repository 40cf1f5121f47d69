"""Feature freshness: are the sources up to date, and how often are defaults used?"""

from __future__ import annotations

from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.searches import FALLBACK_LINES
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import FALLBACKS

SOURCE = Values("ml.feature_source.name", "Source", 10)

BY_SOURCE = Chart(
    "Fallbacks by source",
    "Sources whose values were replaced by defaults.",
    FALLBACKS,
    (Measure("Fallbacks"),),
    "stacked",
    (Time(), SOURCE),
)
BY_REASON = Chart(
    "Fallbacks by reason",
    "Were values too old or missing?",
    FALLBACKS,
    (Measure("Fallbacks"),),
    "stacked",
    (Time(), Values("event.reason", "Reason", 5)),
)
AGE = Chart(
    "Age of stale values",
    "Age of the data that defaults replaced.",
    FALLBACKS,
    (Measure("Maximum age", "max", "ml.feature_source.age_s", unit="s"),),
    "line",
    (Time(), SOURCE),
    unit="s",
)

DASHBOARD = Dashboard(
    "freshness",
    "Feature freshness and fallbacks",
    "Are the feature sources up to date, and how often are defaults used?",
    order=8,
    layers=("statistics", "fallback"),
    controls=(SERVICE, ENVIRONMENT),
    sections=(
        Section("Fallbacks", (PanelRow((BY_SOURCE, BY_REASON, AGE)),)),
        Section("Predictions with fallbacks", (PanelRow((Documents(FALLBACK_LINES.name),), 12),)),
    ),
)
