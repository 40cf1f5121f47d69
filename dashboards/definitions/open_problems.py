"""Open problems: what is wrong now, since when, and what is the likely cause?"""

from __future__ import annotations

from mlmon.dashboards.definitions import searches
from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.state_now import STATE_NOW
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import both, is_
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import (
    ALERT_DOCUMENTS,
    FINDING_DOCUMENTS,
    INCIDENT_EVENTS,
    MESSAGES,
)

BY_SEVERITY = Chart(
    "Problems over time",
    "Warning and critical findings.",
    FINDING_DOCUMENTS,
    (
        Measure("Critical", where=is_("finding.severity", "critical"), tone="critical"),
        Measure("Warning", where=is_("finding.severity", "warning"), tone="warning"),
    ),
    "stacked",
)
BY_LAYER = Chart(
    "Open alerts by layer",
    "Open alerts by their place in the chain of causes.",
    ALERT_DOCUMENTS,
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
    "Checks without a verdict",
    "Checks that could not be judged, and when last.",
    FINDING_DOCUMENTS,
    (Measure("Findings"), Measure("Last", "max", "@timestamp")),
    "table",
    (Values("finding.analyzer", "Analyzer", 12), Values("finding.metric", "Metric", 8)),
    is_("finding.severity", "unknown"),
)


def _quality(title: str, sentence: str, metric: str, unit: str) -> Chart:
    """Return a table of what is known of each policy's alerts, from the findings about alerting."""
    return Chart(
        title,
        sentence,
        FINDING_DOCUMENTS,
        (
            Measure(title, "last", "finding.value", unit=unit),
            Measure("Incidents", "last", "finding.sample.count"),
        ),
        "table",
        (Values("finding.subject", "Policy", 25, "name"),),
        both(is_("finding.analyzer", "alert_quality"), is_("finding.metric", metric)),
    )


PRECISION = _quality(
    "Precision of alerts",
    "Share of the incidents with feedback that were no false alarm, in the last 90 days.",
    "precision",
    "ratio",
)
DETECTION = _quality(
    "Time to detect",
    "Median time from an incident's start to its opening, in the last 90 days.",
    "detection.time",
    "s",
)
ACKNOWLEDGEMENT = _quality(
    "Time to acknowledge",
    "Median time from an incident's opening to its first acknowledgement, in the last 90 days.",
    "acknowledgement.time",
    "s",
)
OPENED = Chart(
    "Incidents opened",
    "Incidents by their severity when they opened.",
    INCIDENT_EVENTS,
    (
        Measure("Critical", where=is_("incident.severity", "critical"), tone="critical"),
        Measure("Warning", where=is_("incident.severity", "warning"), tone="warning"),
    ),
    "stacked",
    where=is_("change.kind", "opened", "reopened"),
)
ACTIONS = Chart(
    "Changes of incidents",
    "What happened to incidents, and what people did.",
    INCIDENT_EVENTS,
    (Measure("Changes"),),
    "stacked",
    (Time(), Values("change.kind", "Change", 8)),
)
MESSAGES_SENT = Chart(
    "Messages by route and status",
    "Was each message sent, and if not, why?",
    MESSAGES,
    (
        Measure("Messages"),
        Measure("Latest", "max", "@timestamp"),
        Measure("Latest reason", "last", "delivery.reason"),
    ),
    "table",
    (Values("delivery.route", "Route", 10), Values("delivery.status", "Status", 5)),
)

DASHBOARD = Dashboard(
    "open_problems",
    "Open problems",
    "What is wrong now, since when, and what is the likely cause?",
    order=9,
    controls=(SERVICE, ENVIRONMENT),
    sections=(
        Section(
            "Current state",
            (
                PanelRow(STATE_NOW, 6),
                PanelRow((Documents(searches.OPEN_INCIDENTS.name),), 14),
            ),
        ),
        Section(
            "Timeline of incidents and alerts",
            (
                PanelRow((Documents(searches.INCIDENT_LIST.name),), 14),
                PanelRow((Documents(searches.ALERT_LIST.name),), 14),
                PanelRow((BY_LAYER,), 9),
                PanelRow((BY_SEVERITY,), 9),
            ),
        ),
        Section(
            "Alerting",
            (
                PanelRow((OPENED, ACTIONS, MESSAGES_SENT), 10),
                PanelRow((PRECISION, DETECTION, ACKNOWLEDGEMENT), 10),
            ),
            "What did alerting do: incidents, messages, time to acknowledge, precision?",
        ),
        Section("Findings", (PanelRow((Documents(searches.ALARMS.name),), 14),)),
        Section("Checks without a verdict", (PanelRow((SILENT,), 9),)),
    ),
)
