"""The simulated marketplace: which jobs and profiles there are, and the truth about success.

The log-odds of success are a known function of what a job and a profile really are and of the
clients' taste, plus noise nobody can observe; a bid then succeeds by a draw. What the service
reads about a job may be wrong (see `incidents`), which leaves the truth as it is; the taste may
change, which the service does not see.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mlmon.autobid.encoding import Floats
from mlmon.autobid.opportunity import OPPORTUNITY_CATEGORICAL, OPPORTUNITY_NUMERIC
from mlmon.autobid.profile_stats import ProfileHistoricalStats

PROFILES = 600
NEW_PROFILES = 0.02
"""Share of profiles that have no history yet, and so no statistics."""

EMBEDDING_SIZE = 12

SHARES: dict[str, dict[str, float]] = {
    "job_category": {
        "web_development": 0.30,
        "data_science": 0.18,
        "design": 0.17,
        "mobile": 0.14,
        "translation": 0.12,
        "marketing": 0.09,
    },
    "contract_type": {"fixed_price": 0.62, "hourly": 0.38},
    "client_country": {
        "US": 0.34,
        "GB": 0.17,
        "DE": 0.14,
        "CA": 0.11,
        "AU": 0.09,
        "IN": 0.09,
        "NL": 0.06,
    },
    "experience_level": {"entry": 0.24, "intermediate": 0.47, "expert": 0.29},
}
"""Shares of the categories."""

EFFECTS: dict[str, float] = {
    "data_science": 0.35,
    "design": -0.30,
    "translation": 0.25,
    "hourly": 0.20,
    "IN": -0.35,
    "DE": 0.15,
    "entry": 0.25,
    "expert": -0.40,
}
"""A category's effect on the log-odds of success; one not named has none."""

MISSING: dict[str, float] = {
    "client_rating": 0.06,
    "client_hire_rate": 0.05,
    "description_words": 0.01,
}
"""Shares of values that clients leave out on an ordinary day."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What makes a client take a bid: what each thing adds to the log-odds of success.

    Attributes:
        anything: of any bid.
        skill: per unit of skill match above 0.6; 1.6 times as much where experts are wanted.
        price: per e-fold of the price over the client's budget.
        competition: per e-fold of the number of bids.
        waiting: per e-fold of the hours since the job was posted.
        rating: per point of the client's rating above 4.4.
        hire_rate: per unit of the client's hire rate above 0.6.
        ability: per unit of the profile's ability above 0.33.
    """

    anything: float = 0.95
    skill: float = 3.2
    price: float = -1.6
    competition: float = -0.50
    waiting: float = -0.40
    rating: float = 0.45
    hire_rate: float = 1.3
    ability: float = 4.0


USUAL = Taste()
DRIFTED = Taste(anything=-0.55, skill=-0.6, price=1.6, competition=0.0, ability=0.5)
"""The taste in the incident `concept_drift`: dear bids win, skill and a good record no longer do.
Requests look the same; only the outcomes of bids differ."""

UNOBSERVED_NOISE = 0.6
"""Standard deviation of the part of the log-odds that no feature explains."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """Offers of the marketplace, one array element each; `log_odds` is the truth."""

    numeric: dict[str, Floats]
    categorical: dict[str, NDArray[np.object_]]
    profile: NDArray[np.intp]
    embedding: Floats
    log_odds: Floats

    def draw_success(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Success of a bid on each job."""
        return rng.random(len(self.log_odds)) < expit(self.log_odds)


