"""New outcomes are found by the hours they arrived in, late ones too, in one request."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, milliseconds
from mlmon.analyzers.labels.arrivals import REACH, Arrivals, Known, horizon, newest_hours, parts
from mlmon.elastic.client.cluster import Cluster

NOW = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)
INGESTED = "event.ingested"


def hours(counts: Mapping[datetime, int], clock: str = INGESTED) -> dict[tuple[str, int], int]:
    """Return counts as they are kept."""
    return {(clock, milliseconds(start)): count for start, count in counts.items()}


def test_at_first_everything_is_looked_at() -> None:
    """Without a memory there is no horizon, afterwards it lies a week before the newest hour."""
    noon = NOW.replace(minute=0)
    assert horizon({}, NOW) is None
    assert horizon(hours({noon: 3, noon - DAY: 2}), NOW) == noon - REACH


def test_a_pause_moves_no_horizon() -> None:
    """After months without a run, everything since a week before the last one is looked at."""
    long_ago = NOW.replace(minute=0) - 200 * DAY
    assert horizon(hours({long_ago: 3}), NOW) == long_ago - REACH


def test_a_clock_that_was_wrong_hides_nothing() -> None:
    """An hour in the future does not move the horizon past the present."""
    assert horizon(hours({NOW + 300 * DAY: 1}), NOW) == NOW.replace(minute=0) - REACH


def test_hours_of_another_count_are_read_by_day() -> None:
    """Hours that hold more or fewer than was read are read again, a day at a time."""
    first = datetime(2026, 3, 8, 22, tzinfo=UTC)
    present = {first + number * HOUR: 10 + number for number in range(4)}
    read = {first: 10, first + HOUR: 9, first + 2 * HOUR: 30}
    one, two = parts(hours(present), hours(read))
    assert one.counts == hours({first + HOUR: 11})
    assert two.counts == hours({first + 2 * HOUR: 12, first + 3 * HOUR: 13})
    assert parts(hours(present), hours(present)) == []


@pytest.mark.parametrize("stamped", [True, False])
def test_outcomes_are_surveyed_and_read_by_hour(
    cluster: Cluster,
    namespace: str,
    arrive: Callable[..., None],
    outcome: Callable[..., dict[str, Any]],
    *,
    stamped: bool,
) -> None:
    """Each outcome is in one hour only, by its arrival, or without that by its own time."""
    arrivals = Arrivals(cluster, namespace)
    assert arrivals.survey(None) == {}
    clock = INGESTED if stamped else "@timestamp"
    first = NOW.replace(minute=0)
    for number, minutes in enumerate((0, 59, 60, 200)):
        moment = first + timedelta(minutes=minutes)
        at = moment - 5 * DAY if stamped else moment
        event = outcome(number, f"p{number}", at, label=True, value=1.5)
        arrive([event], moment if stamped else None)
    unusable = outcome(9, "p9", first, label=True)
    del unusable["ml.outcome.label"]
    arrive([unusable], first)
    present = arrivals.survey(None)
    assert present == hours({first: 2, first + HOUR: 1, first + 3 * HOUR: 1}, clock)
    assert arrivals.survey(first + HOUR) == hours({first + HOUR: 1, first + 3 * HOUR: 1}, clock)
    (part,) = parts(present, hours({first + HOUR: 1}, clock))
    found = {outcome.id: outcome for outcome in arrivals.outcomes(part, Known())}
    assert found.keys() == {"o-0", "o-1", "o-3"}
    assert (found["o-3"].prediction_id, found["o-3"].value) == ("p3", 1.5)
    assert found["o-3"].label is True
    assert found["o-3"].service == "autobidder"


def test_what_was_read_is_kept(cluster: Cluster, namespace: str) -> None:
    """The memory is read as it was written."""
    arrivals = Arrivals(cluster, namespace)
    assert arrivals.read(NOW) == Known()
    known = Known(hours({NOW: 3}) | hours({NOW - DAY: 2}, "@timestamp"), hours({NOW: 1}))
    arrivals.write(known, NOW)
    assert arrivals.read(NOW) == known


def read_again(arrivals: Arrivals, known: Known) -> tuple[set[str], Known]:
    """Return the outcomes that a run reads, and what is known after it."""
    present, found = arrivals.survey(horizon(known.hours, NOW)), set[str]()
    for hours_of_day in parts(present, known.hours):
        part = arrivals.with_slots(hours_of_day, newest_hours(present))
        found |= {outcome.id for outcome in arrivals.outcomes(part, known)}
        known = known.with_part(part, horizon(known.hours, NOW))
    return found, known


@pytest.mark.parametrize("stamped", [True, False])
def test_a_new_outcome_does_not_let_its_hour_be_read_again(
    cluster: Cluster,
    namespace: str,
    arrive: Callable[..., None],
    outcome: Callable[..., dict[str, Any]],
    *,
    stamped: bool,
) -> None:
    """Of an hour of 600 outcomes only the ten seconds of the new ones are read, late ones too."""
    arrivals = Arrivals(cluster, namespace)
    first = NOW.replace(minute=0)

    def come(number: int, seconds: float) -> None:
        moment = first + timedelta(seconds=seconds)
        event = outcome(number, f"p{number}", moment, label=True)
        arrive([event], moment if stamped else None)

    events = [
        outcome(number, f"p{number}", first + timedelta(seconds=3 * number), label=True)
        for number in range(600)
    ]
    arrive(events, first + timedelta(minutes=5) if stamped else None)
    found, known = read_again(arrivals, Known())
    assert len(found) == 600
    assert read_again(arrivals, known)[0] == set()
    come(600, 2_000)
    found, known = read_again(arrivals, known)
    assert found == {"o-600"}
    # One that became visible late, between those that were read.
    come(601, 1_205 if stamped else 1_951)
    found, known = read_again(arrivals, known)
    assert "o-601" in found
    assert len(found) <= 4
    # The next hour's are new; of the one before that the slots are kept.
    come(602, 3_700)
    come(603, 2_500)
    assert read_again(arrivals, known)[0] == {"o-602", "o-603"}


def test_slots_are_kept_of_the_newest_hours_only(
    cluster: Cluster,
    namespace: str,
    arrive: Callable[..., None],
    outcome: Callable[..., dict[str, Any]],
) -> None:
    """What is kept does not grow with time: two hours of each clock."""
    arrivals = Arrivals(cluster, namespace)
    known, first = Known(), NOW.replace(minute=0) - 6 * HOUR
    for number in range(6):
        moment = first + number * HOUR
        arrive([outcome(number, f"p{number}", moment, label=True)], moment)
        _, known = read_again(arrivals, known)
    assert len(known.hours) == 6
    assert sorted(known.slots) == sorted(hours({first + 4 * HOUR: 1, first + 5 * HOUR: 1}))
