"""The requests of a scenario: when they come, what they ask, and how an incident distorts them.

Traffic follows the day (busiest at 14:00 UTC) and the week (quieter at weekends). Requests are
drawn column-wise, a day at a time; `Requests.payload` makes one of them into what a client sends.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlmon.autobid.clock import DAY_NS, HOUR_NS, MINUTE_NS
from mlmon.autobid.encoding import Floats
from mlmon.autobid.incidents import IncidentPlan
from mlmon.autobid.market import Jobs, Population, draw_jobs
from mlmon.autobid.opportunity import (
    DESCRIPTION_EMBEDDING,
    OPPORTUNITY_CATEGORICAL,
    OPPORTUNITY_NUMERIC,
)

SLOT = 5 * MINUTE_NS
"""Traffic is drawn in slots of this length, `incidents.TICK` in nanoseconds."""
WEEKEND = 0.65
"""Traffic at weekends, as a share of that on working days."""

MALFORMED = 0.005
FAILING = 0.0005
HICCUPS = 0.004
"""The share of answers that take six times as long on any day."""

EMBEDDED = 0.1
"""The share of requests that carry an embedding."""

SHARE_IN_INCIDENT = {
    "server_errors": 0.22,
    "bad_input": 0.35,
    "numeric_shift": 0.45,
    "new_category": 0.18,
    "missing_values": 0.45,
}
"""The share of requests an incident touches while it lasts."""

NEW_CATEGORY = "ai_services"
ELSEWHERE = 0.4
"""Offset that another encoder adds to each number."""

SLOWER = 3.5
"""Factor of each answer's duration in the latency regression."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests in order of time, one element of each list; times in nanoseconds.

    Lists, since each request is looked at by itself, which costs less than in arrays.
    """

    at: list[int]
    duration: list[int]
    malformed: list[bool]
    failing: list[bool]
    succeeds: list[bool]
    outcome_delay: list[int]
    payloads: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.at)


def slot_weights(start: int, end: int) -> Floats:
    """The share of all traffic in each `SLOT` from `start` to `end`; sums to 1."""
    middle = np.arange(start, end, SLOT, dtype=np.int64) + SLOT // 2
    hours = hours_of_day(middle)
    # 1970-01-01 was a Thursday; 0 is Monday here.
    is_weekend = np.isin((middle // DAY_NS + 3) % 7, (5, 6))
    daily = 1.0 + 0.6 * np.cos((hours - 14.0) / 24.0 * 2 * np.pi)
    rate = daily * np.where(is_weekend, WEEKEND, 1.0)
    weights: Floats = rate / rate.sum()
    return weights


def expected_requests(start: int, end: int, plan: IncidentPlan, predictions: int) -> Floats:
    """How many requests to expect in each `SLOT`, so that at least so many are answered.

    Requests that are refused are made up for, and chance (four standard deviations of a Poisson
    count) is allowed for.
    """
    slots = np.arange(start, end, SLOT, dtype=np.int64)
    refused = (
        _odds(plan, "bad_input", MALFORMED, slots)
        + _odds(plan, "server_errors", FAILING, slots)
        + plan.active("model_not_loaded", slots)
    )
    weights = slot_weights(start, end)
    answered = (weights * (1.0 - np.minimum(refused, 1.0))).sum()
    expected: Floats = weights * (predictions + 4.0 * predictions**0.5) / answered
    return expected


def hours_of_day(moments: NDArray[np.int64]) -> Floats:
    """The hour of the day in UTC, 0 to 24, with its fraction."""
    hours: Floats = (moments % DAY_NS) / HOUR_NS
    return hours


def draw_requests(
    rng: np.random.Generator,
    start: int,
    expected: Floats,
    population: Population,
    plan: IncidentPlan,
) -> Requests:
    """Requests from `start` on, `expected[i]` of them on average in the i-th slot."""
    at = _arrivals(rng, start, rng.poisson(expected))
    jobs = draw_jobs(rng, population, hours_of_day(at), plan.active("concept_drift", at))
    malformed = rng.random(len(at)) < _odds(plan, "bad_input", MALFORMED, at)
    failing = rng.random(len(at)) < _odds(plan, "server_errors", FAILING, at)
    succeeds = jobs.draw_success(rng)
    delay = np.clip(rng.lognormal(np.log(14.0), 0.8, len(at)), 1.0, 120.0) * HOUR_NS
    observed = distort(rng, jobs, at, plan)
    return Requests(
        at.tolist(),
        _durations(rng, at, failing, plan).tolist(),
        malformed.tolist(),
        failing.tolist(),
        succeeds.tolist(),
        delay.astype(np.int64).tolist(),
        payloads(rng, observed, population, at),
    )


def distort(
    rng: np.random.Generator, jobs: Jobs, at: NDArray[np.int64], plan: IncidentPlan
) -> Jobs:
    """The jobs as the service receives them, with the errors of the incidents of the time."""
    numeric, categorical = dict(jobs.numeric), dict(jobs.categorical)
    in_minutes = rng.random(len(at)) < _odds(plan, "numeric_shift", 0.0, at)
    hours = numeric["hours_since_posted"]
    numeric["hours_since_posted"] = np.where(in_minutes, np.round(hours * 60.0), hours)
    renamed = rng.random(len(at)) < _odds(plan, "new_category", 0.0, at)
    categorical["job_category"] = np.where(renamed, NEW_CATEGORY, categorical["job_category"])
    lost = rng.random(len(at)) < _odds(plan, "missing_values", 0.0, at)
    numeric["client_rating"] = np.where(lost, np.nan, numeric["client_rating"])
    replaced = plan.active("encoder_replaced", at)[:, np.newaxis]
    embedding = np.where(replaced, another_encoder(jobs.embedding), jobs.embedding)
    return Jobs(numeric, categorical, jobs.profile, embedding, jobs.log_odds)


def another_encoder(embeddings: Floats) -> Floats:
    """Embeddings of the same texts by another encoder: as near to each other, and elsewhere."""
    return np.round(ELSEWHERE - embeddings, 4)


def payloads(
    rng: np.random.Generator, jobs: Jobs, population: Population, at: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """The clients' requests: a body for each job, None where a value is missing."""
    numbers = [_with_none(jobs.numeric[name]) for name in OPPORTUNITY_NUMERIC]
    categories = [jobs.categorical[name].tolist() for name in OPPORTUNITY_CATEGORICAL]
    embedded = (rng.random(len(at)) < EMBEDDED).tolist()
    names = ("opportunity_id", "profile_id", *OPPORTUNITY_NUMERIC, *OPPORTUNITY_CATEGORICAL)
    bodies = [
        dict(zip(names, values, strict=True))
        for values in zip(
            [f"job-{moment // 1000:x}" for moment in at.tolist()],
            [population.names[index] for index in jobs.profile.tolist()],
            *numbers,
            *categories,
            strict=True,
        )
    ]
    for index, is_embedded in enumerate(embedded):
        if is_embedded:
            bodies[index][DESCRIPTION_EMBEDDING] = jobs.embedding[index].tolist()
    return bodies


