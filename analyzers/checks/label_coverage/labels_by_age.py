"""How many of a model's approved predictions are labeled at a given age, and how old labels are.

Counted are labels that came within so many hours of their prediction, of predictions that are at
least as old. Later labels therefore do not change the count, and recent predictions are comparable
with old ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.profiles.kinds.label import DELAYS, in_hours
from mlmon.analyzers.profiles.kinds.outcome import OutcomeProfile, delays_of
from mlmon.analyzers.profiles.one_per_version import M, one_per_version
from mlmon.analyzers.statistics.percentiles import percentile

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.label import LabelProfile
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
    from mlmon.analyzers.statistics.buckets import Buckets

PAST_LABELS = timedelta(days=14)
LONGEST = 168
"""Labels are waited for so many hours at most before their share is judged."""

LABEL_REACH = PAST_LABELS + LONGEST * HOUR + DAY
MIN_DELAYS = 100


class LabelsByAge:
    """The predictions, labels and outcomes of one model over time.

    Args:
        model: Its name.
        labels: Profiles of labels, predictions and outcomes.
    """

    def __init__(self, model: str, labels: AnalysisContext[LabelProfile]) -> None:
        self.model = model
        self.labels = _of_model(labels, model)
        self.predictions: AnalysisContext[PredictionProfile] = _of_model(
            labels.of("prediction"), model
        )
        self._outcomes: AnalysisContext[OutcomeProfile] = labels.of("outcome")

    def arrived(self, window: Window) -> Buckets:
        """Return the delays, in hours, of the labels that arrived in a window."""
        return in_hours(self._delays(window))

    def age(self, window: Window, share: float) -> int | None:
        """Return after how many hours such a share of labels was there, before a window.

        One of `DELAYS`, `LONGEST` at most; None if too few labels are known.
        """
        past = self.arrived(Window(window.start - PAST_LABELS, window.start))
        if past.n < MIN_DELAYS:
            return None
        most = percentile(past, share).high
        return min(LONGEST, next((hours for hours in DELAYS if hours >= most), LONGEST))

    def labeled(self, window: Window, hours: int) -> tuple[int, int]:
        """Return (labeled within so many hours, all) of a window's approved predictions."""
        approved = sum(profile.approved for profile in self.predictions.within(window))
        labeled = sum(
            n
            for profile in self.labels.within(window)
            for delay, n in profile.approved.delays.items()
            if delay <= hours
        )
        # Of an id that two predictions share only one is labeled, never more.
        return min(labeled, approved), approved

    def contradicted(self, window: Window) -> tuple[int, int]:
        """Return (contradicted, all) labels of a window's predictions."""
        profiles = self.labels.within(window)
        return sum(profile.contradicted for profile in profiles), sum(
            profile.labeled for profile in profiles
        )

    def begin(self, window: Window) -> datetime | None:
        """Return the start of the first hour with predictions that a window's verdict may see."""
        seen = self.predictions.within(Window(window.end - LABEL_REACH, window.end))
        return seen[0].window.start if seen else None

    def _delays(self, window: Window) -> Counter[int]:
        return delays_of(self.model, self._outcomes.within(window))


def _of_model(context: AnalysisContext[M], model: str) -> AnalysisContext[M]:
    chosen = one_per_version(context.profiles, context.baselines)
    return AnalysisContext(
        context.period, [profile for profile in chosen if profile.model[0] == model]
    )
