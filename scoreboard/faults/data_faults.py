"""Faults of the data: what requests carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.faults.fault import Fault, signs, spans
from mlmon.scoreboard.simulation.requests import TOPICS, embeddings

if TYPE_CHECKING:
    from mlmon.scoreboard.faults.fault import Affected
    from mlmon.scoreboard.simulation.requests import Requests

TIMELINE = "data"
LARGE_EFFECT = spans(DAY, 3 * HOUR, large=18 * HOUR)
SMALL_EFFECT = spans(2 * DAY, 3 * DAY, large=DAY + 12 * HOUR)
LAYERS = ("feature",)


def _in_minutes(requests: Requests, affected: Affected) -> None:
    requests.numeric["age_hours"][affected.share(0.45)] *= 60.0


def _shifting(requests: Requests, affected: Affected) -> None:
    # Ends one standard deviation of the logarithm higher.
    distance = requests.numeric["distance_km"]
    distance[affected.rows] *= np.exp(0.75 * affected.progress[affected.rows])


def _default(requests: Requests, affected: Affected) -> None:
    requests.numeric["discount"][affected.share(0.2)] = 0.0


def _stuck(requests: Requests, affected: Affected) -> None:
    requests.numeric["price"][affected.rows] = 39.9


def _new_category(requests: Requests, affected: Affected) -> None:
    requests.categorical["channel"][affected.share(0.18)] = "partner"


def _vanished(requests: Requests, affected: Affected) -> None:
    device = requests.categorical["device"]
    device[affected.rows & (device == "tablet")] = "mobile"


def _missing(requests: Requests, affected: Affected) -> None:
    requests.numeric["rating"][affected.share(0.45)] = np.nan


def _missing_in_segment(requests: Requests, affected: Affected) -> None:
    rows = affected.share(0.8) & (requests.categorical["country"] == "NZ")
    requests.numeric["visits"][rows] = np.nan


def _out_of_range(requests: Requests, affected: Affected) -> None:
    requests.numeric["price"][affected.share(0.05)] *= 1_000.0


def _other_topic(requests: Requests, affected: Affected) -> None:
    rows = affected.share(0.5)
    requests.topic[rows] = TOPICS
    requests.embedding[rows] = embeddings(affected.rng, requests.topic[rows])


FAULTS = (
    Fault(
        "unit_change",
        "Hours arrive as minutes from 45 % of the clients",
        TIMELINE,
        LAYERS,
        signs(
            "data_quality * age_hours",
            "feature_* * age_hours",
            "segment_*",
            "score_*",
            "estimated_performance",
        ),
        LARGE_EFFECT,
        inputs=_in_minutes,
    ),
    Fault(
        "default_values",
        "A fifth of a feature is stuck at its default",
        TIMELINE,
        LAYERS,
        signs("feature_* * discount", "data_quality * discount", "segment_*", "score_*"),
        SMALL_EFFECT,
        inputs=_default,
    ),
    Fault(
        "stuck_value",
        "A feature has one value for every request",
        TIMELINE,
        LAYERS,
        signs(
            "feature_* * price",
            "data_quality * price",
            "segment_*",
            "score_*",
            "estimated_performance",
        ),
        LARGE_EFFECT,
        inputs=_stuck,
    ),
    Fault(
        "new_category",
        "A category that training did not know",
        TIMELINE,
        LAYERS,
        signs("data_quality * channel", "feature_* * channel", "segment_*", "score_*"),
        LARGE_EFFECT,
        inputs=_new_category,
    ),
    Fault(
        "vanished_category",
        "A category with 9 % vanishes",
        TIMELINE,
        LAYERS,
        signs("feature_* * device", "data_quality * device", "segment_*"),
        SMALL_EFFECT,
        inputs=_vanished,
    ),
    Fault(
        "missing_values",
        "45 % of a feature's values are missing",
        TIMELINE,
        LAYERS,
        signs("data_quality * rating", "feature_* * rating", "segment_*", "score_*"),
        LARGE_EFFECT,
        inputs=_missing,
    ),
    Fault(
        "missing_in_segment",
        "80 % of a feature is missing in a country with 6 % of the traffic",
        TIMELINE,
        LAYERS,
        signs("segment_quality", "data_quality * visits", "feature_* * visits", "segment_drift"),
        SMALL_EFFECT,
        inputs=_missing_in_segment,
    ),
    Fault(
        "out_of_range",
        "5 % of a feature's values are a thousand times too large",
        TIMELINE,
        LAYERS,
        signs("data_quality * price", "feature_* * price", "segment_*", "score_*"),
        LARGE_EFFECT,
        inputs=_out_of_range,
    ),
    Fault(
        "topic_change",
        "Half of the texts are about a new topic",
        TIMELINE,
        LAYERS,
        signs("embedding_drift"),
        SMALL_EFFECT,
        inputs=_other_topic,
    ),
    Fault(
        "slow_shift",
        "A number grows from day to day",
        "operations",
        LAYERS,
        signs("feature_* * distance_km", "data_quality * distance_km", "segment_*", "score_*"),
        spans(8 * DAY, 8 * DAY, large=8 * DAY, small=14 * DAY),
        at_hour=0,
        inputs=_shifting,
        alongside=True,
    ),
)
