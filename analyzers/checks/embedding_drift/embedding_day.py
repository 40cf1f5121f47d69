"""The embeddings of a day, from the samples of its hours."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.baselines.stored_vectors import StoredVectors
    from mlmon.analyzers.profiles.kinds.embedding import EmbeddingProfile
    from mlmon.analyzers.references.daily_window import DailyWindow


@dataclass(frozen=True)
class EmbeddingDay:
    """One embedding in the hours of a day.

    Args:
        hours: Samples, one for each hour and model version.
    """

    hours: Sequence[StoredVectors] = ()

    @property
    def dimensions(self) -> Counter[int]:
        """Vectors seen, counted by dimension."""
        return sum((hour.dimensions for hour in self.hours), Counter())

    @property
    def dimension(self) -> int:
        """The most frequent dimension, 0 without any."""
        sizes = self.dimensions
        return min(sizes, key=lambda size: (-sizes[size], size), default=0)

    @property
    def unlike(self) -> int:
        """Embeddings seen that are no numbers or not of the most frequent dimension."""
        sizes = self.dimensions
        seen = sum(hour.seen for hour in self.hours)
        return seen - sizes[self.dimension]

    def unreadable_sentence(self, name: str) -> str:
        """Describe the embeddings that cannot be compared, up to the window."""
        broken = sum(hour.broken for hour in self.hours)
        other = {size: rows for size, rows in self.dimensions.items() if size != self.dimension}
        parts = [f"{rows} of {size} numbers" for size, rows in sorted(other.items())]
        parts += [f"{broken} with something else than numbers"] if broken else []
        seen = sum(hour.seen for hour in self.hours)
        return f"{' and '.join(parts)} among {seen} sampled embeddings {name}"

    def vectors(self, dimension: int, most: int) -> NDArray[np.float64]:
        """Return at most `most` vectors, from each hour in proportion to what was logged in it.

        Where an hour kept only a share of its embeddings, every hour is thinned to the least share;
        the vectors of an hour stand in an order of chance, so its first ones are a sample.
        """
        hours = [hour for hour in self.hours if hour.dimension == dimension and hour.rows]
        if not hours:
            return np.empty((0, dimension))
        kept = [hour.rows / hour.logged for hour in hours]
        rate = min(kept)
        thinned = [
            hour.vectors()[: max(1, round(hour.rows * rate / share))]
            for hour, share in zip(hours, kept, strict=True)
        ]
        pooled = np.concatenate(thinned)
        if len(pooled) <= most:
            return pooled
        return pooled[np.random.default_rng(0).permutation(len(pooled))[:most]]


def embeddings_of(day: DailyWindow, logged: AnalysisContext[Any]) -> dict[str, EmbeddingDay]:
    """Return the embeddings that a model was given on a day, whichever of its versions."""
    return by_name(day.model[0], logged.within(day.window))


def by_name(model: str, logged: Iterable[EmbeddingProfile]) -> dict[str, EmbeddingDay]:
    """Return the embeddings that a model was given in some hours, by their names."""
    profiles = [profile for profile in logged if profile.model[0] == model]
    names = sorted({name for profile in profiles for name in profile.fields})
    return {
        name: EmbeddingDay([profile.fields[name] for profile in profiles if name in profile.fields])
        for name in names
    }
