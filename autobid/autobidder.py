"""The autobidder: bids where the model approves, and on a known share of the rest.

A model that only ever learns from bids it approved itself cannot learn that it refused good ones.
A fixed share of refused opportunities is therefore bid on as well, chosen by the prediction's id.
"""

from dataclasses import dataclass
from typing import NamedTuple

from mlmon.autobid.identifiers import DrawId, random_id, share
from mlmon.logging_config import EventLog

EXPLORATION = 0.3
"""The share of refused opportunities that is bid on nevertheless."""

EXPLORATION_DIGITS = slice(0, 8)
"""Digits of a prediction's id that decide on exploration."""


class Bid(NamedTuple):
    """A bid that was placed; `value` is its price in euro."""

    id: str
    prediction_id: str
    trace_id: str
    value: float
    approved_by_model: bool


@dataclass(frozen=True, slots=True)
class Autobidder:
    """Decides on predictions and logs the bids it places."""

    log: EventLog
    draw_id: DrawId = random_id
    exploration: float = EXPLORATION

    def decide(
        self, *, prediction_id: str, approved: bool, price: float, trace_id: str
    ) -> Bid | None:
        """The bid a prediction leads to, not yet placed; None where there is to be none."""
        explored = share(prediction_id, EXPLORATION_DIGITS) < self.exploration
        if not (approved or explored):
            return None
        return Bid(self.draw_id(), prediction_id, trace_id, price, approved)

    def place(self, bid: Bid) -> None:
        """Place a bid: log it. The caller's context holds the trace of the request."""
        self.log.bid(
            bid_id=bid.id,
            prediction_id=bid.prediction_id,
            value=bid.value,
            approved_by_model=bid.approved_by_model,
        )
