"""How good alerts were: precision, times and suggested limits, from incidents with feedback."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.actions.quality import (
    ANALYZER,
    best_limit,
    publish_quality,
    suggested_limits,
)
from mlmon.alerting.incidents.quality import alert_quality
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from tests.support.histories import START, spell
from tests.support.incident_records import OPENED, incident_of

if TYPE_CHECKING:
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster

ERRORS = {"analyzer": "service_health", "metric": "http.5xx.rate", "service": "api"}
NOW = START + 5 * DAY
WARNING, CRITICAL = 0.02, 0.1
"""The limits that `service_health` declares for the rate of 5xx."""


def burst(cluster: Cluster, namespace: str, path: str, day: int, rate: float) -> None:
    """Store a day on which four hours of a path have an error rate, the others none."""
    found = [
        replace(
            finding,
            value=rate if finding.severity.alarming else 0.0,
            low=rate if finding.severity.alarming else 0.0,
            high=rate if finding.severity.alarming else 0.0,
            warning=WARNING,
            critical=CRITICAL,
            severity=Severity.WARNING if finding.severity.alarming else Severity.OK,
        )
        for finding in spell("owwww" + "o" * 15, path, start=START + day * DAY, **ERRORS)
    ]
    FindingStore(cluster, namespace).write(found, START)


@pytest.fixture
def judged(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Four bursts on four days, two of them false alarms; the incidents' ids by path."""
    for day, (path, rate) in enumerate((("/a", 0.024), ("/b", 0.06), ("/c", 0.028), ("/d", 0.04))):
        burst(cluster, namespace, path, day, rate)
    update(cluster, namespace, START - DAY, NOW, AlertingSettings())
    actions = IncidentActions(cluster, namespace)
    names = {
        incident.title.split(" of ")[1].split(",")[0]: incident.id
        for incident in actions.listed(START - DAY)
    }
    for path, verdict in (
        ("/a", Verdict.FALSE_ALARM),
        ("/b", Verdict.FIXED),
        ("/c", Verdict.FALSE_ALARM),
        ("/d", Verdict.NEW_NORMAL),
    ):
        actions.feedback(names[path], verdict, "ada", "", NOW)
    return names


def incident(analyzers: list[str], feedback: str | None = None, **known: Any) -> IncidentRecord:
    """Return an incident as far as quality reads it."""
    return incident_of(analyzers=tuple(analyzers), feedback=feedback, **known)


def test_precision_has_wilsons_interval() -> None:
    """Fixed and accepted count as right; the interval is scipy's; none without feedback."""
    incidents = [
        *[incident(["a"], "fixed")] * 5,
        incident(["a", "b"], "new_normal"),
        *[incident(["a"], "false_alarm")] * 3,
        incident(["b"]),
        incident(["c"]),
    ]
    by_policy = {quality.policy: quality for quality in alert_quality(incidents, {})}
    assert list(by_policy) == ["all", "a", "b", "c"]
    known = by_policy["a"]
    assert (known.right, known.wrong, known.incidents) == (6, 3, 9)
    expected = binomtest(6, 9).proportion_ci(0.95, method="wilson")
    assert known.precision is not None
    assert known.precision.low == pytest.approx(expected.low)
    assert known.precision.high == pytest.approx(expected.high)
    assert by_policy["c"].precision is None
    assert by_policy["c"].to_json()["precision"] is None
    assert "no feedback" in by_policy["c"].sentence()


def test_times_are_medians() -> None:
    """Time to detect is of all incidents, time to acknowledge of those that somebody took."""
    taken = "acknowledged_after_seconds"

    def started(seconds: int, **known: Any) -> IncidentRecord:
        return incident(["a"], start=OPENED - timedelta(seconds=seconds), **known)

    incidents = [started(60, **{taken: 30}), started(120), started(600, **{taken: 90})]
    found = alert_quality(incidents, {})[0].to_json()
    assert found["time_to_detect_s"] == 120
    assert found["time_to_acknowledge_s"] == 60
    assert found["acknowledged"] == 2
    assert alert_quality([], {}) == []


def test_detection_ends_when_the_opening_became_known() -> None:
    """Lines that come two hours late are found two hours late; a past judged later is not timed."""
    start = OPENED - timedelta(seconds=1)
    incidents = [incident(["a"], id=name, start=start) for name in ("prompt", "late", "backfill")]
    known = {
        "prompt": OPENED + timedelta(seconds=20),
        "late": OPENED + 2 * HOUR,
        "backfill": OPENED + 18 * DAY,
    }
    found = alert_quality(incidents, known)[0]
    assert found.detected == (21.0, 7_201.0)
    assert found.afterwards == 1
    assert "detected after 1 h, 1 judged more than a day afterwards" in found.sentence()
    (only,) = {quality.sentence() for quality in alert_quality(incidents[2:], known)[1:]}
    assert only == "a: 1 incident, no feedback, 1 judged more than a day afterwards"


