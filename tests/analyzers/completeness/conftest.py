"""Numbered lines stored as the shipper stores them, and their profiles as they were read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from numbered_lines import START

from analyzers.profile.kind import kinds
from analyzers.profile.logs import Logs
from analyzers.profile.profiler import Profiler
from analyzers.profile.store import ProfileStore
from analyzers.window import DAY, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from numbered_lines import Line

    from analyzers.profile.sequences import SequenceProfile
    from elastic.cluster import Cluster


@pytest.fixture
def store(ship: Callable[..., None]) -> Callable[[Iterable[Line]], None]:
    """Store lines, each under its own id."""

    def act(lines: Iterable[Line]) -> None:
        ship(line.event for line in lines)

    return act


@pytest.fixture
def update(cluster: Cluster, namespace: str) -> Callable[..., int]:
    """Bring the profiles up to the logs as of a moment; return how many were made."""

    def act(now: datetime = START + 10 * DAY, start: datetime = START - DAY) -> int:
        profiler = Profiler(Logs(cluster, namespace, now, {}))
        return profiler.update(kinds()["sequence"], Window(start, now))

    return act


@pytest.fixture
def profiles(cluster: Cluster, namespace: str) -> Callable[[], list[SequenceProfile]]:
    """Read the latest profiles."""

    def act() -> list[SequenceProfile]:
        period = Window(START - DAY, START + 10 * DAY)
        return ProfileStore(cluster, namespace).read(kinds()["sequence"], period, {})

    return act
