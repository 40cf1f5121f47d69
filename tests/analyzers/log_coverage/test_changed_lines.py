"""Of an hour whose profile was made again, the five minutes whose lines differ are known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.log_coverage.changed_lines import changed_lines
from mlmon.analyzers.profiles.kinds.sequence import KIND, ProcessLines, SequenceProfile, Stretch

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOON = Window(START, START + HOUR)


def stretch(minute: int, first: int, last: int, lines: int | None = None) -> Stretch:
    """Return the lines of five minutes; all of them arrived unless said otherwise."""
    count = last - first + 1 if lines is None else lines
    return Stretch(START + timedelta(minutes=minute), first, last, count, count)


def profile(*stretches: Stretch, service: str = "api", before: int = 0) -> SequenceProfile:
    """Return the profile of an hour in which one process wrote."""
    process = ProcessLines("p", service, stretches, before=before)
    return SequenceProfile(ProfileKey(KIND, NOON), processes=(process,))


def minutes(first: int, last: int) -> Window:
    """Return some minutes of the hour."""
    return Window(START + timedelta(minutes=first), START + timedelta(minutes=last))


def test_only_the_newest_five_minutes_of_a_stream_change() -> None:
    """Those that were there before are as they were."""
    one, two = stretch(0, 1, 50), stretch(5, 51, 60)
    before = profile(one, two)
    after = profile(one, stretch(5, 51, 90), stretch(10, 91, 95))
    assert changed_lines([before], [after], [NOON]) == [minutes(5, 15)]
    assert changed_lines([before], [before], [NOON]) == []


def test_a_gap_that_was_filled_changes_its_whole_time() -> None:
    """Lines lost between two five minutes were spread over the time between them."""
    before = profile(stretch(0, 1, 50), stretch(30, 81, 90))
    after = profile(stretch(0, 1, 50), stretch(30, 51, 90))
    assert changed_lines([before], [after], [NOON]) == [minutes(0, 35)]


def test_an_hour_that_was_not_known_has_changed_completely() -> None:
    """So it has where a service or an environment came to it."""
    after = profile(stretch(0, 1, 50))
    assert changed_lines([], [after], [NOON]) == [NOON]
    assert changed_lines([profile(stretch(0, 1, 50), service="")], [after], [NOON]) == [NOON]


def test_where_the_numbers_begin_is_part_of_the_first_five_minutes() -> None:
    """A process whose lines before the hour became known is counted from other numbers on."""
    one, two = stretch(0, 11, 20), stretch(5, 21, 90)
    assert changed_lines([profile(one, two)], [profile(one, two, before=10)], [NOON]) == [
        minutes(0, 5)
    ]


def test_hours_that_were_not_made_again_are_not_looked_at() -> None:
    """They are read for the gaps alone."""
    other = replace(profile(stretch(0, 1, 50)), revision=2)
    assert changed_lines([], [other], [Window(NOON.end, NOON.end + HOUR)]) == []
