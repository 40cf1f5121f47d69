"""Overview: is anything wrong, since when, and why?"""

from __future__ import annotations

from mlmon.analyzers.checks.completeness import LOST_LIMITS
from mlmon.dashboards.definitions import searches
from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.definitions.service_health import SERVER_ERROR
from mlmon.dashboards.definitions.state_now import STATE_NOW, WORST_BY_ANALYZER
from mlmon.dashboards.model.chart import Chart, Measure, Time, ToneStep, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, PREDICTIONS, REQUESTS

COMPLETENESS = Chart(
    "Log completeness",
    "Lowest share of the logged events that has arrived.",
    FINDING_DOCUMENTS,
    (Measure("Arrived", "min", "finding.sample.completeness", unit="ratio"),),
    "tile",
    (),
    unit="ratio",
    steps=(
        ToneStep(0, "critical"),
        ToneStep(round(1 - LOST_LIMITS.critical, 6), "warning"),
        ToneStep(round(1 - LOST_LIMITS.warning, 6), "good"),
    ),
    leads_to="ingest",
)
TRAFFIC = Chart(
    "Requests",
    "All requests and 5xx responses over time.",
    REQUESTS,
    (
        Measure("All requests"),
        Measure("5xx", where=SERVER_ERROR, tone="critical"),
    ),
    "area",
    leads_to="service_health",
)
DECISIONS = Chart(
    "Approval rate by model version",
    "Share of predictions that each model version approves.",
    PREDICTIONS,
    (Measure("Approved", "ratio", where=is_("ml.prediction.decision", "approved"), unit="ratio"),),
    "line",
    (Time(), Values("ml.model.version", "Model version", 5, "name")),
    unit="ratio",
    leads_to="performance",
)
ALARMS_BY_ANALYZER = Chart(
    "Problems by analyzer",
    "Warning and critical findings over time.",
    FINDING_DOCUMENTS,
    (Measure("Findings"),),
    "stacked",
    (Time(), Values("finding.analyzer", "Analyzer", 12)),
    is_("finding.severity", "warning", "critical"),
    leads_to="open_problems",
)

DASHBOARD = Dashboard(
    "overview",
    "Overview",
    "Is anything wrong, since when, and why?",
    order=1,
    controls=(SERVICE, ENVIRONMENT),
    marks=EVENT_MARKS,
    since="now-24h",
    sections=(
        Section(
            "Current state",
            (PanelRow((*STATE_NOW, COMPLETENESS), 6),),
        ),
        Section(
            "Open incidents",
            (PanelRow((Documents(searches.OPEN_INCIDENTS.name),), 10),),
            "What is wrong, by its likely cause? `incident.alert_ids` leads to the evidence.",
        ),
        Section("Severity over time", (PanelRow((WORST_BY_ANALYZER,), 14),)),
        Section("Traffic and decisions", (PanelRow((TRAFFIC, DECISIONS, ALARMS_BY_ANALYZER), 12),)),
        Section(
            "Warning and critical findings",
            (PanelRow((Documents(searches.ALARMS.name),), 14),),
            collapsed=True,
        ),
    ),
)
