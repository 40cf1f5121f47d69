"""Windows cut time alike for every run."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import DAY, EPOCH, HOUR, MINUTE, Window, floor, iso, parse_time

moments = st.integers(0, 3 * 10**8).map(
    lambda seconds: datetime(2020, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC) + timedelta(seconds=seconds)
)
steps = st.sampled_from([5 * MINUTE, HOUR, 6 * HOUR, DAY])


@given(moments, st.integers(1, 5_000), st.integers(1, 5_000), steps)
def test_periods_that_join_share_out_their_windows(
    start: datetime, first: int, second: int, step: timedelta
) -> None:
    """The windows of two periods that join are those of the whole, each once."""
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE
    whole = list(Window(start, end).ends(step))
    parts = [*Window(start, middle).ends(step), *Window(middle, end).ends(step)]
    assert parts == whole
    assert all((moment - EPOCH) % step == timedelta(0) for moment in whole)


@given(moments, st.integers(1, 5_000), steps)
def test_parts_cover_a_window_without_overlap(
    start: datetime, minutes: int, step: timedelta
) -> None:
    """Parts join, begin and end with the window, and are cut at multiples of the length."""
    window = Window(start, start + minutes * MINUTE)
    parts = list(window.split(step))
    assert parts[0].start == window.start
    assert parts[-1].end == window.end
    for earlier, later in itertools.pairwise(parts):
        assert earlier.end == later.start == floor(later.start, step)


@given(moments, st.integers(1, 5_000))
def test_halves_are_cut_at_a_step_or_not_at_all(start: datetime, minutes: int) -> None:
    """Halves join at a multiple of the step inside the window; without one there are none."""
    window = Window(start, start + minutes * MINUTE)
    halves = window.halves(HOUR)
    inside = [end for end in window.ends(HOUR) if end < window.end]
    assert (halves is None) == (not inside)
    if halves:
        assert halves[0].end == halves[1].start
        assert halves[0].end in inside


@given(moments)
def test_a_time_is_read_as_written(moment: datetime) -> None:
    """Writing keeps milliseconds, and reading gives the moment back."""
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_time(iso(whole)) == whole
    assert iso(whole).endswith("Z")


def test_a_time_without_zone_is_utc() -> None:
    """What is typed without a zone means UTC, and other zones are converted."""
    assert parse_time("2026-03-02T14:00") == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert parse_time("2026-03-02T14:00+02:00") == datetime(2026, 3, 2, 12, tzinfo=UTC)
