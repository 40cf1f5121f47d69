"""Outcomes come when they are due, in order, once."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.autobid.autobidder import Bid
from mlmon.autobid.clock import HOUR_NS, SimulatedClock
from mlmon.autobid.outcomes import BidOutcome, PendingOutcomes, record_outcome
from mlmon.logging_config import EventLog


def outcome(known_at: int, *, succeeded: bool = True) -> BidOutcome:
    """An outcome known at a moment, decided an hour before."""
    bid = Bid(f"b{known_at}", f"p{known_at}", "ab" * 16, 75.0, approved_by_model=True)
    return BidOutcome(known_at, known_at - HOUR_NS, bid, succeeded)


@given(st.lists(st.integers(0, 1_000)), st.lists(st.integers(0, 1_100)))
def test_each_outcome_is_due_once_and_in_order(known: list[int], asked: list[int]) -> None:
    """Asked at rising moments, all outcomes before the last come, each once, in order."""
    pending = PendingOutcomes()
    for moment in known:
        pending.expect(outcome(moment))
    received = [due.known_at for until in sorted(asked) for due in pending.due(until)]
    assert received == sorted(name for name in known if name < max(asked, default=0))
    assert len(pending) == len(known) - len(received)


def test_an_outcome_is_logged_with_its_value(
    log: EventLog, clock: SimulatedClock, events: Callable[[str], list[dict[str, Any]]]
) -> None:
    """A bid that was taken is worth its price, another nothing; the decision's time is kept."""
    record_outcome(log, outcome(clock(), succeeded=True))
    record_outcome(log, outcome(clock(), succeeded=False))
    taken, refused = events("ml.outcome")
    assert (taken["ml.outcome.label"], taken["ml.outcome.value"]) == (True, 75.0)
    assert (refused["ml.outcome.label"], refused["ml.outcome.value"]) == (False, 0.0)
    assert taken["event.created"].startswith("2026-11-03T11:00:00")
    assert taken["@timestamp"].startswith("2026-11-03T12:00:00")
