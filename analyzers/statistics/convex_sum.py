"""Bounds on a sum of a convex function over rows which are known by bucket.

For n rows in [a, b] with sum s and mean m = s / n, and f convex on [a, b]:

    n f(m) <= sum of f(x) <= n [f(a) (b - m) + f(b) (m - a)] / (b - a)

The lower bound is Jensen's; the upper one holds because f lies below its chord, and the chord is
linear in x (Edmundson and Madansky). They differ by at most n f''(b - a)^2 / 8: the square of the
bucket's width. Without s the sum lies between n times the least and n times the greatest of f(a),
f(b), for f that is monotone on [a, b].

Papers: Jensen, J. (1906). Sur les fonctions convexes. Acta Math. 30, 175-193. Madansky, A. (1959).
Bounds on the expectation of a convex function of a multivariate random variable. Ann. Math.
Statist. 30, 743-746.

>>> import numpy as np
>>> convex_sum(np.square, np.array([2]), np.array([0.0]), np.array([1.0]), sums=np.array([1.0]))
Interval(low=0.499999999999, high=1.000000000001)
>>> convex_sum(np.square, np.array([2]), np.array([0.0]), np.array([1.0]))
Interval(low=0.0, high=2.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]

# Relative, of a sum of some thousand rows, however it was added up.
ROUNDING = 1e-12


def convex_sum(
    f: Callable[[Floats], Floats],
    counts: NDArray[np.int64],
    lows: Floats,
    highs: Floats,
    sums: Floats | None = None,
) -> Interval:
    """The interval that holds the sum of f over all rows, up to rounding.

    Args:
        f: convex and monotone on each bucket, vectorised.
        counts: rows per bucket.
        lows: the least value of each bucket.
        highs: the greatest value of each bucket.
        sums: the sum of the rows' values per bucket; NaN, or None for all, where it is not known
            or f is not convex.
    """
    filled = counts > 0
    counts, lows, highs = counts[filled], lows[filled], highs[filled]
    least, most = np.minimum(f(lows), f(highs)), np.maximum(f(lows), f(highs))
    if sums is not None:
        jensen, chord = _by_means(f, sums[filled] / counts, lows, highs)
        least, most = np.fmax(least, jensen), np.fmin(most, chord)
    return Interval(float(counts @ least), float(counts @ np.maximum(least, most)))


def _by_means(
    f: Callable[[Floats], Floats], means: Floats, lows: Floats, highs: Floats
) -> tuple[Floats, Floats]:
    """Jensen's and the chord's value, at whichever end of the mean's rounding is farther out."""
    widths = np.where(highs > lows, highs - lows, 1.0)
    ends = [np.clip(means * factor, lows, highs) for factor in (1 - ROUNDING, 1 + ROUNDING)]
    chords = [f(lows) + (f(highs) - f(lows)) * (end - lows) / widths for end in ends]
    return np.minimum(f(ends[0]), f(ends[1])), np.maximum(chords[0], chords[1])
