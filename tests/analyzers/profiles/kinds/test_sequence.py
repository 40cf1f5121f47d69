"""On Elasticsearch, what aggregations count is what counting every line says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.log_coverage.line_counts import line_counts
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds import sequence
from mlmon.analyzers.profiles.kinds.sequence import Missing, SequenceProfile
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from tests.support.numbered_lines import DATASETS, START, Line, profiles_of, written

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

Update = Callable[..., int]
Profiles = Callable[[], list[SequenceProfile]]
Store = Callable[[Iterable[Line]], None]


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


def counted(profiles: Iterable[SequenceProfile]) -> list[SequenceProfile]:
    """Return profiles without what counting line by line does not say."""
    return [
        replace(
            profile,
            revision=1,
            processes=tuple(replace(process, missing=()) for process in profile.processes),
        )
        for profile in profiles
    ]


def test_lost_repeated_and_late_lines_are_counted(
    cluster: Cluster, namespace: str, store: Store, update: Update, profiles: Profiles
) -> None:
    """Of 3,000 lines some are deleted, some stored twice, some late: the counts are exact."""
    rng = random.Random(7)
    lines = [*written("a", range(1, 2_001), 5), *written("b", range(1, 1_001), 5, service="bids")]
    there = [line for line in lines if line.number == 1 or rng.random() > 0.03]
    late = {line for line in there if rng.random() < 0.05}
    there = [replace(line, seconds=3_000.0) if line in late else line for line in there]
    again = [line for line in there if rng.random() < 0.02]
    store(there)
    for dataset in DATASETS:
        cluster.rollover(f"logs-{dataset}-{namespace}")
    store(again)
    assert update() == 5
    found = profiles()
    repeated = Counter((line.process, line.at.replace(minute=0, second=0)) for line in again)
    for profile, known in zip(found, profiles_of(there), strict=True):
        assert profile.shipped == known.shipped
        for lines_found, by_hand in zip(profile.processes, known.processes, strict=True):
            extra = repeated[by_hand.process, known.window.start]
            assert lines_found.lines == by_hand.lines + extra
            assert lines_found.lines - sum(e.distinct for e in lines_found.stretches) == extra
            assert lines_found.before == by_hand.before
            for stretch, expected in zip(lines_found.stretches, by_hand.stretches, strict=True):
                assert stretch.distinct == expected.distinct
                assert (stretch.lowest, stretch.highest) == (expected.lowest, expected.highest)
    entries = list(line_counts(found))
    numbers = {name: {line.number for line in there if line.process == name} for name in "ab"}
    for process, service in (("a", "api"), ("b", "bids")):
        lost = sum(entry.lost for entry in entries if entry.process == process)
        assert lost == max(numbers[process]) - len(numbers[process]) > 10
        assert {entry.service for entry in entries if entry.process == process} == {service}
    late_stored = late_documents([*there, *again])
    assert sum(entry.stretch.late for entry in entries) == late_stored > 100
    delay = sum(line.seconds for line in (*there, *again))
    assert sum(entry.stretch.delay for entry in entries) == pytest.approx(delay, rel=1e-4)


def late_documents(lines: list[Line]) -> int:
    """Count the lines that came five minutes or more after the end of their five minutes."""

    def end(line: Line) -> float:
        return (line.at.timestamp() // 300 + 1) * 300

    return sum(line.arrived.timestamp() >= end(line) + 300 for line in lines)


@pytest.mark.parametrize("page", [10_000, 40, 3])
def test_thousands_of_processes_that_live_for_seconds(
    store: Store,
    update: Update,
    profiles: Profiles,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    """Each is counted, however few counts an answer holds; what the last one lacks is known."""
    processes = 3_000 if page == 10_000 else 90
    monkeypatch.setattr(sequence, "BUCKETS_PER_PAGE", page)
    lines = [
        Line(f"p{number:04}", sequence, START + number % 120 * MINUTE + sequence * MINUTE / 60)
        for number in range(processes)
        for sequence in (1, 2, 4)
    ]
    store(lines)
    assert update() == 2
    assert counted(profiles()) == profiles_of(lines)
    assert sum(account.lost for account in line_counts(profiles())) == processes


def test_lines_that_come_late_lower_the_loss(
    cluster: Cluster, namespace: str, store: Store, update: Update, profiles: Profiles
) -> None:
    """A gap filled later is gone from the hour's next revision; the first one is kept as it was."""
    lines = written("a", range(1, 241), 4)
    missing = lines[70:80]
    store([line for line in lines if line not in missing])
    assert update() == 4
    before = profiles()
    assert sum(account.lost for account in line_counts(before)) == 10
    store([replace(line, seconds=7_200.0) for line in missing])
    assert update() == 1
    after = profiles()
    assert [profile.revision for profile in after] == [1, 2, 1, 1]
    assert sum(account.lost for account in line_counts(after)) == 0
    assert sum(account.stretch.late for account in line_counts(after)) == 10
    stored = cluster.scan(f"mlmon-profiles-{namespace}-*", {"sort": ["event.start"]})
    revisions = {hit["_id"]: hit["_source"]["profile.body"] for hit in stored}
    assert len(revisions) == 5
    assert before[1].body() in revisions.values()


