"""Mean and variance from sums that add up, with what rounding may have done to them.

    mean = S / n        variance = (Q - S^2 / n) / (n - 1)

for the sum S and the sum of squares Q, which Elasticsearch's extended_stats returns. The variance's
formula subtracts two nearly equal numbers where the mean is far from zero, and then few or no
digits remain. The interval shows how many.

Bound. Let u = 2^-53. Compensated summation and one rounding per square leave Q wrong by at most
4 u Q and S by at most 4 u sum|x| <= 4 u sqrt(n Q) (Cauchy-Schwarz), hence S^2 / n by at most
9 u Q; the formula's own roundings add at most 3 u Q. Together 16 u Q / (n - 1). Squares below the
normal doubles are rounded to a multiple of 2^-1074 each, which adds at most n + 2 halves of it.

Sampling error. By the central limit theorem the mean errs with standard deviation sqrt(v / n) and
the unbiased variance v with sqrt((m4 - v^2) / n), for the fourth central moment m4. A profile does
not hold m4, but two upper bounds follow from what it holds, and the smaller one is taken:

    m4 <= 1/n sum over buckets of n_k max((a_k - mean)^4, (b_k - mean)^4)
    m4 <= M^2 v, for the largest deviation M from the mean

for the least and greatest value a_k, b_k of a bucket. An error that is taken too large is
conservative.

A sample may lack the rare values that make its process's variance: of a flag that is set in 2 % of
the rows, every tenth sample of 115 has none, variance 0 and error 0. So the mean's error is at
least that of the rows it is compared with, at its size; and to the upper end of the variance comes
what values outside of the sample's range may add. Of n rows none lies outside with probability
(1 - q)^n, hence q <= 1 - a^(1/n) at confidence 1 - a; where a share r of the reference lies there,
it has at most q / r of the reference's second moment around the sample's mean.

An outlier carries its own doubt. A value x far beyond all n others moves the mean by x / n and its
standard error to the same x / n; of the variance x^2 / n, the standard error is x^2 / n as well. So
one outlier of 1e9 never makes a difference certain, and of k such outliers the mean is sqrt(k)
standard errors away.

Papers: Chan, Golub & LeVeque (1983). Algorithms for computing the sample variance. Am. Statist. 37,
242-247. Kahan, W. (1965). Further remarks on reducing truncation errors. CACM 8, 40. Cramér, H.
(1946). Mathematical Methods of Statistics, sections 27.4 and 28.2 (the moments' standard errors).

>>> sample = Moments(rows=4, total=10.0, sum_of_squares=30.0)
>>> sample.mean, round(sample.variance().middle, 4)
(2.5, 1.6667)
>>> (sample + sample).rows
8
>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> sample = Buckets.from_values(range(100), edges=(0.0, 25.0, 50.0, 75.0))
>>> round(mean_error(sample), 3)
2.901
>>> variance_interval(sample, 0.95).contains(100**2 / 12)
True
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import EmptySampleError, require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.buckets import Buckets

# 16 u: epsilon is 2 u.
ROUNDING = 8 * sys.float_info.epsilon
LEAST = math.ulp(0.0)


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows, their sum and the sum of their squares.

    Raises:
        EmptySampleError: there are no rows.
    """

    rows: int
    total: float
    sum_of_squares: float

    def __post_init__(self) -> None:
        require_rows(moments=self.rows)

    @classmethod
    def of(cls, sample: Buckets) -> Moments:
        """The moments of a bucketed sample.

        Raises:
            EmptySampleError: it has no rows, or its sums were not taken or passed all doubles.
        """
        if sample.total is None or sample.sum_of_squares is None:
            raise EmptySampleError("the sample's sums are not known")
        return cls(sample.n, sample.total, sample.sum_of_squares)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.rows + other.rows,
            self.total + other.total,
            self.sum_of_squares + other.sum_of_squares,
        )

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return self.total / self.rows

    def variance(self) -> Interval:
        """The unbiased variance; needs two rows.

        Raises:
            EmptySampleError: there is one row only.
        """
        require_rows(variance=self.rows - 1)
        spread = self.sum_of_squares - self.total * (self.total / self.rows)
        rounding = ROUNDING * self.sum_of_squares
        if 0 < self.sum_of_squares < self.rows * sys.float_info.min:
            rounding += (self.rows + 2) * LEAST
        degrees = self.rows - 1
        return Interval(
            max(0.0, spread - rounding) / degrees, max(0.0, spread + rounding) / degrees
        )

    def deviation(self) -> Interval:
        """The standard deviation."""
        variance = self.variance()
        return Interval(math.sqrt(variance.low), math.sqrt(variance.high))


def mean_error(sample: Buckets, reference: Buckets | None = None) -> float:
    """The standard error of the mean.

    Args:
        sample: The rows.
        reference: Rows that the sample is compared with and may be drawn as.

    Raises:
        EmptySampleError: there are fewer than two rows, or the sums are not known.
    """
    deviation = Moments.of(sample).deviation().high
    if reference is not None:
        deviation = max(deviation, Moments.of(reference).deviation().high)
    return deviation / math.sqrt(sample.n)


def variance_interval(sample: Buckets, confidence: float) -> Interval:
    """The interval that holds the process's variance with at least this confidence.

    Raises:
        EmptySampleError: there are fewer than two rows, or the sums are not known.
    """
    moments = Moments.of(sample)
    variance = moments.variance()
    spread = max(0.0, _fourth_moment(sample, moments.mean, variance.high) - variance.high**2)
    reach = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(spread / sample.n)
    return Interval(max(0.0, variance.low - reach), variance.high + reach)


def unseen_variance(sample: Buckets, reference: Buckets, confidence: float) -> float:
    """Most that values outside of a sample's range may add to its process's variance.

    Args:
        sample: The rows, none of which lies outside.
        reference: Rows that the process is compared with.
        confidence: Of the bound.

    Raises:
        EmptySampleError: there are fewer than two rows, or the sums are not known.
    """
    if sample.minimum is None or sample.maximum is None:
        return math.inf
    lowest, highest = reference.lowest(), reference.highest()
    filled = np.array(reference.counts) > 0
    reaches = filled & ((highest > sample.maximum) | (lowest < sample.minimum))
    if not reaches.any():
        return 0.0
    outside = filled & ((lowest > sample.maximum) | (highest < sample.minimum))
    # Of a bucket that lies outside in part, one row may: no absence of it is certain.
    partly = bool((reaches & ~outside).any())
    share = 0.0 if partly else float(np.array(reference.counts)[outside].sum()) / reference.n
    now, before = Moments.of(sample), Moments.of(reference)
    allowed = 1 - ((1 - confidence) / 2) ** (1 / sample.n)
    part = min(1.0, allowed / share) if share else 1.0
    return part * (before.variance().high + (before.mean - now.mean) ** 2)


def _fourth_moment(sample: Buckets, mean: float, variance: float) -> float:
    """An upper bound; infinite where nothing bounds the values."""
    if variance == 0:
        return 0.0
    filled = np.array(sample.counts) > 0
    counts = np.array(sample.counts, dtype=np.float64)[filled]
    with np.errstate(over="ignore"):
        deviations = np.maximum(
            np.abs(sample.lowest()[filled] - mean), np.abs(sample.highest()[filled] - mean)
        )
        by_bucket = float(counts @ deviations**4 / sample.n)
        return min(by_bucket, float(deviations.max() ** 2 * variance))
