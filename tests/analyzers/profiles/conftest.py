"""Profiles of a test's namespace: made from its logs, and read again."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from mlmon.analyzers.base.window import Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.elastic.client.cluster import Cluster


@pytest.fixture
def update(cluster: Cluster, namespace: str) -> Callable[..., int]:
    """Bring the profiles of a kind up to the logs; return how many were made."""

    def act(kind: str, period: Window, baselines: Iterable[Baseline] = ()) -> int:
        known = {baseline.model: baseline for baseline in baselines}
        return Profiler(Logs(cluster, namespace, period.end, known)).update(kinds()[kind], period)

    return act


@pytest.fixture
def read(cluster: Cluster, namespace: str) -> Callable[..., list[Any]]:
    """Read the stored profiles of a kind, in order of time."""

    def act(kind: str, period: Window, baselines: Iterable[Baseline] = ()) -> list[Any]:
        known = {baseline.id: baseline for baseline in baselines}
        return ProfileStore(cluster, namespace).read(kinds()[kind], period, known)

    return act
