"""Outcomes: hours or days after a bid, the marketplace reports whether it was taken."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mlmon.autobid.autobidder import Bid
from mlmon.autobid.clock import to_datetime
from mlmon.logging_config import EventLog


class BidOutcome(NamedTuple):
    """The outcome of a bid; `known_at` and `decided_at` in nanoseconds since the epoch."""

    known_at: int
    decided_at: int
    bid: Bid
    succeeded: bool


@dataclass(slots=True)
class PendingOutcomes:
    """Bids whose outcome lies ahead, the next one first."""

    _heap: list[BidOutcome] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._heap)

    def expect(self, outcome: BidOutcome) -> None:
        """Await an outcome."""
        heapq.heappush(self._heap, outcome)

    def due(self, until: int) -> Iterator[BidOutcome]:
        """The outcomes known before a moment, in order; each is given once."""
        while self._heap and self._heap[0].known_at < until:
            yield heapq.heappop(self._heap)


def record_outcome(log: EventLog, outcome: BidOutcome) -> None:
    """Log an outcome; its value is the bid's price when it was taken, else nothing."""
    log.outcome(
        prediction_id=outcome.bid.prediction_id,
        label=outcome.succeeded,
        value=outcome.bid.value if outcome.succeeded else 0.0,
        created=to_datetime(outcome.decided_at),
    )