def test_it_is_stored_as_findings_and_printed(
    cluster: Cluster, namespace: str, judged: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feedback that arrives later revises them; `mlmon incidents stats` says the same."""
    assert publish_quality(cluster, namespace, NOW) > 0
    assert publish_quality(cluster, namespace, NOW + HOUR) == 0
    stored = list(FindingStore(cluster, namespace).search(analyzer=ANALYZER))
    # A window of the whole time would stretch every chart and report over it.
    assert {finding.end - finding.start for finding in stored} == {DAY}

    def precision() -> dict[str | None, tuple[float | None, int | None]]:
        found = FindingStore(cluster, namespace).search(analyzer=ANALYZER, metric="precision")
        return {finding.subject: (finding.value, finding.sample_count) for finding in found}

    assert precision() == {"all": (0.5, 4), "service_health": (0.5, 4)}
    IncidentActions(cluster, namespace).feedback(
        judged["/a"], Verdict.FIXED, "bob", "it was us", NOW + HOUR
    )
    # The bursts were judged days later: no time to detect is known, that could be revised too.
    assert publish_quality(cluster, namespace, NOW + 2 * HOUR) == 2
    assert precision() == {"all": (0.75, 4), "service_health": (0.75, 4)}
    update(cluster, namespace, START - DAY, NOW, AlertingSettings())
    assert not any(
        ANALYZER in incident.analyzers
        for incident in IncidentActions(cluster, namespace).listed(START - DAY)
    )
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    words = ["incidents", "stats", "--since", "2026-01-01"]
    printed = CliRunner().invoke(app, [*words, "--json"]).stdout.splitlines()
    first = json.loads(printed[0])
    assert (first["policy"], first["precision"], first["incidents"]) == ("all", 0.75, 4)
    assert "3 of 4 with feedback were right" in CliRunner().invoke(app, words).stdout


def test_a_limit_is_suggested_with_its_effect(
    cluster: Cluster, namespace: str, judged: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies above the false alarms and below what was right, and nothing is changed."""
    (limit,) = suggested_limits(cluster, namespace, START - DAY, NOW)
    assert (limit.analyzer, limit.metric) == ("service_health", "http.5xx.rate")
    assert limit.now == WARNING
    assert 0.028 < limit.suggested < 0.04
    assert (limit.avoided, limit.false, limit.right) == (2, 2, 2)
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    printed = CliRunner().invoke(app, ["incidents", "stats", "--since", "2026-01-01"]).stdout
    assert "suggested: service_health http.5xx.rate: with a warning limit of" in printed
    assert "2 of 2 false alarms would not have been raised, and all 2 alerts" in printed
    assert len(judged) == 4


def test_no_limit_is_suggested_that_hides_what_was_right(
    cluster: Cluster, namespace: str, judged: dict[str, str]
) -> None:
    """Where the milder burst was the true one, no limit separates them."""
    actions = IncidentActions(cluster, namespace)
    for path, verdict in (
        ("/a", Verdict.FIXED),
        ("/b", Verdict.FALSE_ALARM),
        ("/c", Verdict.FIXED),
        ("/d", Verdict.FALSE_ALARM),
    ):
        actions.feedback(judged[path], verdict, "bob", "the other way round", NOW + HOUR)
    assert suggested_limits(cluster, namespace, START - DAY, NOW + timedelta(days=1)) == []
    assert best_limit([], [], []) is None


@pytest.mark.parametrize(
    "others",
    [
        {"/c": Verdict.FIXED},
        {"/b": Verdict.FALSE_ALARM, "/d": Verdict.FALSE_ALARM},
    ],
    ids=["one false alarm", "nothing that was right"],
)
def test_no_limit_is_suggested_where_little_is_known(
    cluster: Cluster, namespace: str, judged: dict[str, str], others: dict[str, Verdict]
) -> None:
    """One false alarm proves nothing, nor do several without an alert that was right."""
    actions = IncidentActions(cluster, namespace)
    for path, verdict in others.items():
        actions.feedback(judged[path], verdict, "bob", "", NOW + HOUR)
    assert suggested_limits(cluster, namespace, START - DAY, NOW + DAY) == []


def test_no_limit_is_suggested_beyond_the_critical_one(cluster: Cluster, namespace: str) -> None:
    """Two false alarms at twice the critical limit, and one that was right at five times it."""
    for day, (path, rate) in enumerate((("/a", 0.2), ("/b", 0.2), ("/c", 0.5))):
        burst(cluster, namespace, path, day, rate)
    update(cluster, namespace, START - DAY, NOW, AlertingSettings())
    actions = IncidentActions(cluster, namespace)
    for incident in actions.listed(START - DAY):
        right = "/c" in incident.title
        verdict = Verdict.FIXED if right else Verdict.FALSE_ALARM
        actions.feedback(incident.id, verdict, "ada", "", NOW)
    assert suggested_limits(cluster, namespace, START - DAY, NOW) == []
