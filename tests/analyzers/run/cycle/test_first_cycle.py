"""The first cycle after a pause waits for lines that were written while nothing ran."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import pytest

from mlmon.analyzers.base.window import HOUR, iso
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore
from mlmon.elastic.client.cluster import Cluster
from tests.support.shipping_reports import reports


class Waits(Event):
    """An event that notes how long it was waited for, and moves a clock instead of waiting."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note a wait."""
        self.waited.append(timeout or 0.0)
        self.now += timedelta(seconds=timeout or 0.0)
        return self.is_set()


@pytest.mark.parametrize(
    ("pause", "waits"), [(HOUR, True), (timedelta(minutes=1), False), (None, True)]
)
def test_after_a_pause_the_first_cycle_waits_for_lines(
    cluster: Cluster, namespace: str, start: datetime, pause: timedelta | None, *, waits: bool
) -> None:
    """Host, shipper and `mlmon run` start together: lines of the pause come before the verdicts.

    So they do where there was no cycle before.
    """
    if pause is not None:
        BookmarkStore(cluster, namespace).write(Bookmark(start, start, start), start)
    now = start + (pause or HOUR)
    stopping, lines = Waits(now), []

    def note(line: str) -> None:
        lines.append(line)
        if "judged to" in line:
            stopping.set()

    Runner(cluster, namespace, "here:1", lambda: stopping.now, note).until(stopping, HOUR)
    assert stopping.waited[:1] == ([5.0] if waits else [])
    assert ("waiting for lines" in lines[0]) is waits
    judged = [line for line in lines if "judged to" in line]
    assert f"judged to {iso(now + timedelta(seconds=5 * waits))}" in judged[0]


def test_the_first_cycle_waits_while_a_shipper_catches_up(
    cluster: Cluster, namespace: str, start: datetime, ship: Callable[..., None]
) -> None:
    """It reports lines of the pause that are on their way: a minute at most."""
    now = start + HOUR
    BookmarkStore(cluster, namespace).write(Bookmark(start, start, start), start)
    moments = [now + timedelta(seconds=seconds) for seconds in (0, 30, 60)]
    for read, at in enumerate(moments):
        ship(reports(at, ("a", read, 900 - read, 3_600.0)))
    stopping = Waits(now)

    def stop(line: str) -> None:
        if "judged to" in line:
            stopping.set()

    Runner(cluster, namespace, "here:1", lambda: stopping.now, stop).until(stopping, HOUR)
    assert sum(stopping.waited) == 60.0
