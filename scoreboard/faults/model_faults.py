"""Faults of the model, its labels and its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.faults.fault import Fault, signs, spans
from mlmon.scoreboard.simulation.requests import log_odds

if TYPE_CHECKING:
    from mlmon.scoreboard.faults.fault import Affected
    from mlmon.scoreboard.simulation.requests import Requests

TIMELINE = "model"
AFTER_LABELS = spans(2 * DAY, 24 * HOUR, large=2 * DAY)
"""Labels come 3 hours after the prediction in the middle, 24 at most; 12 hours more are allowed
from when half of the first half day is labeled."""
PERFORMANCE = signs(
    "concept_drift",
    "live_performance",
    "segment_performance",
    "estimated_performance",
    "business_value",
)
TURNED = {
    "price": 0.6,
    "age_hours": 0.3,
    "visits": -0.2,
    "rating": 0.1,
    "distance_km": 0.2,
    "discount": -2.0,
}
"""What success depends on in the concept drift: nearly the contrary."""


def _turned(requests: Requests, affected: Affected) -> None:
    turned = log_odds(requests.numeric, requests.categorical, TURNED)
    requests.log_odds = np.where(affected.rows, turned, requests.log_odds)


def _turned_with_inputs(requests: Requests, affected: Affected) -> None:
    requests.numeric["visits"][affected.rows] *= 2.5
    _turned(requests, affected)


def _rarer(requests: Requests, affected: Affected) -> None:
    requests.log_odds = requests.log_odds - np.where(affected.rows, 0.8, 0.0)


def _one_class(requests: Requests, affected: Affected) -> None:
    # The outcomes of successes are no longer reported: a success looks like no label at all.
    requests.labeled[affected.rows & (requests.log_odds > 0.0)] = False
    requests.log_odds = np.where(affected.rows, -60.0, requests.log_odds)


def _later(requests: Requests, affected: Affected) -> None:
    requests.label_delay_h[affected.rows] *= 2.0


def _older(requests: Requests, affected: Affected) -> None:
    requests.older[affected.rows & (requests.replica == 1)] = True


FAULTS = (
    Fault(
        "concept_drift",
        "Success depends on other things; inputs are unchanged",
        TIMELINE,
        ("concept", "performance"),
        PERFORMANCE,
        AFTER_LABELS,
        answers=_turned,
    ),
    Fault(
        "concept_and_inputs",
        "Success depends on other things, and inputs have changed",
        TIMELINE,
        ("concept", "performance", "feature"),
        (
            *PERFORMANCE,
            *signs("feature_* * visits", "data_quality * visits", "segment_*", "score_*"),
        ),
        AFTER_LABELS,
        inputs=_turned_with_inputs,
    ),
    Fault(
        "miscalibration",
        "Success is rarer than scores say; the order of scores is right",
        TIMELINE,
        ("concept", "performance"),
        PERFORMANCE,
        AFTER_LABELS,
        answers=_rarer,
    ),
    Fault(
        "one_class_lost",
        "Labels of successes are lost: all labels are of one class",
        TIMELINE,
        ("labels", "concept", "performance"),
        (*PERFORMANCE, *signs("label_coverage")),
        AFTER_LABELS,
        answers=_one_class,
    ),
    Fault(
        "labels_later",
        "Labels take twice as long",
        TIMELINE,
        ("labels",),
        signs("label_coverage"),
        spans(2 * DAY, 36 * HOUR),
        answers=_later,
    ),
    Fault(
        "shadowed_rollback",
        "One of two processes serves the version before the newest",
        TIMELINE,
        ("deployment",),
        signs("model_reload"),
        spans(20 * HOUR, 5 * HOUR),
        answers=_older,
    ),
)
