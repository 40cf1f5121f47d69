"""A whole run on Elasticsearch: lost lines are never read as a change of what they were about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import HOUR, MINUTE, Window, iso, parse_time
from mlmon.analyzers.checks.completeness import CompletenessOfLogs
from mlmon.analyzers.checks.service_health.service_health import ServiceHealth
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.numbered_lines import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
PER_HOUR = 100
BURST = 30
"""The hour in which half of the requests fail."""


@pytest.fixture
def requests(accesses_of: Callable[..., Events]) -> Callable[..., Events]:
    """Make numbered lines of hours of requests; in one hour every other request fails."""

    def make(hours: int) -> Events:
        def status(hour: int, index: int) -> int:
            return 500 if hour == BURST and index % 2 == 0 else 200

        numbered = enumerate(accesses_of(hours, PER_HOUR, status=status), start=1)
        return [
            event | {"process.entity_id": "p", "event.sequence": number, "event.id": f"p-{number}"}
            for number, event in numbered
        ]

    return make


@pytest.fixture
def run(cluster: Cluster, namespace: str) -> Callable[..., None]:
    """Judge requests and logs up to a moment, as of another."""

    def act(hours: float = 36, now: float = 48) -> None:
        engine.analyze(
            cluster,
            namespace,
            Window(START, START + hours * HOUR),
            now=START + now * HOUR,
            analyzers=[CompletenessOfLogs(), ServiceHealth()],
        )

    return act


@pytest.fixture
def findings_of(cluster: Cluster, namespace: str) -> Callable[..., list[Finding]]:
    """What is reported of a metric in the hour of the burst, now or as was known at a moment.

    Early alarms are left out: they are of shorter windows, each with lines of its own.
    """

    def act(metric: str, hour: float = BURST, **known: Any) -> list[Finding]:
        found = FindingStore(cluster, namespace).search(
            since=START + hour * HOUR, until=START + (hour + 1) * HOUR, metric=metric, **known
        )
        return [finding for finding in found if not finding.certain]

    return act


def fails(event: dict[str, Any]) -> bool:
    """Whether a request failed."""
    return bool(event["http.response.status_code"] == 500)


def hour(event: dict[str, Any]) -> float:
    """Return how many hours after the start an event was written."""
    return (parse_time(event["@timestamp"]) - START) / HOUR


def test_lost_errors_are_not_a_service_without_errors(
    requests: Callable[..., Events],
    ship: Callable[..., None],
    run: Callable[..., None],
    findings_of: Any,
) -> None:
    """The burst's lines are lost: no `ok`; they arrive late: critical, as a second revision."""
    events = requests(36)
    ship([event for event in events if not fails(event)])
    run(now=48)
    before = findings_of("http.5xx.rate")
    assert {(finding.value, finding.severity, finding.revision) for finding in before} == {
        (0.0, Severity.UNKNOWN, 1)
    }
    assert all("logs are incomplete" in finding.reason for finding in before)
    assert sum(finding.completeness for finding in before) / len(before) == pytest.approx(
        0.5, abs=0.05
    )
    (lost,) = findings_of("lost.rate")
    assert (lost.value, lost.severity, lost.sample_count) == (0.5, Severity.CRITICAL, 100)
    calm = findings_of("http.5xx.rate", BURST - 2)
    assert {(finding.severity, finding.completeness) for finding in calm} == {(Severity.OK, 1.0)}

    ship([event | {"event.ingested": iso(START + 49 * HOUR)} for event in events if fails(event)])
    run(now=50)
    after = findings_of("http.5xx.rate")
    assert {(finding.severity, finding.completeness, finding.revision) for finding in after} == {
        (Severity.CRITICAL, 1.0, 2)
    }
    (found,) = findings_of("lost.rate")
    assert (found.value, found.severity, found.revision) == (0.0, Severity.OK, 2)
    (late,) = findings_of("late.rate")
    assert late.value == 0.5
    at_the_time = findings_of("http.5xx.rate", as_of=START + 48 * HOUR)
    assert [(finding.key, finding.content_digest) for finding in at_the_time] == [
        (finding.key, finding.content_digest) for finding in before
    ]


def test_an_alarm_that_lost_lines_cannot_explain_stands(
    requests: Callable[..., Events],
    ship: Callable[..., None],
    run: Callable[..., None],
    findings_of: Any,
) -> None:
    """A few good lines lost in the burst change no verdict, and its sentence says so."""
    events = requests(36)
    good = [event["event.id"] for event in events if int(hour(event)) == BURST and not fails(event)]
    ship([event for event in events if event["event.id"] not in good[10:35:5]])
    run()
    found = findings_of("http.5xx.rate")
    assert {finding.severity for finding in found} == {Severity.CRITICAL}
    assert all("Holds regardless of the 5 lost lines" in finding.reason for finding in found)
    assert findings_of("lost.rate")[0].value == 0.05


def test_lost_lines_are_not_silence(
    requests: Callable[..., Events],
    ship: Callable[..., None],
    run: Callable[..., None],
    findings_of: Any,
) -> None:
    """Two hours without a line are silence, until it is known that their lines were lost."""
    events = requests(101)
    ship([event for event in events if hour(event) < 98])
    run(hours=100, now=100)
    silent = [*findings_of("traffic.rpm", 98), *findings_of("traffic.rpm", 99)]
    assert [finding.severity.alarming for finding in silent] == [True] * 2
    assert {finding.completeness for finding in silent} == {None}
    ship([event for event in events if hour(event) >= 100])
    run(hours=100, now=101)
    silent = [*findings_of("traffic.rpm", 98), *findings_of("traffic.rpm", 99)]
    assert [finding.severity for finding in silent] == [Severity.UNKNOWN] * 2
    assert {finding.completeness for finding in silent} == {0.0}
    assert all("logs are incomplete" in finding.reason for finding in silent)
    run(hours=101, now=102)
    (lost,) = findings_of("lost.rate", 100)
    assert (lost.value, lost.sample_count) == (200 / 300, 300)
    assert "9,801 to 10,000 of process p" in lost.reason


def test_cycles_and_one_run_agree_on_lost_lines(
    cluster: Cluster, namespace: str, requests: Callable[..., Events], ship: Callable[..., None]
) -> None:
    """A gap that shows hours later, and is filled in part, revises the findings of its time."""
    events = requests(30)
    there = [event for event in events if not 26 <= hour(event) < 28.5]
    filling = [
        event | {"event.ingested": iso(START + 29.5 * HOUR)} for event in events[2_700:2_800]
    ]
    arriving: dict[float, Events] = {end: [] for end in (26.25, 28, 29, 30)}
    for event in there:
        arriving[min(end for end in arriving if hour(event) < end)].append(event)
    arriving[30] += filling
    for end, due in arriving.items():
        if due:
            ship(due)
        run_cycle(cluster, namespace, START + end * HOUR, START)
    now, other = START + 30 * HOUR + MINUTE, f"{namespace}_whole"
    run_cycle(cluster, namespace, now, START)
    ship([*there, *filling], into=other)
    engine.analyze(cluster, other, Window(START, START + 30 * HOUR), now=now)
    cycles, whole = (
        {
            (finding.metric, finding.subject, finding.start, finding.end): finding.content_digest
            for finding in FindingStore(cluster, where).search(until=START + 30 * HOUR)
        }
        for where in (namespace, other)
    )
    assert cycles == whole
    assert len(whole) > 100
