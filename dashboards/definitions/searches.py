"""Saved searches for developers, and for whoever is on call."""

from typing import Final

from mlmon.dashboards.model import sources
from mlmon.dashboards.model.condition import AtLeast, Either, Exists, Not, is_
from mlmon.dashboards.model.saved_search import SavedSearch
from mlmon.dashboards.model.source import TIME_FIELD

SLOW_NS: Final = 100_000_000
"""Slow requests take 100 ms or more: twice the warning limit of `latency.p95`."""

OPEN_INCIDENTS: Final = SavedSearch(
    "open_incidents",
    "Open incidents",
    "Incidents that are open now, with their likely cause, regardless of the time range.",
    sources.INCIDENT_DOCUMENTS,
    (
        "incident.severity",
        "event.start",
        "incident.title",
        "incident.summary",
        "incident.runbook",
        "incident.alert_ids",
        "incident.id",
        "incident.acknowledged_by",
    ),
    is_("incident.status", "open"),
    (("event.start", "desc"),),
)
INCIDENT_LIST: Final = SavedSearch(
    "all_incidents",
    "Incidents, newest first",
    "Open and closed incidents with their likely cause, regardless of the time range.",
    sources.INCIDENT_DOCUMENTS,
    (
        "event.start",
        "event.end",
        "incident.worst",
        "incident.title",
        "incident.cause.reason",
        "incident.alert_ids",
        "incident.id",
        "incident.feedback",
    ),
    Not(is_("incident.status", "withdrawn", "merged")),
    (("event.start", "desc"),),
)
ALERT_LIST: Final = SavedSearch(
    "all_alerts",
    "Alerts, newest first",
    "The alerts of all incidents, regardless of the time range.",
    sources.ALERT_DOCUMENTS,
    (
        "event.start",
        "event.end",
        "finding.severity",
        "finding.analyzer",
        "finding.metric",
        "finding.subject",
        "finding.reason",
        "finding.series",
    ),
    Not(is_("alert.status", "withdrawn")),
    (("event.start", "desc"),),
)
ALARMS: Final = SavedSearch(
    "alarms",
    "Warning and critical findings",
    "Every warning and critical finding, with its sentence.",
    sources.FINDING_DOCUMENTS,
    ("finding.severity", "finding.analyzer", "finding.subject", "finding.reason"),
    is_("finding.severity", "warning", "critical"),
)
ALL_FINDINGS: Final = SavedSearch(
    "all_findings",
    "Findings",
    "Every finding with its sentence: what was measured, against which limits.",
    sources.FINDING_DOCUMENTS,
    (
        "finding.severity",
        "finding.analyzer",
        "finding.metric",
        "finding.subject",
        "finding.value",
        "finding.reason",
        "finding.runbook",
    ),
)
INCIDENT_STORY: Final = SavedSearch(
    "changes_of_incidents",
    "Changes of incidents",
    "What happened to each incident, and who acted: search for `incident.id: …`.",
    sources.INCIDENT_EVENTS,
    ("incident.id", "change.kind", "incident.severity", "change.text", "change.by"),
)
MESSAGE_LIST: Final = SavedSearch(
    "all_messages",
    "Messages",
    "Messages about incidents by route, with the reason where one was not sent.",
    sources.MESSAGES,
    ("delivery.route", "delivery.status", "change.kind", "incident.id", "delivery.reason"),
)
ERRORS: Final = SavedSearch(
    "errors_by_release",
    "Errors by release",
    "Errors, newest release first.",
    sources.LOGS,
    (
        "service.version",
        "service.name",
        "event.dataset",
        "error.code",
        "error.type",
        "message",
        "error.message",
        "trace.id",
    ),
    Either(
        (
            is_("log.level", "error", "critical"),
            Exists("error.type"),
            Exists("error.code"),
        )
    ),
    (("service.version", "desc"), (TIME_FIELD, "desc")),
)
STORY: Final = SavedSearch(
    "story",
    "Events of one trace",
    "All events of a trace in time order: search for `trace.id: …` or `ml.prediction.id: …`.",
    sources.LOGS,
    (
        "trace.id",
        "event.dataset",
        "service.name",
        "message",
        "ml.prediction.score",
        "ml.prediction.decision",
        "ml.bid.value",
        "ml.outcome.label",
        "error.message",
    ),
    Exists("trace.id"),
    ((TIME_FIELD, "asc"),),
)
REQUEST_LINES: Final = SavedSearch(
    "requests",
    "Requests",
    "Every HTTP request with its status, duration and error.",
    sources.REQUESTS,
    ("url.path", "http.response.status_code", "event.duration", "error.code", "trace.id"),
)
SLOW: Final = SavedSearch(
    "slow_requests",
    "Slow requests",
    "Requests that took 100 ms or more, slowest first.",
    sources.REQUESTS,
    ("event.duration", "url.path", "http.response.status_code", "service.version", "trace.id"),
    AtLeast("event.duration", SLOW_NS),
    (("event.duration", "desc"), (TIME_FIELD, "desc")),
)
PREDICTION_LINES: Final = SavedSearch(
    "predictions",
    "Predictions",
    "Every prediction with its score, decision and missing features.",
    sources.PREDICTIONS,
    (
        "ml.model.version",
        "ml.prediction.score",
        "ml.prediction.decision",
        "ml.features.missing",
        "ml.prediction.id",
        "trace.id",
    ),
)
FALLBACK_LINES: Final = SavedSearch(
    "fallbacks_by_source",
    "Fallbacks by feature source",
    "Each use of defaults instead of feature values, by source.",
    sources.FALLBACKS,
    ("ml.feature_source.name", "event.reason", "ml.feature_source.age_s", "trace.id"),
    sort=(("ml.feature_source.name", "asc"), (TIME_FIELD, "desc")),
)
REJECTED: Final = SavedSearch(
    "rejected_lines",
    "Rejected lines",
    "Lines that Elasticsearch or the shipper rejected, with reason, file and offset.",
    sources.DEAD,
    ("error.type", "error.message", "log.file.path", "log.offset"),
)
FAILED_JOBS: Final = SavedSearch(
    "failed_jobs",
    "Failed jobs",
    "Failed runs with their error.",
    sources.JOBS,
    ("ml.job.name", "event.duration", "error.type", "error.message", "ml.job.run_id"),
    is_("event.outcome", "failure"),
)
JOB_RUNS: Final = SavedSearch(
    "job_runs",
    "Job runs",
    "Every start and end of a job.",
    sources.JOBS,
    ("ml.job.name", "event.action", "event.outcome", "event.duration", "ml.job.records"),
)
MODEL_EVENTS: Final = SavedSearch(
    "model_events",
    "Model events",
    "Every training, evaluation and reload of a model.",
    sources.MODELS,
    ("event.action", "event.outcome", "ml.model.version", "message", "error.message"),
)

STORE_LINES: Final = SavedSearch(
    "store_lines",
    "Feature stores",
    "Every measurement of a store of pre-computed features.",
    sources.STORES,
    ("ml.feature_source.name", "ml.store.entity", "ml.store.covered", "ml.store.total", "message"),
)

SEARCHES: Final = (
    OPEN_INCIDENTS,
    INCIDENT_LIST,
    ALERT_LIST,
    ALARMS,
    ALL_FINDINGS,
    INCIDENT_STORY,
    MESSAGE_LIST,
    ERRORS,
    STORY,
    REQUEST_LINES,
    SLOW,
    PREDICTION_LINES,
    FALLBACK_LINES,
    STORE_LINES,
    REJECTED,
    FAILED_JOBS,
    JOB_RUNS,
    MODEL_EVENTS,
)
"""All of them."""
