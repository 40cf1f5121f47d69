"""Scores of rows whose label is known, in buckets: one count of positives and one of negatives.

With the sum of the scores in each bucket, convex losses are known to the second order of a
bucket's width and calibration errors exactly (range aggregation by label with a sum below it).
Sums per bucket and label are optional: without them the same statistics have wider intervals.

>>> rows = LabeledScores.from_rows([0.2, 0.7, 0.9], [False, True, True], edges=(0.0, 0.5, 1.0))
>>> rows.positives.counts, rows.negatives.counts, rows.n
((0, 0, 2, 0), (0, 1, 0, 0), 3)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.buckets import Buckets, require_same_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class LabeledScores:
    """Score buckets of the positive and of the negative rows, over the same edges.

    `positive_sums` and `negative_sums` are the sums of the scores per bucket, None if not taken.

    Raises:
        ValueError: the edges differ, or the sums do not fit the buckets.
    """

    positives: Buckets
    negatives: Buckets
    positive_sums: tuple[float, ...] | None = None
    negative_sums: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        require_same_edges(self.positives, self.negatives)
        for sums in (self.positive_sums, self.negative_sums):
            if sums is not None and len(sums) != len(self.positives.counts):
                raise ValueError("one sum of scores per bucket is needed")

    @classmethod
    def from_rows(
        cls, scores: ArrayLike, labels: ArrayLike, edges: Sequence[float]
    ) -> LabeledScores:
        """Count raw rows; a score that is not finite is missing from its label's buckets."""
        values, positive = np.asarray(scores, np.float64), np.asarray(labels, np.bool_)
        return cls(
            Buckets.from_values(values[positive], edges),
            Buckets.from_values(values[~positive], edges),
            _sums(values[positive], edges),
            _sums(values[~positive], edges),
        )

    @property
    def edges(self) -> tuple[float, ...]:
        """The edges of both labels' buckets."""
        return self.positives.edges

    @property
    def n(self) -> int:
        """Rows with a label and a score."""
        return self.positives.n + self.negatives.n

    def __add__(self, other: LabeledScores) -> LabeledScores:
        return LabeledScores(
            self.positives + other.positives,
            self.negatives + other.negatives,
            _added(self.positive_sums, other.positive_sums),
            _added(self.negative_sums, other.negative_sums),
        )

    def all(self) -> Buckets:
        """The scores without their labels."""
        return self.positives + self.negatives

    def coarsened(self, edges: Sequence[float]) -> LabeledScores:
        """The same rows over some of the edges."""
        return replace(
            self,
            positives=self.positives.coarsened(edges),
            negatives=self.negatives.coarsened(edges),
            positive_sums=self._coarsened_sums(self.positive_sums, edges),
            negative_sums=self._coarsened_sums(self.negative_sums, edges),
        )

    def _coarsened_sums(
        self, sums: tuple[float, ...] | None, edges: Sequence[float]
    ) -> tuple[float, ...] | None:
        if sums is None:
            return None
        first = [0, *(np.searchsorted(self.edges, edges) + 1)]
        return tuple(np.add.reduceat(sums, first).tolist())


def probability_bounds(scores: Buckets) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest score each bucket can hold, scores being probabilities.

    Raises:
        ValueError: a score is not within [0, 1].
    """
    ends = scores.minimum, scores.maximum
    if any(end is not None and not 0 <= end <= 1 for end in ends):
        raise ValueError(f"scores from {ends[0]} to {ends[1]} are not probabilities")
    return np.clip(scores.lowest(), 0.0, 1.0), np.clip(scores.highest(), 0.0, 1.0)


def _sums(values: NDArray[np.float64], edges: Sequence[float]) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    bucket = np.searchsorted(edges, finite, side="right")
    return tuple(np.bincount(bucket, weights=finite, minlength=len(edges) + 1).tolist())


def _added(
    first: tuple[float, ...] | None, second: tuple[float, ...] | None
) -> tuple[float, ...] | None:
    if first is None or second is None:
        return None
    with np.errstate(over="ignore"):
        sums = np.add(first, second)
    return tuple(sums.tolist()) if np.isfinite(sums).all() else None
