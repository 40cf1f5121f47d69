"""Scores of the training rows by bucket or category of each feature: what a value means to a model.

They are taken from out-of-fold scores, so a part's mean is what the model predicts for them when it
has not seen them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlmon.analyzers.baselines.columns import Coded


@dataclass(frozen=True, slots=True)
class ScoreSums:
    """Training rows and their scores by part of one feature.

    The parts are the buckets of a number (one more than edges), or the `categories`, then the rest
    of the categories; and last the rows without a value.

    Args:
        rows: Rows per part that have a score.
        totals: Sum of their scores.
        squares: Sum of the squares.
        categories: Names of the first parts of a categorical feature, empty for a number.
    """

    rows: tuple[int, ...]
    totals: tuple[float, ...]
    squares: tuple[float, ...]
    categories: tuple[str, ...] = ()

    def to_body(self) -> dict[str, Any]:
        """Return a JSON value."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> ScoreSums:
        """Read what `to_body` wrote."""
        return cls(**{name: tuple(body[name]) for name in cls.__slots__})


def sums_of_numbers(
    values: NDArray[np.float64], edges: Sequence[float], scores: NDArray[np.float64]
) -> ScoreSums:
    """Sum scores by the bucket of a number; values that are not finite are missing."""
    buckets = np.searchsorted(edges, values, side="right")
    parts = np.where(np.isfinite(values), buckets, len(edges) + 1)
    return _sums(parts, scores, len(edges) + 2, ())


def sums_of_categories(
    column: Coded, known: Sequence[str], scores: NDArray[np.float64]
) -> ScoreSums:
    """Sum scores by category; a category that is not known belongs to the rest."""
    place = {name: index for index, name in enumerate(known)}
    rest, missing = len(known), len(known) + 1
    places = np.array([*(place.get(name, rest) for name in column.names), missing], dtype=np.int64)
    return _sums(places[column.codes], scores, len(known) + 2, tuple(known))


def _sums(
    parts: NDArray[np.int64],
    scores: NDArray[np.float64],
    size: int,
    categories: tuple[str, ...],
) -> ScoreSums:
    scored = np.isfinite(scores)
    # In order of the scores, so that sums are rounded alike for any order of the rows.
    order = np.argsort(scores[scored], kind="stable")
    parts, scores = parts[scored][order], scores[scored][order]
    return ScoreSums(
        tuple(np.bincount(parts, minlength=size).tolist()),
        tuple(np.bincount(parts, scores, size).tolist()),
        tuple(np.bincount(parts, scores**2, size).tolist()),
        categories,
    )
