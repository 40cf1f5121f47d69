"""Drift over finer counts, where the first ones leave its verdict open and finer ones were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift
from mlmon.analyzers.drift.refinement_kind import KIND
from mlmon.analyzers.profiles.kinds.prediction import SCORE
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile


class Refinements:
    """The finer counts there are.

    Args:
        context: Of an analyzer that needs profiles of kind `refinement`.
    """

    def __init__(self, context: AnalysisContext[Any]) -> None:
        found = context.of(KIND).profiles
        self._counts = {
            (profile.window, profile.profile_key.series): profile.counts for profile in found
        }

    def drift(
        self, field: str, sample: Buckets, hours: Sequence[PredictionProfile], baseline: Baseline
    ) -> Drift:
        """Return the drift of a field from its baseline, as narrow as the counts allow.

        Args:
            field: A numeric feature, or `ml.prediction.score`.
            sample: Its day over the baseline's edges.
            hours: The profiles the day is the sum of.
            baseline: Whose edges they were counted over; it has the field.
        """
        reference = baseline.score if field == SCORE else baseline.numeric[field]
        if reference is None:
            raise ValueError(f"the baseline has no {field}")
        drift = numeric_drift(sample, reference)
        finer = self._sum(field, hours, baseline) if drift.left_open else None
        # Counts made from other events than the sample do not apply to it.
        if finer is None or finer.coarsened(sample.edges).counts != sample.counts:
            return drift
        return numeric_drift(finer, baseline.finer[field])

    def _sum(
        self, field: str, hours: Sequence[PredictionProfile], baseline: Baseline
    ) -> Buckets | None:
        """Return the day over the finer edges; None where an hour was not counted again."""
        counts = [
            self._counts.get((hour.window, (*hour.profile_key.series, field))) for hour in hours
        ]
        if field not in baseline.finer or not all(counts):
            return None
        edges = baseline.finer[field].edges
        return merge(Buckets(edges, count_) for count_ in counts if count_)


def still_open(drift: Drift) -> str:
    """Name the limit that lies within what the buckets leave open; empty if none does."""
    if not drift.left_open:
        return ""
    return f"; bucket resolution cannot tell whether it exceeds {number(drift.left_open[0])}"
