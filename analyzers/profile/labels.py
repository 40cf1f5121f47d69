"""What became of a window's predictions: their labels by score, in order, and what they brought.

A window is that of the predictions, not of the labels: labels that come weeks later are counted
where their predictions are, as a new revision of that window's profile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzers.profile.slot import Knowledge, Slot
    from analyzers.statistics.labelled_scores import LabelledScores
    from analyzers.window import Window

KIND = "label"
DATASET = "mlmon-labels"
MOST_ERRORS = 500
"""So many predictions of a window are kept in order for the detectors of concept drift."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labelled predictions of one kind of decision.

    Args:
        labelled: How many.
        positives: Of them, those that succeeded.
        value: What the successes brought, in the service's currency.
    """

    labelled: int = 0
    positives: int = 0
    value: float = 0.0

    def __add__(self, more: Outcomes) -> Outcomes:
        return Outcomes(
            self.labelled + more.labelled, self.positives + more.positives, self.value + more.value
        )


@dataclass(frozen=True, slots=True)
class LabelProfile:
    """The labelled predictions of one model version in one window.

    Args:
        slot: Window, and model name, version and baseline as its series.
        knowledge: What it was made from: labelled predictions, and when the last was joined.
        revision: 1, and one more each time labels came.
        scores: Scores by label over the baseline's edges, None without a baseline with scores.
        approved: What became of the predictions the model approved.
        rejected: What became of those it rejected.
        threshold: From which score on it approved (the most frequent threshold).
        delays: Labels by hours from prediction to label, rounded up to one of `DELAYS`.
        errors: Whether the decision was wrong, `1` or `0` each, in order of prediction: of all, or
            of `MOST_ERRORS` chosen by their ids where there are more.
        repeated: Predictions that more than one outcome was logged for.
        contradicted: Of them, those whose outcomes differ; the last one counts.
        service: The service that predicted.
    """

    slot: Slot
    knowledge: Knowledge
    revision: int = 1
    scores: LabelledScores | None = None
    approved: Outcomes = Outcomes()
    rejected: Outcomes = Outcomes()
    threshold: float | None = None
    delays: Counter[int] = field(default_factory=Counter)
    errors: str = ""
    repeated: int = 0
    contradicted: int = 0
    service: str | None = None

    @property
    def window(self) -> Window:
        """The time of the predictions."""
        return self.slot.window

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version, *_ = self.slot.series
        return name, version

    @property
    def baseline_id(self) -> str:
        """The baseline whose edges were used, "" for none."""
        return self.slot.series[2]

    @property
    def labelled(self) -> int:
        """Labelled predictions."""
        return self.approved.labelled + self.rejected.labelled
