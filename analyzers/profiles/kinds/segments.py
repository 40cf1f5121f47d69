"""What one model version predicted in a window, by segment: scores over coarse edges, outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window

KIND = "segment"
DATASET = "ml.prediction"


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """The predictions of one segment.

    Args:
        rows: How many.
        approved: Of them, approved.
        scores: Scores over the coarse edges of the baseline.
    """

    rows: int
    approved: int
    scores: tuple[int, ...]

    def __add__(self, more: SegmentCount) -> SegmentCount:
        scores = np.add(self.scores, more.scores).tolist()
        return SegmentCount(self.rows + more.rows, self.approved + more.approved, tuple(scores))


Counts = dict[str, dict[str, SegmentCount]]
"""Segments by feature and value."""


@dataclass(frozen=True, slots=True)
class SegmentProfile:
    """The predictions of one model version in one window, by segment.

    Args:
        profile_key: Window, and model name, version and baseline as its series.
        watermark: What it was made from.
        revision: 1, and one more each time it was made again because of late events.
        segments: Those of the baseline that were predicted for.
        service: The service that predicted (the most frequent one).
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    segments: Mapping[str, Mapping[str, SegmentCount]] = field(default_factory=dict)
    service: str | None = None

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version, *_ = self.profile_key.series
        return name, version

    @property
    def baseline_id(self) -> str:
        """The baseline whose segments and edges were used."""
        return self.profile_key.series[2]

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {
            "service": self.service,
            "segments": {
                feature: {
                    value: [each.rows, each.approved, each.scores] for value, each in values.items()
                }
                for feature, values in self.segments.items()
            },
        }


def from_body(
    profile_key: ProfileKey, watermark: SourceWatermark, revision: int, body: Mapping[str, Any]
) -> SegmentProfile:
    """Read what `SegmentProfile.body` wrote."""
    segments = {
        feature: {
            value: SegmentCount(rows, approved, tuple(scores))
            for value, (rows, approved, scores) in values.items()
        }
        for feature, values in body["segments"].items()
    }
    return SegmentProfile(profile_key, watermark, revision, segments, body["service"])


def total(profiles: Iterable[SegmentProfile]) -> Counts:
    """Return the sum of profiles over one baseline, by segment."""
    counts: Counts = {}
    for profile in profiles:
        for feature, values in profile.segments.items():
            known = counts.setdefault(feature, {})
            for value, each in values.items():
                known[value] = known[value] + each if value in known else each
    return counts
