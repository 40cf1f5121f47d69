"""Finer counts of one field in one window: for the days whose verdict the buckets leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window

KIND = "refinement"


@dataclass(frozen=True, slots=True)
class RefinementProfile:
    """One field of the predictions of one model version in one window.

    Args:
        profile_key: Window; its series is model name, version, baseline and field: the
            name of a numeric feature, or `ml.prediction.score`.
        watermark: What it was made from: the predictions of that window's prediction profile.
        revision: 1, and one more each time it was made again because of late events.
        counts: Predictions per bucket over the edges of the baseline's `finer`.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    counts: tuple[int, ...] = ()

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {"counts": self.counts}
