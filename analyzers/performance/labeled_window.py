"""The day before a moment with the labels known of it, over which performance is judged.

It is judged every six hours. A day is defined by the time of its predictions; later labels make
later revisions of the same findings.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.performance.label_maturity import DecisionCoverage, LabelHistory
from mlmon.analyzers.performance.reference_metrics import TITLES, MetricName
from mlmon.analyzers.profiles.kinds.prediction import KIND as PREDICTIONS
from mlmon.analyzers.profiles.quantities import merge as merge_profiles
from mlmon.analyzers.references.daily_window import (
    EVALUATION_INTERVAL,
    DailyWindow,
    daily_window,
    daily_windows,
)
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance
from mlmon.analyzers.statistics.unknown_labels import bounded_performance
from mlmon.formatting import count, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.kinds.label import LabelProfile
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
    from mlmon.analyzers.statistics.performance import Performance

LABEL_CONFIDENCE = 0.99
MIN_DAY_LABELS, MIN_LABELS_PER_CLASS = 100, 20
"""Labels that a verdict needs, and labels of each class that its measure needs."""
CLASSES_NEEDED: Mapping[MetricName, tuple[str, ...]] = {
    "roc_auc": ("positive", "negative"),
    "f1": ("positive", "negative"),
    "recall": ("positive",),
}
"""The classes without whose labels a measure is undefined; the other measures need none: where all
outcomes are alike, success rate, calibration and losses are certain."""


@dataclass(frozen=True)
class LabeledWindow:
    """A model version in service at the end of a day: its predictions, and what is known of them.

    Args:
        day: The day and the version.
        scores: Scores of all its predictions, None without a baseline's edges.
        labels: What became of them, None where no label is known.
        thresholds: From which score on it approved, that of most predictions first.
        coverage: How many labels are known, and how many are to be expected.
    """

    day: DailyWindow
    scores: Buckets | None
    labels: LabelProfile | None
    thresholds: tuple[float, ...]
    coverage: DecisionCoverage

    @property
    def baseline(self) -> Baseline | None:
        """The version's baseline."""
        return self.day.baseline

    @property
    def threshold(self) -> float | None:
        """From which score on it approved most of the day, None if unlogged."""
        return next(iter(self.thresholds), None)

    @property
    def about(self) -> dict[str, Any]:
        """Attributes of every finding of the day: model and sample."""
        baseline = self.baseline
        return self.day.about | {
            "service": self.day.about["service"] or (self.labels and self.labels.service),
            "sample_count": self.labels.labeled if self.labels else 0,
            "baseline_count": baseline.rows if baseline else None,
            "maturity": self.coverage.approved.immature,
        }

    def skip_reason(self) -> str | None:
        """Return why the version's performance cannot be judged, None if it can."""
        if skip_reason := self.day.skip_reason():
            return skip_reason
        if self.scores is None:
            return f"The training set of {self.day.title} holds no scores."
        if not self.scores.n:
            predictions = sum(profile.predictions for profile in self.day.own)
            return (
                f"None of {count(predictions, 'prediction')} of {self.day.title} "
                f"{span(self.day.window)} has a score: log `ml.prediction.score`."
            )
        labels = sum(self._labels_by_class().values())
        if labels < MIN_DAY_LABELS:
            return (
                f"{count(labels, 'label')} known for {count(self.scores.n, 'prediction')} of "
                f"{self.day.title} {span(self.day.window)}; {MIN_DAY_LABELS} are needed."
            )
        return None

    def measure_skip_reason(self, measure: MetricName) -> str | None:
        """Return why a measure waits for labels of a class or decision, None if it does not."""
        known = self._labels_by_class()
        approved = self.labels.approved.labeled if self.labels else 0
        if measure == "precision" and approved < MIN_LABELS_PER_CLASS:
            # Of ten rows the interval is too narrow: 3 of 60 simulated calm days alarmed.
            return (
                f"Precision of {self.day.title} cannot be judged: "
                f"{count(approved, 'label')} of approved predictions {span(self.day.window)}; "
                f"{MIN_LABELS_PER_CLASS} are needed."
            )
        for name in CLASSES_NEEDED.get(measure, ()):
            if known[name] < MIN_LABELS_PER_CLASS:
                return (
                    f"{TITLES[measure]} of {self.day.title} cannot be judged: {known[name]} of "
                    f"{count(sum(known.values()), 'label')} {span(self.day.window)} are {name}; "
                    f"{MIN_LABELS_PER_CLASS} are needed."
                )
        return None

    def _labels_by_class(self) -> dict[str, int]:
        known = self.labels.scores if self.labels else None
        if known is None:
            return {"positive": 0, "negative": 0}
        return {"positive": known.positives.n, "negative": known.negatives.n}

    @cached_property
    def performance(self) -> Performance:
        """The performance of all predictions, at `LABEL_CONFIDENCE`."""
        return self.performance_at(LABEL_CONFIDENCE)

    def performance_at(self, confidence: float) -> Performance:
        """Return the performance of all predictions; bounded by what missing labels may be.

        Only where there is no skip_reason.
        """
        if self.scores is None or self.labels is None or self.labels.scores is None:
            raise ValueError(f"the performance of {self.day.title} is not known")
        if self.coverage.mature:
            return post_stratified_performance(
                self.scores, self.labels.scores, self.threshold, confidence
            )
        return bounded_performance(
            self.scores, self.labels.scores, self.missing, self.threshold, confidence
        )

    @cached_property
    def missing(self) -> tuple[int, ...]:
        """Labels still to be expected per score bucket, none of a mature day."""
        if self.scores is None:
            return ()
        if self.coverage.mature:
            return (0,) * len(self.scores.counts)
        approved = self.scores.lowest() >= (self.threshold or 0.0)
        shares = np.where(
            approved, self.coverage.approved.missing_share, self.coverage.rejected.missing_share
        )
        return tuple(np.rint(np.array(self.scores.counts) * shares).astype(int).tolist())

    def known(self) -> str:
        """Sentence part with the number of known labels."""
        coverage = self.coverage
        predictions = coverage.approved.predictions + coverage.rejected.predictions
        labels = f"{count(coverage.labeled, 'label')} of {count(predictions, 'prediction')}"
        if coverage.mature:
            return f"{labels} {span(self.day.window)}"
        return (
            f"{labels} {span(self.day.window)}, {percent(coverage.approved.maturity)} of the "
            "expected ones: the interval covers the missing labels"
        )


