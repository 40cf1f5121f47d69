"""Strips show the worst of each stretch of time, by height as well as by colour."""

from hypothesis import given
from hypothesis import strategies as st

from mlmon.report.html.severity import CRITICAL, OK, UNKNOWN, WARNING
from mlmon.report.html.strips import (
    MOST_TICKS,
    STRETCHES,
    bars,
    position,
    shade,
    strip_ticks,
    worst_of,
)


def test_equal_neighbours_are_one_rectangle_and_nothing_is_drawn_without_windows() -> None:
    """Each severity is one path; its rectangles stand on the ground, the worse the taller."""
    drawn = {one.severity: one.path for one in bars([OK, OK, None, CRITICAL, OK, WARNING, UNKNOWN])}
    assert drawn == {
        "ok": "M0 18h2v2h-2zM4 18h1v2h-1z",
        "unknown": "M6 14h1v6h-1z",
        "warning": "M5 9h1v11h-1z",
        "critical": "M3 0h1v20h-1z",
    }


@given(
    st.lists(
        st.lists(st.sampled_from([None, OK, UNKNOWN, WARNING, CRITICAL]), min_size=5, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_a_tile_shows_the_worst_of_its_checks(strips: list[list[int | None]]) -> None:
    """At each place the worst that any check knows; nothing where none knows anything."""
    for found, column in zip(worst_of(strips), zip(*strips, strict=True), strict=True):
        known = [one for one in column if one is not None]
        assert found == (max(known) if known else None)


def test_an_incident_is_shaded_at_its_time_and_stays_inside() -> None:
    """A shade begins where its time does, is never too thin to be seen, and ends with the strip."""
    assert position(150.0, 100.0, 200.0) == STRETCHES / 2
    brief = shade(150.0, 150.1, 100.0, 200.0, "1")
    assert (brief.x, brief.width) == (STRETCHES / 2, 0.8)
    outside = shade(190.0, 900.0, 100.0, 200.0, "2")
    assert outside.x + outside.width == STRETCHES


@given(st.floats(1e9, 2e9), st.floats(60, 4e8))
def test_ticks_are_few_and_inside(since: float, length: float) -> None:
    """No more than fit, in order, none outside the range."""
    found = strip_ticks(since, since + length)
    places = [tick.percent for tick in found]
    assert len(found) <= MOST_TICKS
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)
