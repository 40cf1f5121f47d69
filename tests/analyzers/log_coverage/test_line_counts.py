"""For lines in any order and parts, line_counts equals counting by hand."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.log_coverage.line_counts import REACH, LineCount, line_counts
from mlmon.analyzers.log_coverage.log_completeness import LogCompleteness, charges, gap_spans
from tests.support.numbered_lines import START, Line, profiles_of, written

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

MOST = 30
PARTS_OF_A_DAY = 288


def moments(parts: int) -> st.SearchStrategy[datetime]:
    """Five minutes among the first so many."""
    return st.integers(0, parts - 1).map(lambda part: START + part * 5 * MINUTE)


@st.composite
def logs(draw: st.DrawFn, parts: int = PARTS_OF_A_DAY - 1) -> list[Line]:
    """What arrived of some processes of a service that is heard; their clocks jump freely."""
    return [
        *written("heard", range(1, 45), 44, START - 2 * HOUR),
        *(
            Line(process, number, draw(moments(parts)))
            for process in draw(st.sampled_from(["a", "ab", "abc"]))
            for number in sorted(draw(st.sets(st.integers(1, MOST), min_size=1)))
        ),
    ]


@st.composite
def steady_logs(draw: st.DrawFn) -> list[Line]:
    """What arrived of a process whose clock never goes back, its first line among it."""
    numbers = [1, *sorted(draw(st.sets(st.integers(2, MOST))))]
    several = st.lists(moments(PARTS_OF_A_DAY), min_size=len(numbers), max_size=len(numbers))
    times = sorted(draw(several))
    return [Line("a", number, at) for number, at in zip(numbers, times, strict=True)]


def lost(entries: Iterable[LineCount]) -> int:
    """Return what line_counts show to be lost together."""
    return sum(entry.lost for entry in entries)


@given(logs())
def test_a_process_lacks_its_highest_number_less_its_lines(lines: list[Line]) -> None:
    """Over a process's life exactly that is lost, regardless of its clock."""
    entries = list(line_counts(profiles_of(lines)))
    for process in {line.process for line in lines}:
        numbers = {line.number for line in lines if line.process == process}
        of_process = [entry for entry in entries if entry.process == process]
        assert lost(of_process) == max(numbers) - len(numbers)


@given(steady_logs())
def test_a_gap_counts_where_the_next_line_lies(lines: list[Line]) -> None:
    """Each missing number counts once, in the five minutes of the next number that is there."""
    by_hand: Counter[datetime] = Counter()
    for earlier, later in pairwise(lines):
        by_hand[later.at] += later.number - earlier.number - 1
    found = Counter(
        {line_count.start: line_count.lost for line_count in line_counts(profiles_of(lines))}
    )
    assert +found == +by_hand


@given(logs(2 * PARTS_OF_A_DAY), st.integers(0, 40))
def test_accounts_depend_on_a_day_before_them(lines: list[Line], hour: int) -> None:
    """From profiles of the day before on, the line_counts of a time are those of the whole log."""
    profiles = profiles_of(lines)
    cut = START + hour * HOUR
    known = [profile for profile in profiles if profile.window.start >= cut - REACH]
    whole = [line_count for line_count in line_counts(profiles) if line_count.start >= cut]
    assert [line_count for line_count in line_counts(known) if line_count.start >= cut] == whole


@given(logs())
def test_what_is_charged_is_what_is_lost(lines: list[Line]) -> None:
    """Spread over time, less what was given back, all windows together hold exactly the losses."""
    profiles = profiles_of(lines)
    entries = list(line_counts(profiles))
    assert sum(charge.lines for charge in charges(entries)) == lost(entries)
    known = LogCompleteness(profiles).of(Window(START - DAY, START + 3 * DAY), None)
    assert known is not None
    assert known.lost == pytest.approx(lost(entries))
    assert known.arrived == len(lines)


def test_two_threads_take_numbers_in_another_order_than_times() -> None:
    """A line in the next five minutes gives back what had to be counted as lost before."""
    lines = written("a", range(1, 11), 5 / 60)
    tenth = lines.pop()
    eleventh = Line("a", 11, tenth.at)
    after = Line("a", 10, START + 5 * MINUTE)
    first, second = line_counts(profiles_of([*lines, eleventh, after]))
    assert (first.lost, second.lost) == (1, -1)


def test_the_first_lines_of_a_process_count() -> None:
    """A process whose first known line is its fourth has lost three."""
    (entry,) = line_counts(profiles_of(written("a", range(4, 11), 1 / 60)))
    assert (entry.gap, entry.within, entry.since) == (3, 0, START)


def test_a_process_older_than_its_logs_has_lost_nothing() -> None:
    """Where a service's logs begin amid a process's life, it is counted from there on."""
    first, *later = line_counts(profiles_of(written("a", range(9_001, 9_061))))
    assert first.lost == 0
    assert first.passed == 9_000
    assert [stretch.lost for stretch in later] == [0] * 11


def test_a_process_that_starts_while_its_service_is_heard_has_a_beginning() -> None:
    """An hour after the service's logs began, what a new process lacks before its lines is lost."""
    heard = written("a", range(1, 121), 2)
    late = written("b", range(9_001, 9_011), 1 / 60, START + HOUR + 30 * MINUTE)
    entries = [
        line_count
        for line_count in line_counts(profiles_of([*heard, *late]))
        if line_count.process == "b"
    ]
    assert lost(entries) == 9_000


def test_a_process_silent_for_days_goes_on_counting() -> None:
    """Beyond reach, the number that its profile knew before stands for the lines not seen."""
    lines = [Line("a", 1, START), Line("a", 2, START + 5 * DAY), Line("a", 4, START + 9 * DAY)]
    profiles = profiles_of(lines)
    assert [line_count.lost for line_count in line_counts(profiles)] == [0, 0, 1]
    assert [line_count.lost for line_count in line_counts(profiles[1:])] == [0, 1]
    assert [line_count.since for line_count in line_counts(profiles)] == [line.at for line in lines]


def test_a_gap_is_spread_over_the_time_it_may_lie_in() -> None:
    """Thirty lines between two lines half an hour apart are five in each five minutes, about."""
    lines = [Line("a", 1, START), Line("a", 32, START + timedelta(minutes=25))]
    known = LogCompleteness(profiles_of(lines))
    for place in range(6):
        start = START + place * 5 * MINUTE
        within = known.of(Window(start, start + 5 * MINUTE), "api")
        assert within is not None
        assert within.lost == 5
        assert within.arrived == (place in (0, 5))
    assert known.of(Window(START + HOUR, START + 2 * HOUR), "api") is None
    assert known.of(Window(START, START + HOUR), "another") is None


def test_the_gaps_that_lie_in_some_windows() -> None:
    """A gap is found by any window that meets its time, from its last line to its next."""
    early = written("a", range(1, 61))
    lines = [*early, *written("a", range(71, 131), 1, START + 4 * HOUR)]
    gap = Window(START + 55 * MINUTE, START + 4 * HOUR + 5 * MINUTE)
    profiles = profiles_of(lines)
    hours = [Window(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(7)]
    assert [gap_spans(profiles, [hour]) for hour in hours] == [[gap]] * 5 + [[]] * 2
    assert gap_spans(profiles, [hours[5], hours[6]]) == []
    assert gap_spans(profiles, [hours[2], hours[6]]) == [gap]
    assert gap_spans(profiles_of(early), hours) == []
