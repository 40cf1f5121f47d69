"""Requests of the simulated service in columns: what they carry, and the truth about them.

The log-odds of success are a known linear function of the true features, which the model knows too:
without a fault its scores are calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.random import Generator

Floats: TypeAlias = NDArray[np.float64]

SHARES: dict[str, dict[str, float]] = {
    "country": {"US": 0.34, "GB": 0.20, "DE": 0.16, "FR": 0.13, "CA": 0.11, "NZ": 0.06},
    "device": {"mobile": 0.60, "desktop": 0.31, "tablet": 0.09},
    "channel": {"search": 0.40, "mail": 0.25, "direct": 0.20, "ads": 0.15},
}
"""Categories and their shares."""
EFFECTS = {"US": 0.15, "NZ": -0.2, "mobile": -0.25, "tablet": 0.1, "mail": 0.3, "ads": -0.4}
"""A category's effect on the log-odds; one not named has none."""
MISSING = {"rating": 0.04, "distance_km": 0.02}
"""Usual shares of missing values."""
TOPICS = 4
TOPIC_SIZE = 8
EMBEDDED = 0.25
"""Share of the requests that carry an embedding."""
FACTORS = {
    "price": -0.9,
    "age_hours": -0.45,
    "visits": 0.5,
    "rating": 0.7,
    "distance_km": -0.35,
    "discount": 4.0,
}
"""What each number adds to the log-odds, of its transformed value (see `_centred`)."""
INTERCEPT = -0.55
THRESHOLD = 0.4
LABELED = 0.95
"""Share of the predictions that get a label."""
LABEL_MEDIAN_H, LABEL_SPREAD, LABEL_LONGEST_H = 3.0, 0.6, 24.0
FAILING, MALFORMED, HICCUPS = 0.001, 0.004, 0.004
"""Usual shares of answers with 500, with 400, and of those that take six times as long."""
CLIENTS = (0.45, 0.30, 0.25)
_TOPIC_CENTRES = np.random.default_rng(20_261_130).normal(0.0, 1.0, (TOPICS + 1, TOPIC_SIZE))
"""Centres of the texts' topics; the last one is a topic that training has never seen."""


@dataclass(slots=True)
class Requests:
    """Requests in order of time, an element of each array.

    Args:
        at: Nanoseconds since the epoch.
        numeric: Numbers by feature, NaN where missing.
        categorical: Categories by feature.
        topic: Topic of the text that the embedding is of.
        embedding: One row each; sent where `embedded`.
        embedded: Whether the request carries its embedding.
        log_odds: The truth about success.
        client: Which client sent it.
        replica: Which process of the service answers.
        older: Whether it is answered by the version before the newest.
        score: The model's score; set after the inputs.
        score_noise: Added to the score's log-odds.
        status: HTTP status.
        duration_ms: How long the answer took.
        labeled: Whether the outcome will be logged.
        label_delay_h: Hours until then.
        succeeds: The outcome.
    """

    at: NDArray[np.int64]
    numeric: dict[str, Floats]
    categorical: dict[str, NDArray[np.object_]]
    topic: NDArray[np.int64]
    embedding: Floats
    embedded: NDArray[np.bool_]
    log_odds: Floats
    client: NDArray[np.int64]
    replica: NDArray[np.int64]
    older: NDArray[np.bool_]
    score: Floats
    score_noise: Floats
    status: NDArray[np.int64]
    duration_ms: Floats
    labeled: NDArray[np.bool_]
    label_delay_h: Floats
    succeeds: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __len__(self) -> int:
        """Return how many."""
        return len(self.at)


