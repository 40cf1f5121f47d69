"""New events are found by when they came, and what depends on them is judged again."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, iso, joined
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.run.cycle.touched import OVERLAP, affected, touched
from mlmon.elastic.client.cluster import Cluster

BEGIN = datetime.fromisoformat("2026-03-02T00:00+00:00")
hours = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=20)


def window(start: int, length: int) -> Window:
    """Return a window in hours since the begin."""
    return Window(BEGIN + start * HOUR, BEGIN + (start + length) * HOUR)


@given(hours)
def test_joined_windows_cover_the_same_time(spans: list[tuple[int, int]]) -> None:
    """They are apart, in order, and hold exactly the hours that the given ones hold."""
    found = joined(window(*span) for span in spans)
    expected = {hour for start, length in spans for hour in range(start, start + length)}
    covered = [
        int((window.start - BEGIN) / HOUR) + hour
        for window in found
        for hour in range(int(window.length / HOUR))
    ]
    assert covered == sorted(expected)
    assert all(one.end < other.start for one, other in itertools.pairwise(found))


@given(hours, st.integers(0, 50), st.integers(1, 140))
def test_every_verdict_that_may_have_changed_is_judged(
    spans: list[tuple[int, int]], lookback: int, until: int
) -> None:
    """A window that looks back on a touched hour ends in an affected period, unless it is later."""
    end = BEGIN + until * HOUR
    periods = affected((window(*span) for span in spans), Needs("access", lookback * HOUR), end)
    for start, length in spans:
        for hour in range(start, start + length):
            for judged in range(hour + 1, hour + 1 + lookback):
                moment = BEGIN + judged * HOUR
                assert moment > end or any(
                    period.start < moment <= period.end for period in periods
                )
    assert all(period.end <= end for period in periods)


def test_late_events_are_found_by_their_arrival(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[[list[dict[str, Any]]], None],
) -> None:
    """Of three days of requests, only the windows that got one since are found, however old."""
    events = accesses_of(72, 12)
    ship(events)
    logs, access = Logs(cluster, namespace, start + 4 * DAY, {}), kinds()["access"]
    since = start + 3 * DAY + OVERLAP + MINUTE
    assert touched(access, logs, since, start + 4 * DAY) == []
    arrived = iso(since)
    ship([events[0] | {"event.ingested": arrived}, events[400] | {"event.ingested": arrived}])
    clock = kinds()["clock"]
    hour_of_arrival = Window(start + 3 * DAY, start + 3 * DAY + HOUR)
    assert touched(clock, logs, since, start + 4 * DAY) == [hour_of_arrival]
    moments = [datetime.fromisoformat(events[index]["@timestamp"]) for index in (0, 400)]
    found = touched(access, logs, since, start + 4 * DAY)
    assert [window.length for window in found] == [5 * MINUTE] * 2
    assert all(
        window.start <= moment < window.end for window, moment in zip(found, moments, strict=True)
    )


def test_events_of_wrong_clocks_are_left_alone(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[[list[dict[str, Any]]], None],
) -> None:
    """An event that a wrong clock dates a year ahead, or in 1970, makes no window to judge."""
    (event, *_) = accesses_of(1, 1)
    ahead = iso(start + timedelta(days=365))
    reset = "1970-01-01T00:00:30.000Z"
    ship([event | {"@timestamp": stamp, "event.ingested": iso(start)} for stamp in (ahead, reset)])
    logs = Logs(cluster, namespace, start + DAY, {})
    assert touched(kinds()["access"], logs, start, start + DAY) == []
