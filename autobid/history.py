"""The days before a scenario: bids on everything, from which the first model learns."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from autobid.clock import to_datetime, to_nanoseconds
from autobid.examples import Example
from autobid.features import FEATURES, assemble_features
from autobid.incidents import Plan
from autobid.market import Population
from autobid.opportunity import parse_opportunity
from autobid.profile_stats import StatsStore
from autobid.traffic import Requests, draw_requests, slot_weights

UNTROUBLED = Plan(())


def draw_history(
    rng: np.random.Generator,
    population: Population,
    *,
    start: int,
    window: timedelta,
    rows: int,
) -> tuple[Requests, StatsStore]:
    """About so many requests of a `window` without incidents that ends at `start`."""
    since = to_nanoseconds(to_datetime(start) - window)
    expected = slot_weights(since, start) * rows
    stats = StatsStore(stale_after=window * 2)
    stats.refresh(population.statistics(to_datetime(since)))
    return draw_requests(rng, since, expected, population, UNTROUBLED), stats


def history_examples(requests: Requests, stats: StatsStore, known_by: int) -> list[Example]:
    """The examples of all requests whose outcome was known by a moment."""
    examples = []
    for index, payload in enumerate(requests.payloads):
        at = int(requests.at[index])
        if at + int(requests.outcome_delay[index]) >= known_by:
            continue
        opportunity = parse_opportunity(payload)
        known = stats.look_up(opportunity.profile_id, to_datetime(at))
        row = assemble_features(opportunity, known.features)
        values = tuple(row[name] for name in FEATURES)
        examples.append(Example(at, values, bool(requests.succeeds[index])))
    return examples