def draw_requests(rng: Generator, at: NDArray[np.int64]) -> Requests:
    """Draw requests at given moments, without any fault."""
    size = len(at)
    numeric = _numbers(rng, size)
    categorical = {name: _categories(rng, name, size) for name in SHARES}
    truth = log_odds(numeric, categorical)
    for name, share in MISSING.items():
        numeric[name] = np.where(rng.random(size) < share, np.nan, numeric[name])
    topic = rng.integers(0, TOPICS, size)
    durations = rng.lognormal(np.log(20.0), 0.4, size)
    durations *= np.where(rng.random(size) < HICCUPS, 6.0, 1.0)
    status = np.full(size, 200)
    draws = rng.random(size)
    status[draws < MALFORMED] = 400
    status[draws > 1.0 - FAILING] = 500
    delay = rng.lognormal(np.log(LABEL_MEDIAN_H), LABEL_SPREAD, size).clip(0.1, LABEL_LONGEST_H)
    return Requests(
        at=at,
        numeric=numeric,
        categorical=categorical,
        topic=topic,
        embedding=embeddings(rng, topic),
        embedded=rng.random(size) < EMBEDDED,
        log_odds=truth,
        client=rng.choice(len(CLIENTS), size, p=CLIENTS),
        replica=rng.integers(0, 2, size),
        older=np.zeros(size, dtype=bool),
        score=np.zeros(size),
        score_noise=np.zeros(size),
        status=status,
        duration_ms=durations,
        labeled=rng.random(size) < LABELED,
        label_delay_h=delay,
    )


def draw_outcomes(rng: Generator, requests: Requests) -> None:
    """Draw which requests succeed, by the truth."""
    requests.succeeds = rng.random(len(requests)) < expit(requests.log_odds)


def embeddings(rng: Generator, topic: NDArray[np.int64]) -> Floats:
    """Return embeddings of texts about topics, one row each."""
    return np.round(_TOPIC_CENTRES[topic] + rng.normal(0.0, 0.7, (len(topic), TOPIC_SIZE)), 4)


def log_odds(
    numeric: dict[str, Floats],
    categorical: dict[str, NDArray[np.object_]],
    factors: dict[str, float] | None = None,
    intercept: float = INTERCEPT,
) -> Floats:
    """Return the log-odds of features; a missing number adds nothing."""
    factors = factors or FACTORS
    total = np.full(len(next(iter(numeric.values()))), intercept)
    for name, values in _centred(numeric).items():
        total += factors[name] * np.nan_to_num(values, nan=0.0)
    for names in categorical.values():
        total += np.array([EFFECTS.get(name, 0.0) for name in names.tolist()])
    return total


def expit(values: Floats) -> Floats:
    """Return the logistic function, safe for large numbers."""
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * np.clip(values, -60.0, 60.0)))
    return result


def _centred(numeric: dict[str, Floats]) -> dict[str, Floats]:
    """Return numbers as the model takes them: logarithms of amounts, centred."""
    return {
        "price": np.log(np.maximum(numeric["price"], 0.01) / 40.0),
        "age_hours": np.log1p(np.maximum(numeric["age_hours"], 0.0)) - 3.0,
        "visits": np.log1p(np.maximum(numeric["visits"], 0.0)) - 1.8,
        "rating": numeric["rating"] - 4.2,
        "distance_km": np.log1p(np.maximum(numeric["distance_km"], 0.0)) - 2.5,
        "discount": numeric["discount"] - 0.2,
    }


def _numbers(rng: Generator, size: int) -> dict[str, Floats]:
    return {
        "price": np.round(rng.lognormal(np.log(40.0), 0.7, size), 2),
        "age_hours": np.round(rng.lognormal(np.log(20.0), 0.9, size), 2),
        "visits": rng.poisson(rng.gamma(2.0, 4.0, size)).astype(np.float64),
        "rating": np.round(rng.beta(9.0, 1.7, size) * 5.0, 2),
        "distance_km": np.round(rng.gamma(2.0, 8.0, size), 2),
        "discount": np.round(rng.beta(2.0, 8.0, size), 3),
    }


def _categories(rng: Generator, name: str, size: int) -> NDArray[np.object_]:
    names = np.array(list(SHARES[name]), dtype=object)
    return names[rng.choice(len(names), size, p=list(SHARES[name].values()))]
