"""Approved predictions are bid on, and a known share of the others."""

from collections.abc import Callable
from typing import Any

import pytest

from mlmon.autobid.autobidder import EXPLORATION, Autobidder, Bid
from mlmon.autobid.identifiers import seeded_ids
from mlmon.logging_config import EventLog, context


@pytest.fixture
def bidder(log: EventLog) -> Autobidder:
    """A bidder that logs to the test's log."""
    return Autobidder(log)


def decide(bidder: Autobidder, prediction_id: str, *, approved: bool) -> Bid | None:
    """Let the bidder decide on a prediction."""
    return bidder.decide(
        prediction_id=prediction_id, approved=approved, price=99.5, trace_id="ab" * 16
    )


def test_approved_predictions_are_always_bid_on(bidder: Autobidder) -> None:
    """No approved prediction is left out, and the bid says who approved it."""
    draw_id = seeded_ids(1)
    bids = [decide(bidder, draw_id(), approved=True) for _ in range(500)]
    assert all(bid is not None and bid.approved_by_model for bid in bids)


def test_a_share_of_the_others_is_explored(bidder: Autobidder) -> None:
    """Of refused predictions about the declared share is bid on, always the same ones."""
    draw_id = seeded_ids(2)
    ids = [draw_id() for _ in range(4_000)]
    explored = [decide(bidder, id_, approved=False) is not None for id_ in ids]
    assert sum(explored) / len(ids) == pytest.approx(EXPLORATION, abs=0.03)
    assert explored == [decide(bidder, id_, approved=False) is not None for id_ in ids]


def test_a_bid_carries_the_trace_of_its_request(
    bidder: Autobidder, events: Callable[[str], list[dict[str, Any]]]
) -> None:
    """The event joins with the prediction by its id and with the request by its trace."""
    bid = decide(bidder, "f" * 32, approved=True)
    assert bid is not None
    with context(trace_id=bid.trace_id):
        bidder.place(bid)
    [event] = events("ml.bid")
    assert event["trace.id"] == "ab" * 16
    assert event["ml.prediction.id"] == "f" * 32
    assert event["ml.bid.value"] == 99.5
    assert event["ml.bid.approved_by_model"] is True
