"""How runs join labels: once, and what finds its prediction late is new in its hour."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.engine import analyze
from mlmon.elastic.client.cluster import Cluster

Requests = list[tuple[str, str, Any]]
Event = dict[str, Any]

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + DAY


def judged(cluster: Cluster, namespace: str) -> None:
    """Judge the day at its end."""
    analyze(cluster, namespace, Window(START, END), now=END)


def cycled(cluster: Cluster, namespace: str) -> None:
    """Run the first cycle at the day's end."""
    run_cycle(cluster, namespace, END, START)


@pytest.mark.parametrize("act", [judged, cycled])
def test_a_run_joins_once(
    act: Callable[[Cluster, str], None],
    cluster: Cluster,
    namespace: str,
    prediction: Callable[..., Event],
    outcome: Callable[..., Event],
    arrive: Callable[..., None],
    stored: Callable[[], dict[str, Event]],
    requests: Requests,
) -> None:
    """Two kinds of profiles need labels, over several times: new outcomes are looked for once."""
    arrive([prediction("p", START), outcome(1, "p", START + HOUR, label=True)], START + HOUR)
    requests.clear()
    act(cluster, namespace)
    assert stored().keys() == {"p"}
    surveys = [
        aggregations
        for _, path, body in requests
        if f"logs-ml.outcome-{namespace}" in path and body
        for aggregations in [body.get("aggs", {})]
        if "hours" in aggregations.get("0", {}).get("aggs", {})
    ]
    assert len(surveys) == 1


def test_an_outcome_whose_prediction_comes_later(
    cluster: Cluster,
    namespace: str,
    prediction: Callable[..., Event],
    outcome: Callable[..., Event],
    arrive: Callable[..., None],
) -> None:
    """Its hour counts it as waiting, and as a label as soon as a cycle has found its prediction."""
    arrive([prediction("q", START), outcome(1, "p", START + HOUR, label=True)], START + HOUR)
    run_cycle(cluster, namespace, START + 2 * HOUR, START)
    arrive([prediction("p", START)], START + 3 * HOUR)
    known = []
    for hours in (2, 4):
        now = START + hours * HOUR
        run_cycle(cluster, namespace, now, START)
        (of,) = ProfileStore(cluster, namespace).read(kinds()["outcome"], Window(START, now), {})
        known.append((of.window.start, of.waiting, of.labels))
    assert known == [(START + HOUR, 1, 0), (START + HOUR, 0, 1)]
