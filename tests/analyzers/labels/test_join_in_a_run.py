"""Where runs join labels: once, though several kinds of profiles need them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from analyzers.cycle.cycle import run_cycle
from analyzers.engine import analyze
from analyzers.window import DAY, HOUR, Window
from elastic.cluster import Cluster

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