def test_a_gap_between_hours_closes_with_the_next_line(
    store: Store, update: Update, profiles: Profiles
) -> None:
    """Lines lost around the full hour count in the hour of the line after them, and once."""
    lines = written("a", range(1, 121), 2)
    store(lines[:55] + lines[66:])
    update()
    first, second = profiles()
    assert (first.processes[0].highest, second.processes[0].lowest) == (55, 67)
    by_hour = [
        sum(account.lost for account in line_counts([first, second]) if account.start.hour == hour)
        for hour in (0, 1)
    ]
    assert by_hour == [0, 11]


def test_late_lines_of_the_hour_before_shorten_the_gap(
    store: Store, update: Update, profiles: Profiles
) -> None:
    """The later hour is not made again, and still loses only what neither hour holds."""
    lines = written("a", range(1, 121), 2)
    store(lines[:55] + lines[66:])
    update()
    store(lines[55:60])
    assert update() == 1
    assert sum(account.lost for account in line_counts(profiles())) == 6


def test_the_missing_numbers_are_named(store: Store, update: Update, profiles: Profiles) -> None:
    """Single numbers, ranges, and in a long log a range that is looked into once more."""
    lines = written("a", range(1, 3_001))
    gone = {17, *range(100, 110), *range(2_500, 2_503)}
    store(line for line in lines if line.number not in gone)
    update()
    (profile,) = profiles()
    assert profile.processes[0].missing == (
        Missing(17, 17, 1),
        Missing(100, 109, 10),
        Missing(2_500, 2_502, 3),
    )


def test_many_missing_numbers_are_named_in_part(
    store: Store, update: Update, profiles: Profiles
) -> None:
    """Of a log that lacks every tenth line the first ranges are named, and all are counted."""
    store(line for line in written("a", range(1, 1_001)) if line.number % 10 or line.number == 10)
    update()
    (profile,) = profiles()
    (lines,) = profile.processes
    assert lines.missing == tuple(Missing(n, n, 1) for n in range(20, 70, 10))
    assert lines.absent == 98


