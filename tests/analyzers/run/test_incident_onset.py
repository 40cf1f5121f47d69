"""`event.start` is when an incident began, as far as the data show, with its window beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, iso
from mlmon.analyzers.checks import discover
from mlmon.analyzers.run import engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def incidents(cluster: Cluster, namespace: str) -> Callable[[datetime, set[str]], list[Any]]:
    """Judge what is logged by some analyzers up to a moment; return the incidents."""

    def act(until: datetime, names: set[str]) -> list[Any]:
        chosen = [analyzer for analyzer in discover() if analyzer.name in names]
        period = Window(START, until)
        engine.analyze(cluster, namespace, period, now=until, analyzers=chosen)
        evaluate(cluster, namespace, START)
        evaluate_incidents(cluster, namespace, START, until)
        return list(IncidentStore(cluster, namespace).overlapping(START))

    return act


def accesses(hours: float, bad: Window, share: int) -> Events:
    """Return a request every ten seconds; within a time, one in `share` fails."""
    moments = (START + number * timedelta(seconds=10) for number in range(int(hours * 360)))
    return [
        {
            "@timestamp": iso(at),
            "event.dataset": "ml.access",
            "event.ingested": iso(at + timedelta(seconds=2)),
            "service.name": "api",
            "url.path": "/predict",
            "http.response.status_code": 500
            if bad.start <= at < bad.end and number % share == 0
            else 200,
            "event.duration": 20_000_000,
        }
        for number, at in enumerate(moments)
    ]


@pytest.mark.parametrize("share", [1, 2])
def test_a_failure_began_with_its_first_line(
    share: int,
    ship: Callable[..., None],
    incidents: Callable[[datetime, set[str]], list[Any]],
) -> None:
    """All requests, or every other one: the start is the first bad line's, not a window's."""
    bad = Window(START + 26 * HOUR + 17 * MINUTE, START + 27 * HOUR)
    ship(accesses(28, bad, share))
    (incident,) = incidents(START + 28 * HOUR, {"service_health", "outage"})
    assert incident.start == bad.start
    assert incident.onset_seconds == 0
    begin, end = incident.first_window_start, incident.first_window_end
    assert begin <= bad.start + 10 * MINUTE
    assert bad.start < end


def test_a_job_began_to_fail_with_its_first_failure(
    ship: Callable[..., None],
    runs_of: Callable[..., Events],
    incidents: Callable[[datetime, set[str]], list[Any]],
) -> None:
    """Of three failures in a row the first one's last line is the start."""
    runs = [(hour + 0.3, hour < 20, 30.0) for hour in range(23)]
    ship(runs_of("refresh", runs))
    found = incidents(START + 23 * HOUR, {"job_health"})
    failed = START + timedelta(hours=20.3, seconds=30)
    assert [incident.start for incident in found] == [failed]


def test_a_missed_run_began_when_it_was_due(
    ship: Callable[..., None],
    runs_of: Callable[..., Events],
    incidents: Callable[[datetime, set[str]], list[Any]],
) -> None:
    """A job that runs every hour and stops is due an hour after its last start."""
    ship(runs_of("refresh", [(hour + 0.5, True, 30.0) for hour in range(20)]))
    (incident,) = incidents(START + DAY, {"job_health"})
    assert incident.start == START + 20.5 * HOUR
