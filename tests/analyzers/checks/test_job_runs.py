"""Runs of jobs from the lines of their starts and ends, however these number them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.checks.job_health.job_runs import JobRun, runs
from mlmon.analyzers.profiles.kinds.job import JobEvent

NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


def event(minute: float, run_id: str, seconds: float | None = None) -> JobEvent:
    """Return a start, or with its length the end of a run that succeeded."""
    at = NOON + timedelta(minutes=minute)
    return JobEvent("train", run_id, at, None if seconds is None else True, seconds)


def spans(found: Iterable[JobRun]) -> list[tuple[float, float | None]]:
    """Return the minutes at which runs start and end."""
    minute = timedelta(minutes=1)
    return [
        ((finding.start - NOON) / minute, (finding.end - NOON) / minute if finding.end else None)
        for finding in found
    ]


@pytest.mark.parametrize("run_id", ["", "1"])
def test_runs_that_share_an_id_or_have_none(run_id: str) -> None:
    """A start after an end begins a run of its own; an end without a start began by its length."""
    lines = [
        event(0, run_id),
        event(1, run_id, 60.0),
        event(5, run_id),
        event(6, run_id, 60.0),
        event(11, run_id, 60.0),
        event(15, run_id),
    ]
    assert spans(runs(lines)) == [(0, 1), (5, 6), (10, 11), (15, None)]


def test_a_run_that_is_logged_twice() -> None:
    """It is one run: of its starts the first counts, of its ends the last."""
    lines = [event(0, "a"), event(1, "a"), event(3, "a", 180.0), event(4, "a", 240.0)]
    assert spans(runs(lines)) == [(0, 4)]


def test_a_killed_run_without_an_id() -> None:
    """The next start says that the one before will not end."""
    assert spans(runs([event(0, ""), event(5, ""), event(6, "", 60.0)])) == [(0, None), (5, 6)]


def test_a_clock_that_went_back_within_a_run() -> None:
    """Start and end are one run though the end is dated first; how long it took, it says itself."""
    (run,) = runs([event(0, "a"), event(-59, "a", 60.0)])
    assert (run.seconds, run.succeeded) == (60.0, True)


def test_an_end_that_does_not_log_how_long() -> None:
    """The clock gives it; without a start it is unknown."""
    end = JobEvent("train", "a", NOON + timedelta(minutes=2), succeeded=True)
    assert [run.seconds for run in runs([event(0, "a"), end])] == [120.0]
    assert [run.seconds for run in runs([end])] == [None]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=20), st.data())
def test_what_does_not_overlap_is_distinguished_without_ids(
    planned: list[tuple[int, int]], data: st.DataObject
) -> None:
    """With ids, with one for all, and with none, the runs are the same, in any order."""
    begin, expected = 0, []
    for pause, length in planned:
        expected.append((begin + pause, begin + pause + length))
        begin += pause + length
    for name in ("run {}", "1", ""):
        lines = [
            line
            for number, (start, end) in enumerate(expected)
            for line in (
                event(start, name.format(number)),
                event(end, name.format(number), 60.0 * (end - start)),
            )
        ]
        assert spans(runs(data.draw(st.permutations(lines)))) == expected