class LabeledDays:
    """Model versions' predictions and labels by window, each made once.

    Args:
        context: Label and prediction profiles.
    """

    def __init__(self, context: AnalysisContext[LabelProfile]) -> None:
        self._labels = context
        self._predictions: AnalysisContext[PredictionProfile] = context.of(PREDICTIONS)
        self._histories: dict[str, LabelHistory] = {}
        self._made: dict[tuple[Window, tuple[str, str]], LabeledWindow] = {}

    def judged(self, step: timedelta = EVALUATION_INTERVAL) -> Iterator[LabeledWindow]:
        """Yield the day before each multiple of `step`, for each version then in service."""
        for day in daily_windows(self._predictions, step):
            yield self._of(day)

    def of(self, window: Window, model: tuple[str, str]) -> LabeledWindow:
        """Return what a version predicted in a window, and the labels known of it."""
        known = self._made.get((window, model))
        return known or self._of(daily_window(window, model, self._predictions))

    def first(self, model: tuple[str, str], period: Window) -> datetime | None:
        """Return when a version's first hour with predictions in a period begins."""
        return next(
            (
                profile.window.start
                for profile in self._predictions.within(period)
                if profile.model == model
            ),
            None,
        )

    def _of(self, day: DailyWindow) -> LabeledWindow:
        place = day.window, day.model
        if place not in self._made:
            self._made[place] = self._make(day)
        return self._made[place]

    def _history(self, name: str) -> LabelHistory:
        if name not in self._histories:
            self._histories[name] = LabelHistory(self._predictions, self._labels, name)
        return self._histories[name]

    def _make(self, day: DailyWindow) -> LabeledWindow:
        wanted = day.baseline.id if day.baseline else ""
        own = [
            profile
            for profile in self._labels.within(day.window)
            if profile.model == day.model and profile.baseline_id == wanted
        ]
        labels = merge_profiles(own) if own else None
        predictions = sum(profile.predictions for profile in day.own)
        approved = sum(profile.approved for profile in day.own)
        known = (labels.approved.labeled, labels.rejected.labeled) if labels else (0, 0)
        scores = [profile.score for profile in day.own if profile.score is not None]
        return LabeledWindow(
            day,
            merge(scores) if scores else None,
            labels,
            thresholds(day.own),
            self._history(day.model[0]).coverage(
                day.window, (approved, known[0]), (predictions - approved, known[1])
            ),
        )


def most_frequent_threshold(profiles: Sequence[PredictionProfile]) -> float | None:
    """Return the threshold of most predictions."""
    return next(iter(thresholds(profiles)), None)


def thresholds(profiles: Sequence[PredictionProfile]) -> tuple[float, ...]:
    """Return the thresholds that hours were approved by, that of most predictions first.

    Where none is logged, it is the one that the logged decisions follow.
    """
    counted: Counter[float] = Counter()
    for profile in profiles:
        if profile.threshold is not None:
            counted[profile.threshold] += profile.predictions
    if not counted:
        decided = decided_threshold(profiles)
        return () if decided is None else (decided,)
    return tuple(sorted(counted, key=lambda threshold: (-counted[threshold], -threshold)))


def decided_threshold(profiles: Sequence[PredictionProfile]) -> float | None:
    """Return the score from which on predictions were approved, by their logged decisions.

    None where nothing was approved, or where a score was rejected that is not below all approved
    ones: then the decisions do not follow the score.
    """
    approved = [profile.approved_from for profile in profiles if profile.approved_from is not None]
    rejected = [profile.rejected_to for profile in profiles if profile.rejected_to is not None]
    if not approved or (rejected and max(rejected) >= min(approved)):
        return None
    return min(approved)
