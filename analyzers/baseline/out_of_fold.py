"""What the training set's out-of-fold scores and labels are worth, beside the published metrics.

Each is an interval that certainly holds what the rows themselves give. A published metric outside
of it was measured on other rows, or on scores that the model was fitted on. Pure.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from analyzers.statistics.brier import brier
from analyzers.statistics.calibration import expected_calibration_error
from analyzers.statistics.confusion import Confusion
from analyzers.statistics.log_loss import log_loss
from analyzers.statistics.roc_auc import roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analyzers.statistics.interval import Interval
    from analyzers.statistics.labelled_scores import LabelledScores

THRESHOLD = 0.5
"""Of precision, recall and F1, where a classifier decides unless told otherwise."""


def out_of_fold(rows: LabelledScores) -> dict[str, Interval]:
    """Return the metrics that rows have, by the name under which they are published."""
    decided = Confusion.at(rows, THRESHOLD)
    asked: Mapping[str, Callable[[], Interval]] = {
        "roc_auc": lambda: roc_auc(rows),
        "precision": decided.precision,
        "recall": decided.recall,
        "f1": decided.f1,
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
