"""A seeded scenario of findings, and the real browser that opens the report."""

import importlib.util
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmon.alerting.alerts.alert import Alert
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.people import handling
from mlmon.alerting.policies.policy import policy_of
from mlmon.analyzers.base.alert_policy import AlertPolicy, CauseLayer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.window import Window
from mlmon.analyzers.run.ground_truth import ExpectedFinding, TrueIncident
from mlmon.report.html.incident_list import StoredIncident
from mlmon.report.html.page import report_html
from mlmon.report.html.series import record
from mlmon.report.html.vega_bundle import vega_script
from tests.support.histories import all_alerts

CHECKER = Path(__file__).parents[3] / "shared" / "tools" / "check_artefacts.py"
Errors = Callable[[str, Any], list[str]]
START = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = 18
PATHS = ("/ml/autobid/predict_success_proba", "/ml/autobid/reload", "/health")
FEATURES = (
    "bid_price",
    "budget",
    "country",
    "hour",
    "category",
    "profile_success_rate",
    "profile_age_days",
    "proposals",
    "skills_match",
    "client_rating",
    "client_spend",
    "job_length",
)
FIVE_MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Story:
    """One incident of the scenario: when, in hours from the start, and what moves how far."""

    title: str
    cause: str
    begins: float
    lasts: float
    moves: tuple[tuple[str, str, str, float], ...]


STORIES = (
    Story(
        "5xx burst",
        "The API answers 500 to a fifth of the requests.",
        100,
        1.5,
        (("service_health", "http.5xx.rate", PATHS[0], 0.2),),
    ),
    Story(
        "Latency regression",
        "A release doubles the latency.",
        150,
        9,
        (
            ("service_health", "latency.p95", PATHS[0], 210.0),
            ("service_health", "latency.p99", PATHS[0], 420.0),
            ("service_health", "latency.mean", PATHS[0], 110.0),
        ),
    ),
    Story(
        "Shift of bid_price",
        "A new client sends prices in cents.",
        200,
        30,
        (
            ("feature_drift", "ks.distance", "bid_price", 0.42),
            ("score_shift", "ks.distance", "ml.prediction.score", 0.16),
            ("data_quality", "out_of_range.rate", "bid_price", 0.09),
        ),
    ),
    Story(
        "New category",
        "Jobs of a category the model never saw.",
        260,
        24,
        (
            ("data_quality", "unseen_category.rate", "category", 0.12),
            ("feature_drift", "total_variation", "category", 0.14),
        ),
    ),
    Story(
        "Statistics job dead",
        "The statistics job stops; defaults step in.",
        310,
        50,
        (
            ("job_health", "missed.runs", "statistics_job", 4.0),
            ("fallback_rate", "source.age_hours", "profile_historical_stats", 60.0),
            ("fallback_rate", "fallback.rate", "profile_historical_stats", 0.7),
            ("feature_drift", "ks.distance", "profile_success_rate", 0.33),
        ),
    ),
    Story(
        "Training job fails",
        "The training job ends with an error each night.",
        400,
        32,
        (("job_health", "failed.runs", "train_model_job", 2.0),),
    ),
    Story("Traffic drops", "Half of the clients are gone, quietly.", 50, 3, ()),
)


@dataclass(frozen=True)
class Check:
    """One metric of one subject: its usual value, noise, limits and window."""

    analyzer: str
    metric: str
    subject: str
    usual: float
    noise: float
    warning: float
    critical: float
    window: timedelta = HOUR


@dataclass(frozen=True)
class ScenarioAnalyzer:
    """An analyzer as far as a report looks at one."""

    name: str
    question: str
    metrics: tuple[Metric, ...]
    alert_policy: AlertPolicy


