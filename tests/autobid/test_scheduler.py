"""Jobs run by the given clock, in their rhythm, and again soon after a failure."""

from datetime import timedelta

import pytest

from mlmon.autobid.clock import HOUR_NS, MINUTE_NS, SimulatedClock, to_datetime
from mlmon.autobid.scheduler import ClockedScheduler, schedule_with_retry


@pytest.fixture
def scheduler(clock: SimulatedClock) -> ClockedScheduler:
    """A scheduler on the test's clock."""
    return ClockedScheduler(clock)


def run_for(scheduler: ClockedScheduler, clock: SimulatedClock, until: int) -> None:
    """Let time pass in steps of five minutes, running what is due."""
    while clock() < until:
        scheduler.run_pending()
        clock.now = clock() + 5 * MINUTE_NS


def test_the_rhythm_does_not_slip(scheduler: ClockedScheduler, clock: SimulatedClock) -> None:
    """A job that takes twenty minutes still starts every hour on the hour."""
    start, runs = clock(), list[int]()

    def work() -> None:
        runs.append((clock() - start) // MINUTE_NS)
        clock.advance(20 * MINUTE_NS)

    scheduler.every(1).hours.do(work).first(to_datetime(start + HOUR_NS))
    run_for(scheduler, clock, start + 4 * HOUR_NS + MINUTE_NS)
    assert runs == [60, 120, 180, 240]


def test_missed_runs_are_not_caught_up(scheduler: ClockedScheduler, clock: SimulatedClock) -> None:
    """After a long pause a job runs once, then in its old rhythm."""
    start, runs = clock(), list[int]()
    job = scheduler.every(1).hours.do(lambda: runs.append((clock() - start) // MINUTE_NS))
    job.first(to_datetime(start + HOUR_NS))
    clock.now = start + 5 * HOUR_NS + 30 * MINUTE_NS
    run_for(scheduler, clock, start + 7 * HOUR_NS + MINUTE_NS)
    assert runs == [330, 360, 420]


def test_a_failure_is_retried_until_it_works(
    scheduler: ClockedScheduler, clock: SimulatedClock
) -> None:
    """Weekly work that fails twice runs again every two hours, then a week after it was due."""
    start, runs = clock(), list[int]()

    def attempt() -> bool:
        runs.append((clock() - start) // HOUR_NS)
        return len(runs) > 2

    schedule_with_retry(
        scheduler,
        attempt,
        every=timedelta(days=7),
        first=to_datetime(start + HOUR_NS),
        retry=timedelta(hours=2),
    )
    run_for(scheduler, clock, start + 8 * 24 * HOUR_NS)
    assert runs == [1, 3, 5, 7 * 24 + 1]
