"""Service health: does it answer quickly and without errors, and which release does not?"""

from __future__ import annotations

from mlmon.analyzers.profiles.kinds.access import CLIENT_ERRORS, SERVER_ERRORS, STATUS
from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.searches import ERRORS, SLOW
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import less_than, within
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import LOGS, REQUESTS

CLIENT_ERROR, SERVER_ERROR = within(STATUS, CLIENT_ERRORS), within(STATUS, SERVER_ERRORS)
PATH = Values("url.path", "Path", 8)

STATUSES = Chart(
    "Requests by status",
    "Requests by class of HTTP status.",
    REQUESTS,
    (
        Measure("2xx and 3xx", where=less_than(STATUS, CLIENT_ERRORS.start), tone="good"),
        Measure("4xx", where=CLIENT_ERROR, tone="warning"),
        Measure("5xx", where=SERVER_ERROR, tone="critical"),
    ),
    "stacked",
)
P95 = Chart(
    "Latency (95th percentile)",
    "19 of 20 requests to a path are faster.",
    REQUESTS,
    (Measure("95th percentile", "percentile", "event.duration", 95, unit="ns"),),
    "line",
    (Time(), PATH),
    unit="ns",
)
BY_CODE = Chart(
    "Errors by code",
    "Failed requests by error code.",
    REQUESTS,
    (Measure("Requests"),),
    "stacked",
    (Time(), Values("error.code", "Error", 8)),
)
BY_RELEASE = Chart(
    "5xx error rate by release",
    "Share of the requests of each release that failed.",
    REQUESTS,
    (Measure("5xx", "ratio", where=SERVER_ERROR, unit="ratio"),),
    "line",
    (Time(), Values("service.version", "Release", 6, "name")),
    unit="ratio",
)
BY_PATH = Chart(
    "Paths",
    "Requests, latency and error rates of each path.",
    REQUESTS,
    (
        Measure("Requests"),
        Measure("Median", "median", "event.duration", unit="ns"),
        Measure("95th percentile", "percentile", "event.duration", 95, unit="ns"),
        Measure("99th percentile", "percentile", "event.duration", 99, unit="ns"),
        Measure("4xx", "ratio", where=CLIENT_ERROR, unit="ratio"),
        Measure("5xx", "ratio", where=SERVER_ERROR, unit="ratio"),
    ),
    "table",
    (Values("url.path", "Path", 20),),
)
EXCEPTIONS = Chart(
    "Logged exceptions",
    "Exceptions by service.",
    LOGS,
    (Measure("Events"), Measure("Latest", "max", "@timestamp")),
    "table",
    (Values("service.name", "Service", 10), Values("error.type", "Exception", 10)),
)

DASHBOARD = Dashboard(
    "service_health",
    "Service health",
    "Does the service answer quickly and without errors, and which release does not?",
    order=2,
    layers=("service",),
    controls=(SERVICE, ENVIRONMENT),
    sections=(
        Section("Traffic and errors", (PanelRow((STATUSES, P95)), PanelRow((BY_CODE, BY_RELEASE)))),
        Section("Paths and exceptions", (PanelRow((BY_PATH,), 9), PanelRow((EXCEPTIONS,), 9))),
        Section(
            "Slow and failed requests",
            (PanelRow((Documents(SLOW.name),), 12), PanelRow((Documents(ERRORS.name),), 12)),
        ),
    ),
)
