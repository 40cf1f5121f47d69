"""Findings name the environment that their service's lines name, where it is one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.log_coverage.log_environment import LogEnvironments
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from tests.support.numbered_lines import START, Line, profiles_of, written


def running(where: str, *numbers: Any, **more: Any) -> list[Line]:
    """Return a process's lines that say where it runs."""
    return [replace(event, environment=where) for event in written(*numbers, **more)]


def hours(first: float, last: float) -> Window:
    """Return a window in hours since the start."""
    return Window(START + first * HOUR, START + last * HOUR)


def test_one_environment_is_named() -> None:
    """By service and window, however short; a silent one ran where its last lines say."""
    lines = [
        *running("production", "a", range(1, 61)),
        *running("staging", "b", range(1, 61), first=START + DAY),
        *running("staging", "c", range(1, 61), service="jobs"),
        *written("d", range(1, 61), service="silent"),
    ]
    known = LogEnvironments(profiles_of(lines))
    assert known.of(hours(0, 1), "api") == "production"
    assert known.of(Window(START + 20 * MINUTE, START + 25 * MINUTE), "api") == "production"
    assert known.of(hours(24, 25), "api") == "staging"
    assert known.of(hours(0, 1), "jobs") == "staging"
    assert known.of(hours(2, 3), "api") == "production"
    assert known.of(hours(-2, -1), "api") is None
    assert known.of(hours(190, 191), "api") == "staging"
    assert known.of(hours(194, 195), "api") is None
    assert known.of(hours(0, 1), "silent") is None
    assert known.of(hours(0, 1), None) is None


def test_of_several_none_is_named() -> None:
    """Profiles have counted them together; of a long window the last two days count."""
    lines = [
        *running("production", "a", range(1, 61)),
        *running("staging", "b", range(1, 61), first=START + DAY),
    ]
    known = LogEnvironments(profiles_of(lines))
    assert known.of(hours(0, 25), "api") is None
    assert known.of(hours(0, 50), "api") == "staging"


@pytest.mark.parametrize("named", ["production", ""])
def test_findings_carry_it(
    cluster: Cluster, namespace: str, ship: Callable[..., None], named: str
) -> None:
    """From the lines of a real cluster to the document, for findings about the logs too."""
    lines = running(named, "a", range(1, 241), hours=4.0)
    ship([line.event for line in lines])
    end = START + 4 * HOUR
    analyze(cluster, namespace, Window(START, end), now=end + HOUR)
    found = list(FindingStore(cluster, namespace).search(analyzer="completeness"))
    assert {finding.environment for finding in found if finding.service == "api"} == {named or None}
    stored = cluster.count(
        f"mlmon-findings-{namespace}-*", {"term": {"service.environment": "production"}}
    )
    assert (stored > 0) == bool(named)
