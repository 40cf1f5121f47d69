"""Samples counted over different edges: what is certain of their distribution and its distance.

A sample may have parts, each counted over edges of its own (a model version has its baseline's).
Of each part the rows below x are known at its edges; no row lies below its minimum, and all lie
below the double above its maximum. In between they rise. So with its known points p_1 < p_2 < …

    l(x) = rows below the last known point at or before x, 0 before the first one
    h(x) = rows below the first known point at or after x, all rows after the last one

hold the part's rows below x, and their sums L(x) <= H(x) those of the sample: a probability box.
With all known points u_0 < … < u_m of both samples, F of n rows and G of m,

    low  = max over points of L_F/n - H_G/m and of L_G/m - H_F/n, at least 0
    high = max over k of H_F(u_{k+1})/n - L_G(u_k)/m and of H_G(u_{k+1})/m - L_F(u_k)/n

Proof. The Kolmogorov-Smirnov distance is sup |F - G|, and at each point |F - G| is at least what
both boxes leave open: the lower bound. For u_k < x <= u_{k+1} no known point of any part lies
before x and after u_k, nor between x and u_{k+1}, so F(x) <= H_F(x) = H_F(u_{k+1}) and G(x) >=
L_G(u_k), and the same exchanged: the upper bound. Where u_{k+1} is the double above u_k, x is
u_{k+1} itself and L(u_{k+1}) takes the place of L(u_k). Before u_0 L is 0, after u_m H is all rows.
Over one set of edges L = H at each, and this is drift/methods/kolmogorov_smirnov.py's interval.

The r-th smallest row lies at or above every point with H < r, and below every one with L >= r.

Papers: Ferson, S., Kreinovich, V., Ginzburg, L., Myers, D. S. & Sentz, K. (2003). Constructing
probability boxes and Dempster-Shafer structures. Sandia report SAND2002-4015, section 2. Manski,
C. F. (2003). Partial Identification of Probability Distributions, chapter 1.

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> before = [Buckets.from_values([1, 2, 3, 4], edges=(1.0, 2.5, 5.0))]
>>> after = [Buckets.from_values([3, 3, 4, 4], edges=(0.0, 3.5, 6.0))]
>>> distance_of_boxes(*boxes(after, before))
Interval(low=0.5, high=1.0)
>>> ProbabilityBox.of([*before, *after]).percentile(0.5)
Interval(low=2.5, high=3.4999999999999996)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from mlmon.analyzers.statistics.doubles import next_above, next_below
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.statistics.buckets import Buckets, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityBox:
    """The least and the greatest number of a sample's rows below each of some ascending points."""

    points: Floats
    least: Integers
    most: Integers
    n: int

    @classmethod
    def of(cls, parts: Sequence[Buckets], points: Floats | None = None) -> Self:
        """The box of a sample's parts, each over edges of its own.

        Args:
            parts: the parts.
            points: where the box is computed; by default at all points known of a part.

        Raises:
            EmptySampleError: there are no rows.
        """
        require_rows(box=sum(part.n for part in parts))
        at = known_points(parts) if points is None else points
        least, most = np.zeros((2, at.size), dtype=np.int64)
        for part in parts:
            some, all_of_them = _below(at, part)
            least += some
            most += all_of_them
        return cls(at, least, most, sum(part.n for part in parts))

    def percentile(self, share: float) -> Interval:
        """The interval that holds the ceil(share * n)-th smallest row; an end may be infinite."""
        rank = max(1, math.ceil(share * self.n))
        before, after = self.points[self.most < rank], self.points[self.least >= rank]
        return Interval(
            float(before[-1]) if before.size else -math.inf,
            float(next_below(after[0])) if after.size else math.inf,
        )

    def middle(self) -> Floats:
        """The share of rows below each point that errs least."""
        shares: Floats = (self.least + self.most) / (2 * self.n)
        return shares


def boxes(
    current: Sequence[Buckets], reference: Sequence[Buckets]
) -> tuple[ProbabilityBox, ProbabilityBox]:
    """Both samples' boxes at all points that are known of either."""
    points = known_points([*current, *reference])
    return ProbabilityBox.of(current, points), ProbabilityBox.of(reference, points)


def distance_of_boxes(current: ProbabilityBox, reference: ProbabilityBox) -> Interval:
    """The interval of the distance of all samples that two boxes hold, over the same points."""
    # Python's integers: the product of two counts may pass 2^63.
    f, f_most = (side.astype(object) * reference.n for side in (current.least, current.most))
    g, g_most = (side.astype(object) * current.n for side in (reference.least, reference.most))
    rows = current.n * reference.n
    low = max(0, *(f - g_most), *(g - f_most))
    cells = zip(
        _at_start(f, current.points),
        _at_start(g, current.points),
        [*f_most, rows],
        [*g_most, rows],
        strict=True,
    )
    high = max(max(f_end - g_start, g_end - f_start) for f_start, g_start, f_end, g_end in cells)
    return Interval(low / rows, max(low, high) / rows)


def known_points(parts: Sequence[Buckets]) -> Floats:
    """Every point below which the rows of a part are known, ascending."""
    return np.unique(np.concatenate([_known(part)[0] for part in parts]))


def _known(part: Buckets) -> tuple[Floats, Integers]:
    """The points at which a part's rows below are known, ascending, and these rows."""
    points, rows = [*part.edges], part.cumulative()[:-1].tolist()
    if part.minimum is not None:
        points.append(part.minimum)
        rows.append(0)
    if part.maximum is not None:
        points.append(float(next_above(part.maximum)))
        rows.append(part.n)
    order = np.argsort(points, kind="stable")
    return np.array(points)[order], np.maximum.accumulate(np.array(rows, dtype=np.int64)[order])


def _below(at: Floats, part: Buckets) -> tuple[Integers, Integers]:
    """The least and the greatest number of a part's rows below some points."""
    points, rows = _known(part)
    last, first = (np.searchsorted(points, at, side=side) for side in ("right", "left"))
    return np.append(0, rows)[last], np.append(rows, part.n)[first]


def _at_start(least: Integers, points: Floats) -> list[int]:
    """The least rows below any double of each cell that ends at a point, and of the last cell."""
    single = points[1:] == next_above(points[:-1])
    return [0, *np.where(single, least[1:], least[:-1]), least[-1]]