def checks() -> Iterator[Check]:
    """Yield every check of the scenario."""
    for path in PATHS:
        for metric, usual, warning, critical in (
            ("latency.mean", 42, 70, 100),
            ("latency.p95", 88, 130, 190),
            ("latency.p99", 140, 250, 400),
        ):
            yield Check(
                "service_health", metric, path, usual, usual / 12, warning, critical, FIVE_MINUTES
            )
        yield Check("service_health", "http.5xx.rate", path, 0.001, 0.001, 0.01, 0.05, FIVE_MINUTES)
        yield Check("service_health", "http.400.rate", path, 0.01, 0.003, 0.05, 0.1, FIVE_MINUTES)
    for feature in FEATURES:
        metric = "total_variation" if feature in {"country", "category"} else "ks.distance"
        yield Check("feature_drift", metric, feature, 0.03, 0.01, 0.1, 0.2)
        yield Check("data_quality", "missing.rate", feature, 0.01, 0.002, 0.05, 0.1)
    yield Check("data_quality", "out_of_range.rate", "bid_price", 0.001, 0.0005, 0.02, 0.05)
    yield Check("data_quality", "unseen_category.rate", "category", 0.0005, 0.0003, 0.02, 0.05)
    yield Check("score_shift", "ks.distance", "ml.prediction.score", 0.04, 0.01, 0.1, 0.2)
    yield Check("fallback_rate", "fallback.rate", "profile_historical_stats", 0.01, 0.005, 0.1, 0.3)
    yield Check("fallback_rate", "source.age_hours", "profile_historical_stats", 5, 3, 24, 48)
    for job in ("assemble_data_job", "train_model_job", "statistics_job"):
        yield Check("job_health", "failed.runs", job, 0, 0, 1, 2, timedelta(hours=24))
        yield Check("job_health", "missed.runs", job, 0, 0, 1, 3, timedelta(hours=6))


def findings_of(check: Check, days: int, noise: random.Random) -> Iterator[Finding]:
    """Yield one check's findings; drift's first day is unknown: there is too little to judge."""
    moves = [
        (one.begins, one.begins + one.lasts, move[3])
        for one in STORIES
        for move in one.moves
        if move[:3] == (check.analyzer, check.metric, check.subject)
    ]
    start = START
    while start + check.window <= START + timedelta(days=days):
        end = start + check.window
        hours = (end - START) / HOUR
        moved = next(
            (to for begins, ends, to in moves if begins < hours <= ends + check.window / HOUR), None
        )
        value = max(
            0.0,
            noise.gauss(
                check.usual if moved is None else moved,
                check.noise if moved is None else abs(moved) / 10,
            ),
        )
        yield _finding(check, start, end, value)
        start = end


def _finding(check: Check, start: datetime, end: datetime, value: float) -> Finding:
    """Return the finding that a value amounts to."""
    severity = (
        Severity.CRITICAL
        if value >= check.critical
        else Severity.WARNING
        if value >= check.warning
        else Severity.OK
    )
    drift = check.analyzer in {"feature_drift", "score_shift"}
    early = drift and end <= START + timedelta(hours=20)
    return Finding.of(
        analyzer=check.analyzer,
        metric=check.metric,
        subject=check.subject,
        start=start,
        end=end,
        severity=Severity.UNKNOWN if early else severity,
        reason="412 of at least 1,000 predictions: too few to judge."
        if early
        else f"{check.metric} of {check.subject} is {value:.3g}, the limit is {check.warning:g}.",
        service="autobid-api",
        model_name="autobid",
        model_version="7" if start < START + timedelta(days=9) else "8",
        value=value,
        low=max(0.0, value - 0.01) if drift else None,
        high=value + 0.01 if drift else None,
        warning=check.warning,
        critical=check.critical,
        runbook=f"docs/analyzers/{check.analyzer}.md",
    )


def scenario_findings(days: int = DAYS) -> list[Finding]:
    """Return all findings of the scenario's first days."""
    noise = random.Random(3)
    return [finding for check in checks() for finding in findings_of(check, days, noise)]


def scenario_truth() -> tuple[TrueIncident, ...]:
    """Return the scenario's incidents from its truth."""
    return tuple(
        TrueIncident(
            id=one.title.lower().replace(" ", "-"),
            title=one.title,
            time=Window(START + one.begins * HOUR, START + (one.begins + one.lasts) * HOUR),
            cause=one.cause,
            expect=tuple(ExpectedFinding(*move[:3]) for move in one.moves),
        )
        for one in STORIES
    )


def scenario_incidents(findings: list[Finding]) -> tuple[StoredIncident, ...]:
    """Return the incidents that alerting makes of findings, as it stores them."""
    alerts = [
        alert
        for analyzer in ANALYZERS
        for alert in all_alerts(
            policy_of(analyzer.name, analyzer.alert_policy, f"docs/analyzers/{analyzer.name}.md"),
            [finding for finding in findings if finding.analyzer == analyzer.name],
        )
    ]
    return incidents_of(alerts, max(finding.end for finding in findings))


