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

Divided by the reference's standard deviation it is free of the unit, as Evidently uses it.

Sampling error. By the triangle inequality it is at most the integral of |Z(x)|, where Z(x), the
error of F(x) - G(x), is normal with variance F (1 - F) / n + G (1 - G) / m. Whatever the values at
different x have to do with each other, the expected shortfall of an integral is at most the
integral of the expected shortfalls, and a quantile is at most the expected shortfall. So with
probability 1 - alpha the error is at most

    h(z) S,   S = integral of sqrt(F (1 - F) / n + G (1 - G) / m) dx

for the normal law's hazard rate h at its upper quantile z of alpha / 2. In a bucket F (1 - F) is at
most the value at the end that is nearer to 1/2, or 1/4. The p-value is the alpha at which the error
equals the distance. A true distance W is found with a power w where it exceeds the error by z_w
standard errors of the mean: W is the difference of two means of a function of slope 1 (duality).

Papers: Vallender, S. S. (1974). Calculation of the Wasserstein distance between probability
distributions on the line. Theory Probab. Appl. 18, 784-786. Villani, C. (2009). Optimal Transport,
remark 6.5 (duality, which gives the bound by the means). Acerbi, C. & Tasche, D. (2002). On the
coherence of expected shortfall. J. Bank. Finance 26, 1487-1503.

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
from scipy import optimize, special

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.drift.drift import ALPHA, POWER, Drift, drift_of
from mlmon.analyzers.drift.method import Comparison, DriftMethod, Numbers, one_set_of_edges
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


def wasserstein(current: Buckets, reference: Buckets) -> Interval:
    """The interval that holds the distance of the raw rows; the high end may be infinite.

    Raises:
        EmptySampleError: a sample has no rows.
        ValueError: the samples were counted over different edges.
    """
    require_rows(current=current.n, reference=reference.n)
    require_same_edges(current, reference)
    widths = _widths(current, reference)
    apart, reach = _gaps(current, reference)
    # An infinite width times no gap is no distance.
    # A width that passes the greatest double is at least that.
    low = _sum(np.minimum(widths, GREATEST), apart)
    high = _sum(widths, reach)
    rounding = int(np.count_nonzero((widths > 0) & (reach > 0))) * LEAST
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
    apart = np.maximum(np.maximum(f[:-1] - g[1:], g[:-1] - f[1:]), 0) / rows
    reach = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1]) / rows
    return apart.astype(np.float64), reach.astype(np.float64)


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
    spread = _spread(_widths(now, before), [now, before]) / deviation.low
    error = _hazard(float(special.ndtri(1 - ALPHA / 2))) * spread
    chance = _p_value(distance.low, spread)
    return drift_of(distance, error, chance, (now.n, before.n), LIMITS, most=math.inf)


def rows_needed(effect: float, reference: Numbers) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten; None if none do.

    Raises:
        EmptySampleError: The reference has no rows or does not vary.
    """
    known = merge(reference)
    deviation = Moments.of(known).deviation()
    require_rows(varying_reference=deviation.low > 0)
    # Of one row on either side, relative to the effective rows.
    spread = _spread(_widths(known, known), [known]) * math.sqrt(known.n) / deviation.low
    reach = _hazard(float(special.ndtri(1 - ALPHA / 2))) * spread + float(special.ndtri(POWER))
    return rows_for((reach / effect) ** 2, known.n)


def _spread(widths: NDArray[np.float64], samples: Sequence[Buckets]) -> float:
    """At least the integral of the standard error of F - G."""
    variances = [_most_variance(sample) / sample.n for sample in samples]
    return _sum(widths, np.sqrt(np.sum(variances, axis=0)))


def _most_variance(sample: Buckets) -> NDArray[np.float64]:
    """The greatest F (1 - F) in each bucket."""
    below = np.array([0, *sample.cumulative().tolist()]) / sample.n
    first, last = below[:-1], below[1:]
    nearest = np.clip(0.5, first, last)
    return np.asarray(nearest * (1 - nearest), dtype=np.float64)


def _hazard(z: float) -> float:
    """The normal law's density at z over its upper tail: the mean of what lies above z."""
    return math.exp(-z * z / 2 - float(special.log_ndtr(-z))) / math.sqrt(2 * math.pi)


def _p_value(distance: float, spread: float) -> float:
    """The chance of a sampling error of this distance or more."""
    if spread == 0:
        return 0.0 if distance > 0 else 1.0
    ratio = distance / spread
    if ratio <= _hazard(0.0):
        return 1.0
    z = optimize.brentq(lambda z: _hazard(z) - ratio, 0.0, ratio)
    return float(2 * special.ndtr(-z))


METHOD = DriftMethod(
    name="wasserstein",
    title="Wasserstein distance",
    metric="wasserstein",
    limits=LIMITS,
    unit="standard deviations",
    numeric=Comparison(normed_drift, rows_needed),
)
