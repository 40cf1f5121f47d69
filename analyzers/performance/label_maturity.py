"""Maturity of a window's labels: how many are known, and how many more are expected.

Labels arrive hours to weeks after their prediction, so a recent window has few of them, and not a
random sample: early outcomes may differ from late ones. A window is mature once the share
of its approved predictions that is labeled comes up to `MATURE` of the share that windows reached
which are three days older or more. Until then those that are missing are counted, so that
performance can be bounded by the worst and the best they may turn out to be.

It is a function of profiles alone: no clock is read, and labels that come later make later
revisions of the same window.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.statistics.wilson import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.profiles.kinds.label import LabelProfile
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile

OLD_ENOUGH = timedelta(days=3)
MATURITY_LOOKBACK = timedelta(days=7)
"""The share that can be reached is that of the windows from 7 to 3 days before."""

MATURE = 0.95
MIN_PREDICTIONS = 50
"""Older predictions needed to estimate the share that can be reached; with fewer it is 1."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Labels of the predictions of one decision.

    Args:
        predictions: How many predictions.
        labeled: Of them, those whose label is known.
        reached: The share that is labeled in the end.
    """

    predictions: int
    labeled: int
    reached: float

    @property
    def share(self) -> float:
        """The share that is labeled."""
        return min(1.0, self.labeled / self.predictions) if self.predictions else 0.0

    @property
    def maturity(self) -> float:
        """The share of the labels to be expected that is known."""
        return min(1.0, self.share / self.reached) if self.reached else 1.0

    @property
    def immature(self) -> float | None:
        """The maturity of an immature window, as its findings name it; None of a mature one."""
        return None if self.mature else round(self.maturity, 4)

    @property
    def missing_share(self) -> float:
        """The share of the predictions whose label is still to be expected."""
        return max(0.0, self.reached - self.share)

    @property
    def mature(self) -> bool:
        """Whether nearly all labels are known; the upper bound decides in a small sample."""
        if not self.predictions:
            return True
        labeled = min(self.labeled, self.predictions)
        most = wilson_interval(labeled, self.predictions).high
        return most >= MATURE * self.reached


@dataclass(frozen=True, slots=True)
class DecisionCoverage:
    """Labels of a window's predictions by decision."""

    approved: Coverage
    rejected: Coverage

    @property
    def mature(self) -> bool:
        """Whether nearly all labels of approved predictions are known."""
        return self.approved.mature

    @property
    def labeled(self) -> int:
        """Labels that are known."""
        return self.approved.labeled + self.rejected.labeled


@dataclass(frozen=True, slots=True)
class _Hour:
    """Approved and rejected predictions, and the labeled ones of each, that start at a moment."""

    start: datetime
    counts: tuple[int, int, int, int]


class LabelHistory:
    """Predictions and their labels over time, of all versions of one model.

    Args:
        predicted: Profiles of predictions.
        labeled: Profiles of labels.
        model: The model's name.
    """

    def __init__(
        self,
        predicted: AnalysisContext[PredictionProfile],
        labeled: AnalysisContext[LabelProfile],
        model: str,
    ) -> None:
        hours = sorted(
            [*_predictions(predicted, model), *_labels(labeled, model)],
            key=lambda prediction: prediction.start,
        )
        self._starts = [hour.start for hour in hours]
        self._sums = list(accumulate((hour.counts for hour in hours), _added, initial=(0, 0, 0, 0)))

    def reached(self, window: Window) -> tuple[float, float] | None:
        """Return the shares of approved and of rejected predictions that older windows reached."""
        older = Window(window.start - MATURITY_LOOKBACK, window.start - OLD_ENOUGH)
        approved, rejected, labeled, explored = self._within(older)
        if approved < MIN_PREDICTIONS:
            return None
        return min(1.0, labeled / approved), min(1.0, explored / rejected) if rejected else 0.0

    def approved(self, window: Window) -> int:
        """Return how many of a window's predictions were approved."""
        return self._within(window)[0]

    def coverage(
        self, window: Window, approved: tuple[int, int], rejected: tuple[int, int]
    ) -> DecisionCoverage:
        """Return the coverage of some of a window's predictions.

        Args:
            window: When they were made.
            approved: Approved predictions, and the labeled ones of them.
            rejected: Rejected ones likewise.
        """
        reached = self.reached(window)
        of_approved = Coverage(*approved, reached[0] if reached else 1.0)
        if reached:
            return DecisionCoverage(of_approved, Coverage(*rejected, reached[1]))
        # Labels of rejected predictions are taken to come as fast as those of approved ones.
        share = Coverage(*rejected, 1.0).share
        of_rejected = min(1.0, share / of_approved.maturity) if of_approved.maturity else share
        return DecisionCoverage(of_approved, Coverage(*rejected, of_rejected))

    def _within(self, window: Window) -> tuple[int, int, int, int]:
        first, last = (bisect_left(self._starts, moment) for moment in (window.start, window.end))
        before = tuple(-total for total in self._sums[first])
        return _added(self._sums[last], before)


def _predictions(context: AnalysisContext[PredictionProfile], model: str) -> Iterable[_Hour]:
    for profile in one_per_version(context.profiles, context.baselines):
        if profile.model[0] == model:
            yield _Hour(
                profile.window.start,
                (profile.approved, profile.predictions - profile.approved, 0, 0),
            )


def _labels(context: AnalysisContext[LabelProfile], model: str) -> Iterable[_Hour]:
    for profile in one_per_version(context.profiles, context.baselines):
        if profile.model[0] == model:
            known = (0, 0, profile.approved.labeled, profile.rejected.labeled)
            yield _Hour(profile.window.start, known)


def _added(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, int, int, int]:
    a, b, c, d = (x + y for x, y in zip(first, second, strict=True))
    return a, b, c, d


MATURITY_REACH = MATURITY_LOOKBACK + DAY
"""Lookback of analyzers that judge days, from the end of the day."""
