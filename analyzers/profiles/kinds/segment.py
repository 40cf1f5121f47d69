"""Predictions of one model version in an hour, by segment: scores over coarse edges, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.event_logs.aggregations import read_watermark
from mlmon.analyzers.profiles.profile import VersionProfile
from mlmon.analyzers.profiles.quantities import (
    ByName,
    ByTerm,
    Count,
    DocumentCount,
    Group,
    MostFrequent,
    Ranges,
    quantity,
)
from mlmon.analyzers.profiles.version_kind import VersionKind, survey_versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.quantities import DeclarationScope

KIND = "segment"
DATASET = "ml.prediction"


def _segments(scope: DeclarationScope) -> Mapping[str, Mapping[str, Any]]:
    """Return the values that are segments, by feature."""
    return scope.baseline.segments if scope.baseline else {}


def _divided(scope: DeclarationScope) -> list[str]:
    return [feature for feature, values in _segments(scope).items() if values]


def _values(scope: DeclarationScope) -> list[str]:
    return list(_segments(scope)[scope.name])


def _edges(scope: DeclarationScope) -> tuple[float, ...]:
    return scope.baseline.segment_edges if scope.baseline else ()


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """The predictions of one segment.

    Args:
        rows: How many.
        approved: Of them, approved.
        scores: Scores over the coarse edges of the baseline.
    """

    rows: int = quantity(DocumentCount())
    approved: int = quantity(Count({"term": {"ml.prediction.decision": "approved"}}))
    scores: tuple[int, ...] = quantity(Ranges("ml.prediction.score", _edges))


SegmentCounts = Mapping[str, Mapping[str, SegmentCount]]
"""Segments by feature and value."""

_COUNTS = ByName(
    _divided, ByTerm("ml.features.categorical.{name}", Group(SegmentCount), include=_values)
)


@dataclass(frozen=True, slots=True)
class SegmentProfile(VersionProfile):
    """The predictions of one model version in one window, by segment.

    Args:
        segments: Those of the baseline that were predicted for.
        service: The service that predicted (the most frequent one).
    """

    segments: SegmentCounts = quantity(_COUNTS)
    service: str | None = quantity(MostFrequent("service.name"))


class SegmentKind(VersionKind[SegmentProfile]):
    """Predictions by hour, model version and segment."""

    name = KIND
    dataset = DATASET
    step = HOUR
    profile = SegmentProfile

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour of a version whose baseline has segments."""
        divided = {
            model: baseline for model, baseline in logs.baselines.items() if baseline.segments
        }
        if not divided:
            return {}
        return {
            ProfileKey(KIND, window, (*model, divided[model].id)): read_watermark(version)
            for window, model, version in survey_versions(logs, DATASET, period, HOUR)
            if model in divided
        }


def segments_of(profiles: Iterable[SegmentProfile]) -> SegmentCounts:
    """Return the segments of several profiles over one baseline."""
    return _COUNTS.merge([profile.segments for profile in profiles])