def malform(payload: dict[str, Any], kind: int) -> dict[str, Any]:
    """A body a client with an error would send: text for a number, a field lost, a sign wrong."""
    if kind == 0:
        return payload | {"bid_price": str(payload["bid_price"])}
    if kind == 1:
        return {name: value for name, value in payload.items() if name != "skill_match"}
    return payload | {"client_budget": -payload["client_budget"]}


def _arrivals(rng: np.random.Generator, start: int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    slots = start + np.repeat(np.arange(len(counts), dtype=np.int64), counts) * SLOT
    # Logs hold microseconds.
    within = rng.integers(0, SLOT // 1000, len(slots), dtype=np.int64) * 1000
    return np.sort(slots + within)


def _odds(plan: IncidentPlan, incident: str, usual: float, at: NDArray[np.int64]) -> Floats:
    return np.where(plan.active(incident, at), SHARE_IN_INCIDENT[incident], usual)


def _durations(
    rng: np.random.Generator, at: NDArray[np.int64], failing: NDArray[np.bool_], plan: IncidentPlan
) -> NDArray[np.int64]:
    milliseconds = rng.lognormal(np.log(18.0), 0.4, len(at))
    milliseconds *= np.where(rng.random(len(at)) < HICCUPS, 6.0, 1.0)
    milliseconds *= np.where(plan.active("latency_regression", at), SLOWER, 1.0)
    timeouts = rng.uniform(2000.0, 5000.0, len(at))
    return (np.where(failing, timeouts, milliseconds) * 1000).astype(np.int64) * 1000


def _with_none(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - nan