class Population:
    """The profiles: how able each is, how busy, and its statistics."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self.seed = seed
        self.ability: Floats = rng.beta(4.0, 8.0, PROFILES)
        self.busyness: Floats = rng.gamma(4.0, 6.0, PROFILES) + 2.0
        self.is_new: NDArray[np.bool_] = rng.random(PROFILES) < NEW_PROFILES
        error = np.sqrt(self.ability * (1 - self.ability) / (self.busyness + 5.0))
        self.measured: Floats = self.ability + rng.normal(0.0, 1.0, PROFILES) * error
        self.names = [f"profile-{number:04d}" for number in range(PROFILES)]

    def statistics(self, at: datetime) -> Iterator[ProfileHistoricalStats]:
        """The statistics of all profiles with a history, as a job computes them at a moment."""
        rng = np.random.default_rng([self.seed, 2, at.toordinal()])
        rates = np.clip(self.measured + rng.normal(0.0, 0.005, PROFILES), 0.0, 1.0)
        counts = np.maximum(np.rint(self.busyness + rng.normal(0.0, 1.0, PROFILES)), 1.0)
        rows = zip(
            self.names,
            np.round(rates, 4).tolist(),
            counts.astype(int).tolist(),
            self.is_new.tolist(),
            strict=True,
        )
        for name, rate, count, is_new in rows:
            if not is_new:
                yield ProfileHistoricalStats(name, rate, count, at)


def draw_jobs(
    rng: np.random.Generator,
    population: Population,
    hours: Floats,
    drifted: NDArray[np.bool_] | None = None,
) -> Jobs:
    """Jobs offered at given hours of the day (0 to 24), each with a profile to bid on it.

    `drifted` marks whose clients have the taste `DRIFTED`, none by default; only their log-odds
    differ.
    """
    size = len(hours)
    numeric = _draw_numbers(rng, size)
    categorical = {name: _draw_categories(rng, name, hours) for name in OPPORTUNITY_CATEGORICAL}
    weights = population.busyness / population.busyness.sum()
    profile = rng.choice(PROFILES, size, p=weights)
    ability = population.ability[profile]
    log_odds = _log_odds(numeric, categorical, ability, USUAL)
    if drifted is not None:
        changed = _log_odds(numeric, categorical, ability, DRIFTED)
        log_odds = np.where(drifted, changed, log_odds)
    log_odds += rng.normal(0.0, UNOBSERVED_NOISE, size)
    embedding = _embeddings(rng, categorical["job_category"])
    observed = {name: _leave_out(rng, name, numeric[name]) for name in OPPORTUNITY_NUMERIC}
    return Jobs(observed, categorical, profile, embedding, log_odds)


def _draw_numbers(rng: np.random.Generator, size: int) -> dict[str, Floats]:
    budget = rng.lognormal(np.log(600.0), 0.8, size)
    return {
        "bid_price": np.round(budget * rng.lognormal(-0.05, 0.25, size), 2) + 1.0,
        "client_budget": np.round(budget, 0) + 1.0,
        "competing_bids": rng.poisson(rng.gamma(2.0, 6.0, size)).astype(np.float64),
        "client_rating": np.round(rng.beta(9.0, 1.2, size) * 5.0, 2),
        "client_hire_rate": np.round(rng.beta(3.0, 2.0, size), 3),
        "hours_since_posted": rng.lognormal(np.log(5.0), 0.9, size).clip(max=168.0).round(2),
        "skill_match": np.round(rng.beta(5.0, 3.0, size), 4),
        "description_words": np.round(rng.lognormal(np.log(140.0), 0.6, size), 0),
    }


def _draw_categories(rng: np.random.Generator, name: str, hours: Floats) -> NDArray[np.object_]:
    names = np.array(list(SHARES[name]), dtype=object)
    shares = np.cumsum(list(SHARES[name].values()))
    draws = rng.random(len(hours))
    if name == "client_country":
        # America, the first of the list, is a little more awake in Europe's evening.
        draws = draws ** (1.0 + 0.06 * np.cos((hours - 20.0) / 24.0 * 2 * np.pi))
    return names[np.minimum(np.searchsorted(shares, draws, side="right"), len(names) - 1)]


def _log_odds(
    numeric: dict[str, Floats],
    categorical: dict[str, NDArray[np.object_]],
    ability: Floats,
    taste: Taste,
) -> Floats:
    expert = categorical["experience_level"] == "expert"
    log_odds: Floats = (
        taste.anything
        + taste.skill * (numeric["skill_match"] - 0.6) * np.where(expert, 1.6, 1.0)
        + taste.price * np.log(numeric["bid_price"] / numeric["client_budget"])
        + taste.competition * np.log1p(numeric["competing_bids"])
        + taste.waiting * np.log1p(numeric["hours_since_posted"])
        + taste.rating * (numeric["client_rating"] - 4.4)
        + taste.hire_rate * (numeric["client_hire_rate"] - 0.6)
        + taste.ability * (ability - 0.33)
    )
    for column in categorical.values():
        for category, effect in EFFECTS.items():
            log_odds += effect * (column == category)
    return log_odds


def _embeddings(rng: np.random.Generator, categories: NDArray[np.object_]) -> Floats:
    names = list(SHARES["job_category"])
    angles = np.outer(np.arange(1, len(names) + 1), np.arange(1, EMBEDDING_SIZE + 1))
    centres = np.cos(angles) * 0.5
    index = np.array([names.index(category) for category in categories], dtype=np.intp)
    return np.round(centres[index] + rng.normal(0.0, 0.25, (len(index), EMBEDDING_SIZE)), 4)


def _leave_out(rng: np.random.Generator, name: str, values: Floats) -> Floats:
    if name not in MISSING:
        return values
    return np.where(rng.random(len(values)) < MISSING[name], np.nan, values)
