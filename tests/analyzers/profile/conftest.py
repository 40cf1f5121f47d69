"""Profiles of a test's namespace: made from its logs, and read again."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from analyzers.baseline.baseline import Baseline
from analyzers.profile.kind import kinds
from analyzers.profile.logs import Logs
from analyzers.profile.profiler import Profiler
from analyzers.profile.store import ProfileStore
from analyzers.window import Window
from elastic.cluster import Cluster


@pytest.fixture
def update(cluster: Cluster, namespace: str) -> Callable[..., int]:
    """Bring the profiles of a kind up to the logs; return how many were made."""

    def act(kind: str, period: Window, baselines: Iterable[Baseline] = ()) -> int:
        known = {each.model: each for each in baselines}
        return Profiler(Logs(cluster, namespace, period.end, known)).update(kinds()[kind], period)

    return act


@pytest.fixture
def read(cluster: Cluster, namespace: str) -> Callable[..., list[Any]]:
    """Read the stored profiles of a kind, in order of time."""

    def act(kind: str, period: Window, baselines: Iterable[Baseline] = ()) -> list[Any]:
        known = {each.id: each for each in baselines}
        return ProfileStore(cluster, namespace).read(kinds()[kind], period, known)

    return act
