"""A sample of numbers, counted in buckets over fixed edges, as a range aggregation returns it.

m + 1 edges e_0 < … < e_m make m + 2 buckets: (-inf, e_0), [e_0, e_1), …, [e_m, +inf). The lower end
is included and the upper excluded, as in Elasticsearch's range aggregation, so both sides count a
value in the same bucket. Edges and values are IEEE doubles on both sides (`double` fields, never
`float`), hence the bucket [v, nextafter(v)) holds the value v and nothing else.

>>> day = Buckets.from_values([1.0, 2.0, 2.0, None, 9.0], edges=(0.0, 2.0, 5.0))
>>> day.counts, day.missing, day.n
((0, 1, 2, 1), 1, 4)
>>> (day + day).counts
(0, 2, 4, 2)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlmon.analyzers.statistics.doubles import next_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Counts of a sample per bucket, with the sums that add up.

    `minimum`, `maximum`, `total` (sum) and `sum_of_squares` are None where they were not taken or
    there are no rows. `missing` rows have no value and are in no bucket.

    Raises:
        ValueError: edges are not finite and ascending, or the counts do not fit them.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    minimum: float | None = None
    maximum: float | None = None
    total: float | None = None
    sum_of_squares: float | None = None
    missing: int = 0

    def __post_init__(self) -> None:
        check_edges(self.edges)
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges need {len(self.edges) + 1} counts, not {len(self.counts)}"
            )
        if min(self.counts) < 0 or self.missing < 0:
            raise ValueError("a count is negative")

    @classmethod
    def from_values(cls, values: ArrayLike, edges: Sequence[float]) -> Buckets:
        """Count raw values; None, NaN and infinities (never in the index) are missing."""
        rows = np.asarray(values, dtype=np.float64).ravel()
        finite = rows[np.isfinite(rows)]
        counts = np.bincount(np.searchsorted(edges, finite, side="right"), minlength=len(edges) + 1)
        return cls(
            tuple(map(float, edges)),
            tuple(counts.tolist()),
            minimum=float(finite.min()) if finite.size else None,
            maximum=float(finite.max()) if finite.size else None,
            total=_finite_sum(finite),
            sum_of_squares=_finite_sum(_squares(finite)),
            missing=rows.size - finite.size,
        )

    @classmethod
    def empty(cls, edges: Sequence[float]) -> Buckets:
        """A sample without rows: the neutral element of addition."""
        return cls(tuple(edges), (0,) * (len(edges) + 1), total=0.0, sum_of_squares=0.0)

    @property
    def n(self) -> int:
        """Rows with a value."""
        return sum(self.counts)

    def __add__(self, other: Buckets) -> Buckets:
        return merge([self, other])

    def sums(self) -> Sums:
        """All but the edges."""
        return Sums(
            self.counts,
            self.minimum,
            self.maximum,
            self.total,
            self.sum_of_squares,
            self.missing,
        )

    def cumulative(self) -> Integers:
        """Rows below each edge, and all rows: m + 2 ascending integers (m + 1 edges, then n)."""
        return np.cumsum(self.counts, dtype=np.int64)

    def lowest(self) -> Floats:
        """The least value each bucket can hold; -inf where nothing bounds it."""
        floor = -math.inf if self.minimum is None else self.minimum
        return np.maximum([-math.inf, *self.edges], floor)

    def highest(self) -> Floats:
        """The greatest value each bucket can hold: just below its upper edge, or the maximum."""
        ceiling = math.inf if self.maximum is None else self.maximum
        return np.minimum([*next_below(self.edges), math.inf], ceiling)

    def coarsened(self, edges: Sequence[float]) -> Buckets:
        """The same sample over some of its edges.

        Raises:
            ValueError: an edge is none of the sample's own, so that a bucket would be cut.
        """
        if not set(edges) <= set(self.edges):
            raise ValueError("coarser edges must be some of the sample's own")
        first = [0, *(np.searchsorted(self.edges, edges) + 1)]
        counts = np.add.reduceat(np.array(self.counts, dtype=np.int64), first)
        return replace(self, edges=tuple(edges), counts=tuple(counts.tolist()))


# Thousands of samples share one feature's edges: looking at them once saves a third of the time of
# reading profiles.
@lru_cache(maxsize=1024)
def check_edges(edges: tuple[float, ...]) -> None:
    """Raise ValueError unless there is an edge and all are finite and strictly ascending."""
    array = np.asarray(edges, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all() or (array[1:] <= array[:-1]).any():
        raise ValueError("edges must be finite and strictly ascending, at least one")


def require_same_edges(first: Buckets, second: Buckets) -> None:
    """Raise ValueError unless both samples were counted over the same edges."""
    if first.edges != second.edges:
        raise ValueError(
            "the samples were counted over different edges and cannot be compared or added"
        )


class Sums(NamedTuple):
    """The sums of a sample, without its edges; the fields are those of `Buckets`."""

    counts: Sequence[int]
    minimum: float | None
    maximum: float | None
    total: float | None
    sum_of_squares: float | None
    missing: int = 0


def merge(samples: Iterable[Buckets]) -> Buckets:
    """The sum of one or more samples over the same edges.

    What one sample with rows lacks (a minimum, a sum), the sum lacks.
    """
    parts = list(samples)
    if len(parts) == 1 and parts[0].n:
        return parts[0]
    for part in parts[1:]:
        require_same_edges(parts[0], part)
    return merge_sums(parts[0].edges, [part.sums() for part in parts])


def merge_sums(edges: tuple[float, ...], parts: Sequence[Sums]) -> Buckets:
    """The sum of one or more samples over these edges, as `merge` without making each of them.

    Raises:
        ValueError: counts do not fit the edges, or each other.
    """
    filled = [part for part in parts if any(part.counts)]
    return Buckets(
        edges,
        tuple(map(sum, zip(*(part.counts for part in parts), strict=True))),
        minimum=min(lows) if (lows := _all_known([p.minimum for p in filled])) else None,
        maximum=max(highs) if (highs := _all_known([p.maximum for p in filled])) else None,
        total=sum_if_known([p.total for p in filled]),
        sum_of_squares=sum_if_known([p.sum_of_squares for p in filled]),
        missing=sum(part.missing for part in parts),
    )


def sum_if_known(values: list[float | None]) -> float | None:
    """Return the sum; None where one is not known, or the sum passes the greatest double."""
    known = _all_known(values)
    return _finite_sum(known) if len(known) == len(values) else None


def _all_known(values: list[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _squares(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return values * values


def _finite_sum(values: Iterable[float]) -> float | None:
    """The correctly rounded sum; None where it passes the greatest double."""
    try:
        total = math.fsum(values)
    except OverflowError:
        return None
    return total if math.isfinite(total) else None