def test_many_lacking_processes_are_looked_into_in_part(
    store: Store, update: Update, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that lack most are searched for their missing numbers."""
    monkeypatch.setattr(sequence, "MOST_NARROWED", 1)
    store([*written("a", (1, 2, 4)), *written("b", (1, 2, 9))])
    update()
    (profile,) = profiles()
    assert [process.missing for process in profile.processes] == [(), (Missing(3, 8, 6),)]


def test_a_process_silent_for_days(store: Store, update: Update, profiles: Profiles) -> None:
    """Its profile knows the number before, wherever that lies, and so it has lost one line."""
    lines = [Line("a", 1, START), Line("a", 2, START + 3 * DAY), Line("a", 4, START + 6 * DAY)]
    store(lines)
    assert update(start=START + 5 * DAY) == 1
    (profile,) = profiles()
    assert profile.processes[0].before == 2
    assert [account.lost for account in line_counts([profile])] == [1]


def test_a_clock_that_was_days_ahead(store: Store, update: Update, profiles: Profiles) -> None:
    """Lines dated in the future are the lines before, not lost ones."""
    ahead = [replace(line, at=line.at + 8 * DAY) for line in written("a", range(1, 11))]
    store([*written("h", range(1, 200), 3), *ahead, *written("a", range(11, 61), 1, START + HOUR)])
    update(now=START + DAY)
    entries = [account for account in line_counts(profiles()) if account.process == "a"]
    assert entries[0].passed == 10
    assert sum(entry.lost for entry in entries) == 0


def test_repeats_are_searched_for_in_parts(
    cluster: Cluster,
    namespace: str,
    store: Store,
    update: Update,
    profiles: Profiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However few numbers are searched at once, each repeated line is found once."""
    monkeypatch.setattr(sequence, "MOST_LINES", 7)
    monkeypatch.setattr(sequence, "MOST_GROUP", 2)
    lines = [line for name in "abcd" for line in written(name, range(1, 21), 0.9)]
    again = [line for line in lines if line.number in (4, 8, 20)]
    store(lines)
    cluster.rollover(f"logs-{DATASETS[0]}-{namespace}")
    store(again)
    update()
    (profile,) = profiles()
    assert [process.lines for process in profile.processes] == [23] * 4
    assert all(process.absent == 0 for process in profile.processes)


def test_lines_stored_twice_under_ids_of_another_shipper(
    ship: Callable[..., None], update: Update, profiles: Profiles
) -> None:
    """Where a document's id is not the event's, lines repeated in one index are found too."""
    events = [line.event for line in written("a", range(1, 21))]
    for event in events:
        del event["event.id"]
    ship([*events, *events])
    update()
    (profile,) = profiles()
    assert (profile.processes[0].lines, profile.processes[0].absent) == (40, 0)


def test_the_youngest_lines_are_left_for_the_next_time(
    store: Store, update: Update, profiles: Profiles
) -> None:
    """A line overtaken on its way is not lost: what is younger than half a minute waits."""
    lines = written("a", range(1, 3_601))
    now = START + timedelta(minutes=30)
    store(lines[:1_780] + lines[1_790:1_800])
    assert update(now) == 1
    assert sum(account.lost for account in line_counts(profiles())) == 0
    store(lines[1_780:1_790])
    assert update(now + MINUTE) == 1
    (profile,) = profiles()
    assert (profile.revision, profile.processes[0].highest) == (2, 1_800)
    assert sum(account.lost for account in line_counts([profile])) == 0


def test_what_a_full_queue_dropped_is_known(
    store: Store, update: Update, profiles: Profiles
) -> None:
    """Dropped lines have used up their numbers: they are lost, and known to be dropped."""
    lines = written("a", [1, 2, 3, 9])
    store([*lines[:3], replace(lines[3], dropped=5)])
    update()
    entries = list(line_counts(profiles()))
    assert sum(entry.lost for entry in entries) == 5
    assert sum(entry.stretch.dropped for entry in entries) == 5


def test_lines_without_numbers_are_none_of_its_business(
    ship: Callable[..., None], update: Update, profiles: Profiles
) -> None:
    """Logs of another make, without numbers or processes, make no profile."""
    event = Line("a", 1, START).event
    for name in ("event.sequence", "process.entity_id"):
        ship([{key: value for key, value in event.items() if key not in (name, "event.id")}])
    assert update() == 0
    assert profiles() == []
