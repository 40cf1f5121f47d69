"""What embeddings a model version was given in a window: a sample, chosen by ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.stored_vectors import StoredVectors

KIND = "embedding"
MOST_VECTORS = 64
"""So many vectors of a field are kept of an hour, 1,536 of a day."""


@dataclass(frozen=True, slots=True)
class EmbeddingProfile:
    """The embeddings of one model version in one window.

    Args:
        profile_key: Window, and model name and version as its series.
        watermark: What it was made from: predictions with an embedding.
        revision: 1, and one more each time it was made again because of late events.
        fields: A sample of each embedding, its vectors in an order that their ids decide.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    fields: Mapping[str, StoredVectors] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version = self.profile_key.series
        return name, version

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {name: each.to_body() for name, each in self.fields.items()}
