"""A young version's scores compared with earlier versions at the same time of past weeks. Pure.

A version that has not served for three weeks has no past weeks of its own, and a team that retrains
every week never has one that does. Its scores may be compared with those of the versions before it
at the same time of past weeks; but a retrained model may move its scores on purpose. By how much,
the training sets show. With F_v the scores of version v in the past weeks, w_v its share of them,
F the scores now, and G_v and G the out-of-fold scores of their training sets,

    sup |F - sum w_v F_v| <= sum w_v sup |G - G_v|

where each version scores as in its training. Retraining cannot explain what the distance has beyond
the right side, and only that is judged. It is a warning at most: training sets cover all hours
together, and a retraining that moves the scores of the night alone moves them farther there. There
is no verdict where the version
did not score in an hour in which its model did (its hours would be compared with other hours), or
where an earlier version has no baseline with scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.drift.drift import KS_LIMITS, Drift
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import ks_distance_of_parts
from mlmon.analyzers.drift.weekly_drift import Hours, WeeklyDrift, rows_of, weekly_drift
from mlmon.analyzers.profiles.one_per_version import counted_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.weekly_drift import VersionBuckets
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile


@dataclass(frozen=True, slots=True)
class AcrossVersions:
    """A window of a version compared with past weeks of the versions before it.

    Args:
        found: The comparison.
        retrained: Upper bound of the distance between the training sets' scores.
    """

    found: WeeklyDrift
    retrained: float

    @property
    def versions(self) -> list[str]:
        """The versions of the past weeks, by their share."""
        rows = {part.version: 0 for part in self.found.usual}
        for part in self.found.usual:
            rows[part.version] += part.numbers.n
        return sorted(rows, key=lambda row: (-rows[row], row))

    @property
    def limits(self) -> Limits:
        """The limits of the distance, beyond what retraining explains."""
        return replace(
            KS_LIMITS,
            warning=KS_LIMITS.warning + self.retrained,
            critical=KS_LIMITS.critical + self.retrained,
        )

    def severity(self, drift: Drift) -> Severity:
        """At most a warning; unknown where only the value lies beyond the limit."""
        if self.limits.unproven(drift.value, drift.low, drift.high):
            return Severity.UNKNOWN
        judged = self.limits.judge(drift.low, drift.high)
        return min(judged, Severity.WARNING, key=lambda severity: severity.rank)


class EarlierVersions:
    """All hours of a model's scores, those of every version over edges of its own.

    Args:
        context: Predictions of the last day and of past weeks.
        baseline: Of the version that is judged.
    """

    def __init__(self, context: AnalysisContext[PredictionProfile], baseline: Baseline) -> None:
        self._baselines, self._baseline = context.baselines, baseline
        known = {baseline.id: baseline for baseline in context.baselines.values()}
        own = (profile for profile in context.profiles if profile.model[0] == baseline.model_name)
        once = list(counted_once(own, baseline.id, known))
        scored = [
            (profile.window.start, profile.model[1], profile.score)
            for profile in once
            if profile.score is not None
        ]
        self._past = Hours(scored)
        self._hours = Hours(buckets for buckets in scored if buckets[1] == baseline.model_version)
        self._served = {profile.window.start for profile in once if profile.model == baseline.model}
        self._context = context
        self._distances: dict[str, float] = {}

    def at(self, end: datetime) -> AcrossVersions | None:
        """Compare the version's scores before a moment; None without a verdict."""
        found = weekly_drift(end, self._hours, self._past)
        if found is None or not self._alone(found.window):
            return None
        retrained = self._retrained(found.usual)
        return None if retrained is None else AcrossVersions(found, retrained)

    def _alone(self, window: Window) -> bool:
        """Whether the version scored in every hour of a window in which its model did."""
        hours = {
            profile.window.start
            for profile in self._context.within(window)
            if profile.model[0] == self._baseline.model_name
        }
        return hours <= self._served

    def _retrained(self, usual: Sequence[VersionBuckets]) -> float | None:
        total, distance = rows_of(usual), 0.0
        for part in usual:
            distance_of_training = self._training_distance(part.version)
            if distance_of_training is None:
                return None
            distance += part.numbers.n / total * distance_of_training
        return distance

    def _training_distance(self, version: str) -> float | None:
        """Upper bound of the distance between the training sets' scores; None if unknown."""
        if version == self._baseline.model_version:
            return 0.0
        other = self._baselines.get((self._baseline.model_name, version))
        if other is None or other.score is None or self._baseline.score is None:
            return None
        if version not in self._distances:
            self._distances[version] = ks_distance_of_parts(
                [self._baseline.score], [other.score]
            ).high
        return self._distances[version]
