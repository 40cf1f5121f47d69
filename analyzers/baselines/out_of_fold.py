"""Metrics of the training set's out-of-fold scores and labels, next to the published ones.

Each is an interval that certainly holds what the rows themselves give. A published metric outside
of it was measured on other rows, or on scores that the model was fitted on. Pure.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlmon.analyzers.statistics.calibration import (
    calibration_p_value,
    chance_error,
    expected_calibration_error,
)
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.losses import brier, log_loss
from mlmon.analyzers.statistics.roc_auc import confidence_interval, roc_auc
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmon.analyzers.statistics.interval import Interval
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

DEFAULT_THRESHOLD = 0.5
"""The threshold of the decisions where no other one is set."""

CONFIDENCE = 0.95


def explained(rows: LabeledScores) -> dict[str, str]:
    """Return details of some metrics: the threshold, and the sampling error."""
    decisions = ("precision", "recall", "f1", "accuracy", "false_positive_rate")
    found = dict.fromkeys(decisions, f"at a threshold of {DEFAULT_THRESHOLD}")
    with suppress(ValueError):
        area = confidence_interval(rows, CONFIDENCE)
        found["roc_auc"] = f"of more such rows {number(area.low)} to {number(area.high)}"
    with suppress(ValueError):
        chance, p = chance_error(rows), calibration_p_value(rows)
        found["calibration_error"] = (
            f"calibrated scores have about {number(chance)}, as much deviation by chance "
            f"{number(p)}"
        )
    return found


def out_of_fold(rows: LabeledScores) -> dict[str, Interval]:
    """Return the metrics that rows have, by the name under which they are published."""
    decided = Confusion.at(rows, DEFAULT_THRESHOLD)
    asked: Mapping[str, Callable[[], Interval]] = {
        "roc_auc": lambda: roc_auc(rows),
        "precision": decided.precision,
        "recall": decided.recall,
        "f1": decided.f1,
        "accuracy": decided.accuracy,
        "false_positive_rate": decided.false_positive_rate,
        "log_loss": lambda: log_loss(rows),
        "brier": lambda: brier(rows),
        "calibration_error": lambda: expected_calibration_error(rows),
    }
    found = {}
    for name, ask in asked.items():
        # There is no such row (EmptySampleError), or the scores are no probabilities.
        with suppress(ValueError):
            found[name] = ask()
    return found
