"""Open problems: what is critical now, since when, and what was likely first?"""

from __future__ import annotations

from mlmon.dashboards.definitions import searches
from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.severities import CRITICAL_NOW, UNKNOWN_NOW, WARNING_NOW
from mlmon.dashboards.model.chart import Chart, Measure, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Row, Section
from mlmon.dashboards.model.sources import ALERTS, FINDINGS

FIRST_CAUSES = Chart(
    "What began first",
    "Which check alarmed first in this time range, and does it still?",
    FINDINGS,
    (
        Measure("Since", "min", "@timestamp"),
        Measure("Until", "max", "@timestamp"),
        Measure("Alarms"),
        Measure("Worst", "max", "finding.value"),
        Measure("Last verdict", "last", "finding.severity"),
    ),
    "table",
    (
        Values("finding.analyzer", "Analyzer", 12, "lowest"),
        Values("finding.metric", "Metric", 3, "lowest"),
        Values("finding.subject", "Subject", 4, "lowest"),
    ),
    is_("finding.severity", "warning", "critical"),
)
BY_SEVERITY = Chart(
    "Alarming findings over time",
    "When did it become bad?",
    FINDINGS,
    (
        Measure("Critical", where=is_("finding.severity", "critical"), tone="critical"),
        Measure("Warning", where=is_("finding.severity", "warning"), tone="warning"),
    ),
    "stacked",
)
BY_LAYER = Chart(
    "Open alerts by layer",
    "Where in the chain of causes are alerts open, and since when?",
    ALERTS,
    (
        Measure("Open"),
        Measure("Critical", where=is_("finding.severity", "critical")),
        Measure("Since", "min", "event.start"),
    ),
    "table",
    (Values("alert.layer", "Layer", 10),),
    is_("alert.status", "open"),
)
SILENT = Chart(
    "Without a verdict",
    "About what can nothing be said?",
    FINDINGS,
    (Measure("Findings"), Measure("Last", "max", "@timestamp")),
    "table",
    (Values("finding.analyzer", "Analyzer", 12), Values("finding.metric", "Metric", 8)),
    is_("finding.severity", "unknown"),
)

DASHBOARD = Dashboard(
    "open_problems",
    "Open problems",
    "What is critical now, since when, and what was likely first?",
    order=8,
    controls=(SERVICE, ENVIRONMENT),
    sections=(
        Section(
            "What is critical now?",
            (
                Row((CRITICAL_NOW, WARNING_NOW, UNKNOWN_NOW), 6),
                Row((Documents(searches.OPEN_INCIDENTS.name),), 14),
            ),
        ),
        Section(
            "What was first?",
            (
                Row((Documents(searches.INCIDENTS.name),), 14),
                Row((Documents(searches.ALERTS.name),), 14),
                Row((FIRST_CAUSES,), 14),
                Row((BY_LAYER,), 9),
                Row((BY_SEVERITY,), 9),
            ),
        ),
        Section("What is said of it?", (Row((Documents(searches.ALARMS.name),), 14),)),
        Section("About what can nothing be said?", (Row((SILENT,), 9),)),
    ),
)
