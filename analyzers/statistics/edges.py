"""Bucket edges from the reference's own quantiles, and finer edges inside a bucket.

Equal-width buckets break on one outlier: a value of 1e9 puts every other row into one bucket.
Quantiles put about n / buckets rows in each for any tails. A value that alone holds that much
(a default, a zero, a constant column) gets the degenerate bucket [v, nextafter(v)), in which
statistics are exact. The first edge is the reference's minimum and the last lies just above its
maximum, so that the two outer buckets count exactly the rows outside of the reference's range.

No bucket of the reference with more than one distinct value holds over 2 n / buckets + 1 rows:
between two neighbouring quantiles lie at most n / buckets + 1 rows, and the rows equal to a
quantile are fewer than n / buckets, or have a bucket of their own.

>>> quantile_edges([5.0, 5.0, 5.0, 5.0])
(5.0, 5.000000000000001)
>>> len(quantile_edges(range(1_000), buckets=10))
11
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.statistics.doubles import at_place, next_above, place
from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mlmon.analyzers.statistics.buckets import Buckets


def quantile_edges(values: ArrayLike, buckets: int = 100) -> tuple[float, ...]:
    """Edges for about `buckets` buckets of equally many reference rows; at most 3 * buckets + 2.

    Missing and infinite values are passed over.

    Raises:
        EmptySampleError: no value is finite.
    """
    rows = np.asarray(values, dtype=np.float64).ravel()
    # Adding zero turns -0.0 into 0.0: they are equal here but not in Elasticsearch's index.
    finite = np.sort(rows[np.isfinite(rows)] + 0.0)
    require_rows(reference=finite.size)
    ranks = np.arange(buckets) * finite.size // buckets
    distinct, counts = np.unique(finite, return_counts=True)
    dominant = distinct[counts * buckets >= finite.size]
    above = next_above([*dominant, finite[-1]])
    edges = np.unique([*finite[ranks], *dominant, *above])
    return tuple(edges[np.isfinite(edges)].tolist())


def split_edges(low: float, high: float, parts: int = 16) -> tuple[float, ...]:
    """Edges strictly inside the bucket [low, high); none if it holds one double only.

    For a second, finer counting. Half of them divide the values evenly, which suits smooth data;
    the others divide the doubles between the ends evenly: every round leaves at most 1 / parts of
    the doubles, so 64 / log2(parts) rounds reach single values under any distribution.
    """
    first, last = place(low), place(high)
    by_order = {at_place(first + (last - first) * k // parts) for k in range(1, parts)}
    least, most = max(low, -sys.float_info.max), min(high, sys.float_info.max)
    by_value = {least * (1 - k / parts) + most * (k / parts) for k in range(1, parts)}
    return tuple(sorted(edge for edge in by_order | by_value if low < edge < high))


def even_edges(reference: Buckets, bins: int) -> tuple[float, ...]:
    """The edges that come nearest to splitting the reference into bins of equal weight."""
    require_rows(reference=reference.n)
    below = reference.cumulative()[:-1]
    wanted = reference.n * np.arange(1, bins) / bins
    nearest = np.unique([np.abs(below - rows).argmin() for rows in wanted])
    return tuple(reference.edges[k] for k in nearest)


def rounding_edges(
    edges: tuple[float, ...], precision: type[np.floating[Any]]
) -> tuple[float, ...]:
    """Edges of a sample of less than double precision, for doubles that round to its values.

    Each edge moves down to the middle between the least value of that precision above it and the
    one before: a double lies on the same side of it as its rounded value (but for one that lies in
    the middle itself). Zero stays as it is: it is the same number in every precision.
    """
    values = np.asarray(edges, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        above = _least_above(values, precision)
        before = np.nextafter(above, precision(-np.inf))
        middles = (above.astype(np.float64) + before.astype(np.float64)) / 2
    zero = (values == 0.0) | (values == next_above(np.zeros(1))[0])
    kept = np.where(zero | ~np.isfinite(middles), values, middles)
    return tuple(np.unique(kept).tolist())


@lru_cache(maxsize=1024)
def single_valued(edges: tuple[float, ...]) -> NDArray[np.bool_]:
    """Which buckets, the outer ones included, hold one value of less than double precision only.

    Those between two neighbouring middles that `rounding_edges` made. Such a double is recognised
    by its bits: of the 52 bits of its fraction, the first that the precision lacks is set and all
    others after it are not, which other doubles have once in 2^29 times.
    """
    values = np.asarray(edges, dtype=np.float64)
    found = np.zeros(len(edges) + 1, dtype=np.bool_)
    bits = values.view(np.uint64)
    with np.errstate(over="ignore"):
        for precision, lacking in ((np.float32, 29), (np.float16, 42)):
            made = bits & np.uint64(2**lacking - 1) == np.uint64(2 ** (lacking - 1))
            first = _least_above(values[:-1], precision)
            following = np.nextafter(first, precision(np.inf)).astype(np.float64)
            found[1:-1] |= made[:-1] & made[1:] & (following > values[1:])
    return found


def _least_above(values: NDArray[np.float64], precision: type[np.floating[Any]]) -> NDArray[Any]:
    """Return the least value of a precision that is not below each double."""
    rounded = values.astype(precision)
    low = rounded.astype(np.float64) < values
    return np.where(low, np.nextafter(rounded, precision(np.inf)), rounded)
