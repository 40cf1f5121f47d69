"""Dates are compared with arrivals inside Elasticsearch, hour of arrival by hour of arrival."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, LAST, MINUTE, Window, iso
from mlmon.analyzers.profiles.kinds.clock import Dates

Events = list[dict[str, Any]]
P1 = Counter(p1=1)


@pytest.fixture
def namespace(emptied: str) -> str:
    """A namespace without a document."""
    return emptied


def line(
    dated: datetime, arrived: datetime | None, process: str = "p1", **more: Any
) -> dict[str, Any]:
    """Return a line with its date and its arrival."""
    event = {
        "@timestamp": iso(dated),
        "event.dataset": "ml.app",
        "service.name": "api",
        "process.entity_id": process,
    }
    return event | ({"event.ingested": iso(arrived)} if arrived else {}) | more


def test_dates_and_arrivals(
    start: datetime,
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Lines dated after their hour of arrival or ten years before it are counted, by service."""
    at = start + timedelta(minutes=30)
    reset = datetime.fromisoformat("1970-01-01T00:07:00+00:00")
    ship(
        [
            line(at - MINUTE, at),
            line(at - 90 * DAY, at),
            line(start + HOUR + 9 * MINUTE, at),
            line(start + HOUR + 11 * MINUTE, at, "p2"),
            line(start + 3 * DAY, at, "p2"),
            line(reset, at, "p3"),
            line(at, None),
            line(at, at, "p4", **{"event.dataset": "ml.job", "service.name": "scheduler"}),
            line(at + HOUR, at + HOUR),
        ]
    )
    day = Window(start, start + DAY)
    assert update("clock", day) == 2
    assert update("clock", day) == 0
    first, second = read("clock", day)
    assert first.services == {
        "api": Dates(6, 2, start + 3 * DAY, 1, reset, Counter(p2=2, p3=1)),
        "scheduler": Dates(1),
    }
    assert second.window == Window(start + HOUR, start + 2 * HOUR)
    assert second.services == {"api": Dates(1)}


def test_more_arrivals_in_the_hour(
    start: datetime,
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """What arrives later in an hour makes its next revision."""
    day = Window(start, start + DAY)
    ship([line(start, start + MINUTE)])
    assert update("clock", day) == 1
    ship([line(start, start + 50 * MINUTE)])
    assert update("clock", day) == 1
    (profile,) = read("clock", day)
    assert (profile.revision, profile.services["api"].events) == (2, 2)


def test_events_of_a_clock_ahead_by_days_are_in_no_profile(
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Requests dated days after their arrival are no traffic of that day; hours are forgiven."""
    period = Window(start, start + 4 * DAY)
    now, later = accesses_of(1, 60), accesses_of(1, 30, first=start + 3 * DAY)
    before = start + DAY - timedelta(hours=3)
    ahead = [event | {"event.ingested": iso(before)} for event in later]
    zone = accesses_of(1, 12, first=start + 2 * DAY + 12 * HOUR)
    zone = [event | {"event.ingested": iso(start + 2 * DAY + 10 * HOUR)} for event in zone]
    unsaid = [{**event} for event in accesses_of(1, 12, first=start + 3 * DAY + 12 * HOUR)]
    for event in unsaid:
        del event["event.ingested"]
    ship([*now, *ahead, *zone, *unsaid])
    update("access", period)
    hours = Counter(
        (profile.window.start - start) // HOUR
        for profile in read("access", period)
        for _ in range(profile.paths["api", "/predict"].requests)
    )
    assert hours == {0: 60, 2 * 24 + 12: 12, 3 * 24 + 12: 12}
    assert update("access", period) == 0
    for day in period.split(DAY):
        assert update("access", day) == 0


@pytest.mark.parametrize("date", [2**63 - 1, 1_772_409_600_000_000, -(2**62)])
def test_dates_that_no_calendar_has(
    start: datetime,
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    date: int,
) -> None:
    """Microseconds for milliseconds, or the last moment there is: the mapping keeps them out."""
    with pytest.raises(AssertionError, match="document_parsing_exception"):
        ship([line(start, start) | {"@timestamp": date}])
    ship([line(start, start)])
    assert update("clock", Window(start, start + DAY)) == 1
    (profile,) = read("clock", Window(start, start + DAY))
    assert profile.services == {"api": Dates(1)}


@pytest.mark.parametrize("arrival", [2**63 - 1, 1_772_409_600_000_000])
def test_arrivals_that_no_calendar_has(
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    arrival: int,
) -> None:
    """A line with such an arrival is kept out by the mapping; the hour is profiled without it."""
    hour = accesses_of(1, 12)
    with pytest.raises(AssertionError, match="document_parsing_exception"):
        ship([hour[0] | {"event.ingested": arrival}])
    ship(hour[1:])
    update("access", Window(start, start + HOUR))
    requests = sum(
        profile.paths["api", "/predict"].requests for profile in read("access", Window(start, LAST))
    )
    assert requests == 11