def incidents_of(alerts: list[Alert], now: datetime) -> tuple[StoredIncident, ...]:
    """Return the incidents of some alerts as alerting stores them."""
    return tuple(
        StoredIncident(incident_record(incident, handling([]), now), incident.members)
        for incident in correlate(alerts)
    )


def _analyzer(
    name: str, question: str, layer: CauseLayer, *panels: tuple[str, str, str]
) -> ScenarioAnalyzer:
    """Return an analyzer with panels of title, metric and unit."""
    declared = tuple(
        Metric(metric, title, f"{title}: a value over its limit needs a look.", unit=unit)
        for title, metric, unit in panels
    )
    return ScenarioAnalyzer(name, question, declared, AlertPolicy("warning", 1, 1, layer))


ANALYZERS = (
    _analyzer(
        "service_health",
        "Does the service answer, quickly and without errors?",
        "service",
        ("Server errors", "http.5xx.rate", "ratio"),
        ("Bad requests", "http.400.rate", "ratio"),
        ("Latency, 95th percentile", "latency.p95", "ms"),
        ("Latency, 99th percentile", "latency.p99", "ms"),
        ("Latency, mean", "latency.mean", "ms"),
    ),
    _analyzer(
        "job_health",
        "Do the jobs run, succeed and take their usual time?",
        "job",
        ("Missed runs", "missed.runs", "runs"),
        ("Failed runs", "failed.runs", "runs"),
    ),
    _analyzer(
        "fallback_rate",
        "How often do defaults stand in for stale statistics?",
        "fallback",
        ("Fallbacks", "fallback.rate", "ratio"),
        ("Age of the source", "source.age_hours", "h"),
    ),
    _analyzer(
        "feature_drift",
        "Have the inputs moved away from the training set?",
        "feature",
        ("Drift of numbers", "ks.distance", ""),
        ("Drift of categories", "total_variation", ""),
    ),
    _analyzer(
        "data_quality",
        "Are inputs missing, out of range or never seen?",
        "feature",
        ("Missing values", "missing.rate", "ratio"),
        ("Out of range", "out_of_range.rate", "ratio"),
        ("Unseen categories", "unseen_category.rate", "ratio"),
    ),
    _analyzer(
        "score_shift",
        "Have the scores moved away from the training set's?",
        "score",
        ("Score shift", "ks.distance", ""),
    ),
)


@pytest.fixture(scope="session")
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script."""
    return vega_script()


@pytest.fixture(scope="session")
def findings() -> list[Finding]:
    """The scenario's findings, some hundred thousand."""
    return scenario_findings()


@pytest.fixture(scope="session")
def truth() -> tuple[TrueIncident, ...]:
    """The scenario's incidents."""
    return scenario_truth()


@pytest.fixture(scope="session")
def short() -> list[Finding]:
    """The scenario's first two days."""
    return scenario_findings(2)


@pytest.fixture(scope="session")
def analyzers() -> tuple[ScenarioAnalyzer, ...]:
    """The analyzers that the scenario's findings come from."""
    return ANALYZERS


@pytest.fixture(scope="session")
def incidents(findings: list[Finding]) -> tuple[StoredIncident, ...]:
    """The incidents of the scenario's findings."""
    return scenario_incidents(findings)


@pytest.fixture(scope="session")
def scenario_page(
    findings: list[Finding],
    incidents: tuple[StoredIncident, ...],
    truth: tuple[TrueIncident, ...],
    javascript: str,
) -> str:
    """The scenario's report."""
    made = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    return report_html(
        record(findings),
        ANALYZERS,
        truth,
        incidents=incidents,
        made=made,
        namespace="test",
        javascript=javascript,
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's reports and pictures lie."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def checker() -> Errors | None:
    """The checker of artefacts by Kibana's published schemas; None where it is absent."""
    if not CHECKER.exists():
        return None
    found = importlib.util.spec_from_file_location("check_artefacts", CHECKER)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    errors: Errors = module.errors
    return errors


@pytest.fixture(scope="session")
def schema_errors(checker: Errors | None) -> Errors:
    """The same for the stand-in, which goes on without it."""
    return checker or (lambda _kind, _body: [])
