"""How much of a change in the mean score comes from a feature's change in composition alone?

Rows fall into parts by one feature (buckets, categories, missing). With shares p_k now and q_k in
the reference, and the reference's mean score m_k in each part,

    effect = sum over k of (p_k - q_k) m_k

is by how much the mean score would change if the feature took its new shares and each part kept its
mean: Kitagawa's composition effect, the endowment effect of Oaxaca and Blinder. It is marginal: two
features that move together both carry the common part, so effects of correlated features overlap
and do not add up to the change of the mean.

The interval has three sources:
- sampling of the current rows: variance (sum p m^2 - (sum p m)^2) / n;
- sampling of the reference: (sum q m^2 - (sum q m)^2) / N, and sum (p - q)^2 v_k / N_k for the
  variance v_k of the scores in part k;
- what the parts hide. Where current rows fall and the reference has none, the mean may be any of
  the reference's scores. In a bucket of numbers the mean is taken to run straight from the middle
  of one bucket to the middle of the next, so rows at a bucket's end may have the mean of the two
  buckets that meet there.

Papers: Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50, 1168-1194.
Blinder, A. S. (1973). Wage discrimination: reduced form and structural estimates. J. Human
Resources 8, 436-455.

>>> import numpy as np
>>> parts = Parts(
...     np.array([500, 500]), np.array([100.0, 300.0]), np.array([21.0, 181.0]), ordered=False
... )
>>> effect = composition_effect(np.array([250, 750]), parts, Interval(0.0, 1.0))
>>> round(effect.value, 3), effect.interval.contains(0.1)
(0.1, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Estimate, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The reference's scores in each part.

    Args:
        counts: Rows per part.
        totals: Sum of their scores.
        squares: Sum of their squares.
        ordered: Whether the parts are buckets of numbers in ascending order, but for the last one,
            which is of the rows without a number.
    """

    counts: NDArray[np.int64]
    totals: Floats
    squares: Floats
    ordered: bool

    @property
    def n(self) -> int:
        """All rows."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """The mean score of all rows."""
        return float(self.totals.sum() / self.n)


def composition_effect(
    current: NDArray[np.int64], reference: Parts, scores: Interval, confidence: float = 0.999
) -> Estimate:
    """By how much the mean score changes with the shares of the parts.

    Args:
        current: Rows now, per part.
        reference: The same parts of the reference.
        scores: All scores of the reference lie within.
        confidence: Of the interval.

    Raises:
        EmptySampleError: A sample has no rows.
    """
    n = int(current.sum())
    require_rows(current=n, reference=reference.n)
    p, q = current / n, reference.counts / reference.n
    means = _means(reference)
    value = float(p @ means - reference.mean)
    variance = (
        _variance(p, means) / n + _variance(q, means) / reference.n + _within(p - q, reference)
    )
    reach = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(variance)
    hidden = _hidden(p, reference, means, scores)
    return Estimate(value, Interval(value + hidden.low - reach, value + hidden.high + reach))


def _means(reference: Parts) -> Floats:
    """The mean of each part; of one without rows, its neighbours' or that of all rows."""
    known = reference.counts > 0
    means = np.full(known.size, reference.mean)
    means[known] = reference.totals[known] / reference.counts[known]
    buckets = np.flatnonzero(known[:-1])
    if reference.ordered and buckets.size:
        empty = np.flatnonzero(~known[:-1])
        means[empty] = np.interp(empty, buckets, means[buckets])
    return means


def _variance(shares: Floats, means: Floats) -> float:
    return max(0.0, float(shares @ means**2 - (shares @ means) ** 2))


def _within(change: Floats, reference: Parts) -> float:
    """The variance that the means' own sampling error adds."""
    known = reference.counts > 1
    rows, totals = reference.counts[known], reference.totals[known]
    spread = np.maximum(0.0, reference.squares[known] - totals**2 / rows) / (rows - 1)
    return float(change[known] ** 2 @ (spread / rows))


def _hidden(p: Floats, reference: Parts, means: Floats, scores: Interval) -> Interval:
    low, high = means.copy(), means.copy()
    known = reference.counts > 0
    if reference.ordered:
        buckets = np.flatnonzero(known[:-1])
        ends = (means[buckets][:-1] + means[buckets][1:]) / 2
        for bound, pick in ((low, np.minimum), (high, np.maximum)):
            bound[buckets[:-1]] = pick(bound[buckets[:-1]], ends)
            bound[buckets[1:]] = pick(bound[buckets[1:]], ends)
    low[~known], high[~known] = scores.low, scores.high
    return Interval(float(p @ np.minimum(low - means, 0)), float(p @ np.maximum(high - means, 0)))
