"""Jobs that run several times an hour: a cycle judges them by all runs up to its moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.analyzers.base.window import HOUR, MINUTE, Window, parse_time
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

EVERY = 10 * MINUTE
RUNS = 52  # of ten minutes each: the last one starts 40 minutes after the eighth hour


@pytest.fixture
def stopped(
    ship: Callable[..., None], runs_of: Callable[..., list[dict[str, Any]]], start: datetime
) -> datetime:
    """Ship the runs of a job that starts every ten minutes; return the start of the last one."""
    hours = [number * EVERY / HOUR for number in range(RUNS)]
    events = runs_of("sync", [(hour, True, 20.0) for hour in hours])
    ship(events)
    last = max(parse_time(event["@timestamp"]) for event in events)
    assert last == start + (RUNS - 1) * EVERY + timedelta(seconds=20)
    return last - timedelta(seconds=20)


def missed(cluster: Cluster, namespace: str) -> list[Finding]:
    """Return the alarms about missed runs."""
    found = FindingStore(cluster, namespace).search(analyzer="job_health", metric="missed.runs")
    return [finding for finding in found if finding.severity.alarming]


def test_runs_after_the_last_full_hour_are_known(
    cluster: Cluster, namespace: str, stopped: datetime, start: datetime
) -> None:
    """The first cycle comes at minute 42, two minutes after a run: none of the hour is missed."""
    run_cycle(cluster, namespace, stopped + 2 * MINUTE, start)
    assert missed(cluster, namespace) == []
    analyze(
        cluster,
        namespace,
        Window(start, stopped + 2 * MINUTE),
        now=stopped + 2 * MINUTE,
    )
    assert missed(cluster, namespace) == []


def test_a_run_is_missed_between_the_hours(
    cluster: Cluster, namespace: str, stopped: datetime, start: datetime
) -> None:
    """The job stops; the cycle sixteen minutes later says so, without any new line."""
    for minutes in (2, 7, 12):
        run_cycle(cluster, namespace, stopped + minutes * MINUTE, start)
        assert missed(cluster, namespace) == []
    run_cycle(cluster, namespace, stopped + 17 * MINUTE, start)
    (finding,) = missed(cluster, namespace)
    # One and a half of its ten minutes after the last start.
    assert timedelta(0) <= finding.end - (stopped + 15 * MINUTE) <= timedelta(seconds=1)
