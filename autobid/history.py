"""The days before a scenario: bids on everything, from which the first model learns."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from mlmon.autobid.clock import to_datetime, to_nanoseconds
from mlmon.autobid.examples import Example
from mlmon.autobid.features import LOGGED, assemble_features
from mlmon.autobid.incidents import IncidentPlan
from mlmon.autobid.market import Population
from mlmon.autobid.opportunity import parse_opportunity
from mlmon.autobid.profile_stats import StatsStore
from mlmon.autobid.traffic import SLOT, Requests, draw_requests, slot_weights

UNTROUBLED = IncidentPlan(())
"""No incidents."""

_SLOTS_AT_A_TIME = 144


def draw_history(
    rng: np.random.Generator,
    population: Population,
    *,
    start: int,
    window: timedelta,
    rows: int,
) -> list[Example]:
    """Examples of about `rows` requests of a `window` that ends at `start`.

    Left out are the requests whose outcome was not known by then. `start` is in nanoseconds.
    """
    since = to_nanoseconds(to_datetime(start) - window) // SLOT * SLOT
    expected = slot_weights(since, start) * rows
    stats = StatsStore(stale_after=window * 2)
    stats.refresh(population.statistics(to_datetime(since)))
    examples: list[Example] = []
    for slot in range(0, len(expected), _SLOTS_AT_A_TIME):
        some = expected[slot : slot + _SLOTS_AT_A_TIME]
        requests = draw_requests(rng, since + slot * SLOT, some, population, UNTROUBLED)
        examples.extend(_known(requests, stats, start))
    return examples


def _known(requests: Requests, stats: StatsStore, by: int) -> Iterator[Example]:
    for index, payload in enumerate(requests.payloads):
        at = requests.at[index]
        if at + requests.outcome_delay[index] >= by:
            continue
        opportunity = parse_opportunity(payload)
        known = stats.look_up(opportunity.profile_id, to_datetime(at))
        row = assemble_features(opportunity, known.features)
        yield Example(at, tuple(row.get(name) for name in LOGGED), requests.succeeds[index])
