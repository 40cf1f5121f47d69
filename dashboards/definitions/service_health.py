"""Service health: does it answer quickly and without errors, and which release does not?"""

from __future__ import annotations

from mlmon.analyzers.checks.service_health.service_health import ServiceHealth
from mlmon.analyzers.profiles.kinds.access import CLIENT_ERRORS, SERVER_ERRORS, STATUS
from mlmon.dashboards.definitions.controls import ENVIRONMENT, SERVICE
from mlmon.dashboards.definitions.event_marks import EVENT_MARKS
from mlmon.dashboards.definitions.searches import ERRORS, SLOW
from mlmon.dashboards.model.chart import Chart, Line, Measure, Time, ToneStep, Values
from mlmon.dashboards.model.condition import AtLeast, less_than, within
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import LOGS, REQUESTS

CLIENT_ERROR, SERVER_ERROR = within(STATUS, CLIENT_ERRORS), within(STATUS, SERVER_ERRORS)
PATH = Values("url.path", "Path", 8)
MS = 1_000_000
"""Nanoseconds of a millisecond."""


def _limits(metric: str, factor: float = 1.0) -> tuple[Line, Line]:
    """Return a metric's limits as lines, in the unit of a chart."""
    limits = next(one.limits for one in ServiceHealth.metrics if one.name == metric)
    return (
        Line("Warning limit", limits.warning * factor, "warning"),
        Line("Critical limit", limits.critical * factor, "critical"),
    )


# Objectives are the limits: 5xx below its warning limit, 99 % faster than that of the p99 latency.
ERROR_BUDGET = _limits("http.5xx.rate")[0].value
SLOW_BUDGET = 0.01
SLOW_NS = _limits("latency.p99", MS)[0].value
FAST_BURN = 14.4
"""Burns a budget of 30 days in two (Site Reliability Workbook, chapter 5)."""
_SLOW = AtLeast("event.duration", SLOW_NS)


def _budget(budget: float) -> tuple[Line, Line]:
    return (
        Line("Budget", budget, "warning"),
        Line("Burns 30 days' budget in 2 days", min(1.0, FAST_BURN * budget), "critical"),
    )


def _spent(title: str, sentence: str, measure: Measure, budget: float) -> Chart:
    """Return the tile of a budget's consumption in the time range."""
    steps = (
        ToneStep(0, "good"),
        ToneStep(budget, "warning"),
        ToneStep(min(1.0, FAST_BURN * budget), "critical"),
    )
    return Chart(title, sentence, REQUESTS, (measure,), "tile", (), unit="ratio", steps=steps)


FAILED = Measure("Failed requests", "ratio", where=SERVER_ERROR, unit="ratio")
TOO_SLOW = Measure("Slow requests", "ratio", where=_SLOW, unit="ratio")
FAILED_SHARE = _spent(
    "Failed requests of the time range",
    f"Share of 5xx responses; the budget is {ERROR_BUDGET:.0%}.",
    FAILED,
    ERROR_BUDGET,
)
SLOW_SHARE = _spent(
    "Slow requests of the time range",
    f"Share that took {SLOW_NS / MS:.0f} ms or more; the budget is {SLOW_BUDGET:.0%}.",
    TOO_SLOW,
    SLOW_BUDGET,
)
ERROR_BURN = Chart(
    "Error budget burn",
    "Share of failed requests against the error budget.",
    REQUESTS,
    (FAILED,),
    "line",
    unit="ratio",
    lines=_budget(ERROR_BUDGET),
)
LATENCY_BURN = Chart(
    "Latency budget burn",
    f"Share of requests of {SLOW_NS / MS:.0f} ms or more against the budget.",
    REQUESTS,
    (TOO_SLOW,),
    "line",
    unit="ratio",
    lines=_budget(SLOW_BUDGET),
)

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
    lines=_limits("latency.p95", MS),
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
    lines=_limits("http.5xx.rate"),
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
    marks=EVENT_MARKS,
    sections=(
        Section(
            "Objectives",
            (PanelRow((FAILED_SHARE, SLOW_SHARE), 5), PanelRow((ERROR_BURN, LATENCY_BURN), 9)),
            "How much of the error budget is used, and how fast?",
        ),
        Section("Traffic and errors", (PanelRow((STATUSES, P95)), PanelRow((BY_CODE, BY_RELEASE)))),
        Section("Paths and exceptions", (PanelRow((BY_PATH,), 9), PanelRow((EXCEPTIONS,), 9))),
        Section(
            "Slow and failed requests",
            (PanelRow((Documents(SLOW.name),), 12), PanelRow((Documents(ERRORS.name),), 12)),
        ),
    ),
)
