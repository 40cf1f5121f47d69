"""The simulated client and server: requests answered through the service, each event at its moment.

The requests of one tick are scored in one batch. What they log is collected with the moment it
happens at, sorted, and only then written, as a server's log is in the order things happen in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from mlmon.autobid.clock import MINUTE_NS, SimulatedClock, to_datetime
from mlmon.autobid.components import Components
from mlmon.autobid.opportunity import BadInputError, BidOpportunity, parse_opportunity
from mlmon.autobid.outcomes import BidOutcome, record_outcome
from mlmon.autobid.prediction_service import ModelNotLoadedError, ScoredBid
from mlmon.autobid.routes import PREDICT_PATH
from mlmon.autobid.traffic import Requests, malform
from mlmon.logging_config import context

MILLISECOND = MINUTE_NS // 60_000
REFUSAL = 2 * MILLISECOND
"""Duration of an answer without a prediction."""

BID_DELAY = 120 * MILLISECOND
"""From the answer to the bid."""


class _Event(NamedTuple):
    at: int
    order: int
    clock: SimulatedClock
    write: Callable[[], object]


class _Accepted(NamedTuple):
    """A request that can be scored, and its place among the requests."""

    place: int
    trace_id: str
    opportunity: BidOpportunity


@dataclass(slots=True)
class Exchange:
    """Requests and answers of one scenario."""

    components: Components
    _events: list[_Event] = field(default_factory=list)

    def serve(self, requests: Requests, first: int, last: int, until: int) -> None:
        """Answer the requests from the place `first` to before `last`; then learn what is due."""
        accepted = [
            request for index in range(first, last) if (request := self._receive(requests, index))
        ]
        received = [to_datetime(requests.at[request.place]) for request in accepted]
        try:
            opportunities = [request.opportunity for request in accepted]
            predictions = self.components.api.service.score(opportunities, received)
        except ModelNotLoadedError:
            for request in accepted:
                self._refuse(requests, request.place, request.trace_id, 503, "model_not_loaded")
        else:
            for request, prediction in zip(accepted, predictions, strict=True):
                self._answer(requests, request, prediction)
        for outcome in self.components.bidder.pending.due(until):
            self._learn(outcome)
        self._write()

    def _receive(self, requests: Requests, index: int) -> _Accepted | None:
        trace_id, payload = self.components.draw_id(), requests.payloads[index]
        if requests.malformed[index]:
            payload = malform(payload, index % 3)
        try:
            opportunity = parse_opportunity(payload)
        except BadInputError:
            self._refuse(requests, index, trace_id, 400, "bad_input")
            return None
        if requests.failing[index]:
            status = 504 if index % 4 == 0 else 500
            self._refuse(requests, index, trace_id, status, "stats_database_timeout")
            return None
        return _Accepted(index, trace_id, opportunity)

    def _refuse(
        self, requests: Requests, index: int, trace_id: str, status: int, code: str
    ) -> None:
        duration = requests.duration[index] if status in {500, 504} else REFUSAL
        self._access(requests.at[index], duration, trace_id, status, code)

    def _answer(self, requests: Requests, accepted: _Accepted, prediction: ScoredBid) -> None:
        at, duration = requests.at[accepted.place], requests.duration[accepted.place]
        api, bidder, trace_id = self.components.api, self.components.bidder, accepted.trace_id
        self._at(
            at + duration * 4 // 5, api.clock, trace_id, lambda: api.service.record(prediction)
        )
        self._access(at, duration, trace_id, 200, None)
        bid = bidder.autobidder.decide(
            prediction_id=prediction.id,
            approved=prediction.approved,
            price=prediction.bid_price,
            trace_id=trace_id,
        )
        if bid is None:
            return
        placed = at + duration + BID_DELAY
        self._at(placed, bidder.clock, trace_id, lambda: bidder.autobidder.place(bid))
        bidder.examples.bid_placed(prediction, at)
        decided = placed + requests.outcome_delay[accepted.place]
        succeeded = requests.succeeds[accepted.place]
        bidder.pending.expect(BidOutcome(decided + 2 * MINUTE_NS, decided, bid, succeeded))

    def _learn(self, outcome: BidOutcome) -> None:
        bidder = self.components.bidder
        bidder.examples.outcome_known(outcome.bid.prediction_id, succeeded=outcome.succeeded)
        self._at(
            outcome.known_at,
            bidder.clock,
            outcome.bid.trace_id,
            lambda: record_outcome(bidder.log, outcome),
        )

    def _access(self, at: int, duration: int, trace_id: str, status: int, code: str | None) -> None:
        api = self.components.api
        self._at(
            at + duration,
            api.clock,
            trace_id,
            lambda: api.log.access(
                method="POST",
                path=PREDICT_PATH,
                status_code=status,
                duration_ns=duration,
                error_code=code,
            ),
        )

    def _at(
        self, moment: int, clock: SimulatedClock, trace_id: str, write: Callable[[], object]
    ) -> None:
        def in_context() -> None:
            with context(trace_id=trace_id, request_id=trace_id[:16]):
                write()

        self._events.append(_Event(moment, len(self._events), clock, in_context))

    def _write(self) -> None:
        self._events.sort()
        for event in self._events:
            event.clock.now = event.at
            event.write()
        self._events.clear()
