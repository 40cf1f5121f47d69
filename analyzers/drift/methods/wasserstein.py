"""Wasserstein distance: how far, on average, must a row move to turn one sample into the other?

    W = integral of |F(x) - G(x)| dx,   in the feature's own unit

for the distribution functions F and G. In a bucket from a to b they rise from F_a, G_a to F_b, G_b,
and |F - G| lies between max(0, F_a - G_b, G_a - F_b) and max(F_b - G_a, G_b - F_a). So

    low  = max(|mean F - mean G|, sum of (b - a) max(0, F_a - G_b, G_a - F_b))
    high = sum of (b - a) max(F_b - G_a, G_b - F_a)

Proof. F and G are monotone, which gives the bounds inside of the bucket; and |mean F - mean G| is
|integral of F - G| <= W. The outer buckets end at the samples' minimum and maximum, beyond which
F = G; without those the distance has no upper bound. Elementwise sharp: all rows of F may lie at a
and all of G at b.

Of a long tail the last buckets are wide and leave much open: where the middle of the interval
lies above the limit and its lower end below, the verdict is unknown.

Divided by the reference's standard deviation it is free of the unit, as Evidently uses it.

Sampling error. By the triangle inequality it is at most the integral of |Z(x)|, where Z(x), the
error of F(x) - G(x), is normal with variance F (1 - F) / n + G (1 - G) / m. The mean of that
integral is sqrt(2 / pi) S for

    S = integral of sqrt(F (1 - F) / n + G (1 - G) / m) dx

where in a bucket F (1 - F) is at most the value at the end that is nearer to 1/2, or 1/4. It is the
greatest integral of f Z for functions |f| <= 1, whose variance is that of the difference of two
means of a function of slope at most 1, hence at most V = var F / n + var G / m. So it exceeds its
mean by t with probability at most exp(-t^2 / (2 V)) (concentration of normal processes). A true
distance is found with a power w where it exceeds the error by z_w sqrt(V).

Papers: Vallender, S. S. (1974). Calculation of the Wasserstein distance between probability
distributions on the line. Theory Probab. Appl. 18, 784-786. Villani, C. (2009). Optimal Transport,
remark 6.5 (duality, which gives the bound by the means). Boucheron, S.,
Lugosi, G. & Massart, P. (2013). Concentration Inequalities, theorem 5.8.

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> edges = (0.0, 1.0, 2.0, 3.0, 4.0)
>>> before, after = (Buckets.from_values(rows, edges) for rows in ([0, 1, 2], [1, 2, 3]))
>>> distance = wasserstein(after, before)
>>> round(distance.low, 9), round(distance.high, 9)
(1.0, 1.666666667)
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.drift.drift import ALPHA, POWER, Drift, drift_of
from mlmon.analyzers.drift.method import DriftMeasurement, DriftMethod, Numbers, one_set_of_edges
from mlmon.analyzers.statistics.buckets import Buckets, merge, require_same_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError, require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.moments import Moments
from mlmon.analyzers.statistics.sample_size import rows_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Sums of at most a few thousand rounded terms, in the worst case.
ROUNDING = 1e-12
# Below the normal doubles a term is rounded to a multiple of this.
LEAST = math.ulp(0.0)
GREATEST = sys.float_info.max

LIMITS = Limits(0.10, 0.20)
_REACH = math.sqrt(-2 * math.log(ALPHA))
# Of the rows needed: the drift itself widens what the error is integrated over (0.89 without it).
_MARGIN = 1.02


def wasserstein(current: Buckets, reference: Buckets) -> Interval:
    """The interval that holds the distance of the raw rows; the high end may be infinite.

    Raises:
        EmptySampleError: a sample has no rows.
        ValueError: the samples were counted over different edges.
    """
    require_rows(current=current.n, reference=reference.n)
    require_same_edges(current, reference)
    widths = _widths(current, reference)
    least, greatest = _gaps(current, reference)
    # An infinite width times no gap is no distance.
    # A width that passes the greatest double is at least that.
    low = _sum(np.minimum(widths, GREATEST), least)
    high = _sum(widths, greatest)
    rounding = int(np.count_nonzero((widths > 0) & (greatest > 0))) * LEAST
    low = max(0.0, min(low, GREATEST) * (1 - ROUNDING) - rounding)
    low = max(low, _mean_difference(current, reference) - rounding)
    return Interval(low, max(low, high * (1 + ROUNDING) + rounding))


def normed_wasserstein(current: Buckets, reference: Buckets) -> Interval:
    """The distance in standard deviations of the reference.

    Raises:
        EmptySampleError: a sample has no rows, or the reference does not vary.
    """
    deviation = Moments.of(reference).deviation()
    require_rows(varying_reference=deviation.low > 0)
    distance = wasserstein(current, reference)
    return Interval(distance.low / deviation.high, distance.high / deviation.low)


def _sum(widths: NDArray[np.float64], gaps: NDArray[np.float64]) -> float:
    products = np.zeros_like(widths)
    with np.errstate(over="ignore"):
        return float(np.multiply(widths, gaps, out=products, where=gaps > 0).sum())


def _widths(current: Buckets, reference: Buckets) -> NDArray[np.float64]:
    """The part of each bucket between both samples' extremes: where F and G can differ."""
    least = min(float(sample.lowest()[0]) for sample in (current, reference))
    most = max(float(sample.highest()[-1]) for sample in (current, reference))
    ends = np.clip([least, *current.edges, most], least, most)
    with np.errstate(over="ignore"):
        return np.diff(ends)


