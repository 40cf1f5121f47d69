"""The common part of all profiles' dataclasses: key, watermark, revision and stored body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.profiles.quantities import Watermark, encode, quantity

if TYPE_CHECKING:
    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window


@dataclass(frozen=True, slots=True)
class WindowProfile:
    """The events of one window.

    Args:
        profile_key: Window and series.
        watermark: The events it was made from.
        revision: 1, and one more each time it was made again because of late events.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark = quantity(Watermark(), stored=False)
    revision: int = 1

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored besides profile key and watermark."""
        return encode(self)


@dataclass(frozen=True, slots=True)
class VersionProfile(WindowProfile):
    """The events of one model version in one window.

    The series of its key begins with the model's name and version; next is the baseline whose edges
    were used ("" for none), if edges are.
    """

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version, *_ = self.profile_key.series
        return name, version

    @property
    def baseline_id(self) -> str:
        """The baseline whose edges were used, "" for none."""
        return self.profile_key.series[2]