def _gaps(current: Buckets, reference: Buckets) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest |F - G| possible in each bucket."""
    f = np.array([0, *current.cumulative().tolist()], dtype=object) * reference.n
    g = np.array([0, *reference.cumulative().tolist()], dtype=object) * current.n
    rows = current.n * reference.n
    least = np.maximum(np.maximum(f[:-1] - g[1:], g[:-1] - f[1:]), 0) / rows
    greatest = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1]) / rows
    return least.astype(np.float64), greatest.astype(np.float64)


def _mean_difference(current: Buckets, reference: Buckets) -> float:
    """|mean F - mean G| less its rounding (moments.py); zero where a sum is not known."""
    try:
        moments = Moments.of(current), Moments.of(reference)
    except EmptySampleError:
        return 0.0
    # A square may have been rounded to zero.
    sizes = (math.sqrt(moment.sum_of_squares / moment.rows + LEAST) for moment in moments)
    rounding = sum(sizes) * ROUNDING
    return abs(moments[0].mean - moments[1].mean) - rounding


def normed_drift(current: Numbers, reference: Numbers) -> Drift:
    """Compare numbers in standard deviations of the reference.

    Raises:
        EmptySampleError: A sample has no rows, or the reference does not vary.
        ValueError: The samples were counted over different edges.
    """
    now, before = one_set_of_edges(current, reference)
    distance, deviation = normed_wasserstein(now, before), Moments.of(before).deviation()
    mean = _mean_error(_widths(now, before), [now, before]) / deviation.low
    variances = sum(Moments.of(sample).variance().high / sample.n for sample in (now, before))
    spread = math.sqrt(variances) / deviation.low
    error = mean + _REACH * spread
    chance = _p_value(distance.low - mean, spread)
    return drift_of(distance, error, chance, (now.n, before.n), LIMITS, most=math.inf)


def rows_needed(effect: float, reference: Numbers) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten; None if none do.

    Raises:
        EmptySampleError: The reference has no rows or does not vary.
    """
    known = merge(reference)
    deviation = Moments.of(known).deviation()
    require_rows(varying_reference=deviation.low > 0)
    # Relative to the effective rows.
    mean = _mean_error(_widths(known, known), [known]) * math.sqrt(known.n) / deviation.low
    reach = mean + (_REACH + float(special.ndtri(POWER))) * deviation.high / deviation.low
    return rows_for((_MARGIN * reach / effect) ** 2, known.n)


def _mean_error(widths: NDArray[np.float64], samples: Sequence[Buckets]) -> float:
    """At least the mean sampling error, in the feature's unit."""
    variances = [_most_variance(sample) / sample.n for sample in samples]
    return math.sqrt(2 / math.pi) * _sum(widths, np.sqrt(np.sum(variances, axis=0)))


def _most_variance(sample: Buckets) -> NDArray[np.float64]:
    """The greatest F (1 - F) in each bucket."""
    below = np.array([0, *sample.cumulative().tolist()]) / sample.n
    first, last = below[:-1], below[1:]
    nearest = np.clip(0.5, first, last)
    return np.asarray(nearest * (1 - nearest), dtype=np.float64)


def _p_value(excess: float, spread: float) -> float:
    """The chance of a sampling error that exceeds its mean by so much."""
    if excess <= 0:
        return 1.0
    return math.exp(-((excess / spread) ** 2) / 2) if spread else 0.0


MIN_ROWS = 50
"""Rows from which on the normal law of the sampling error holds. Of 2 to 10 rows of a lognormal
law it is passed far more often than once in a thousand times."""

METHOD = DriftMethod(
    name="wasserstein",
    title="Wasserstein distance",
    metric="wasserstein",
    limits=LIMITS,
    unit="standard deviations",
    numeric=DriftMeasurement(normed_drift, rows_needed, fewest=MIN_ROWS),
)
