"""How far a sample's mean and variance may lie from those of the process it came from.

By the central limit theorem the mean errs with standard deviation sqrt(v / n) and the unbiased
variance v with sqrt((m4 - v^2) / n), for the fourth central moment m4. A profile does not hold m4,
but two upper bounds follow from what it holds, and the smaller one is taken:

    m4 <= 1/n sum over buckets of n_k max((a_k - mean)^4, (b_k - mean)^4)
    m4 <= M^2 v, for the largest deviation M from the mean

for the least and greatest value a_k, b_k of a bucket. An error that is taken too large errs to
silence.

An outlier carries its own doubt. A value x far beyond all n others moves the mean by x / n and its
standard error to the same x / n; of the variance x^2 / n, the standard error is x^2 / n as well. So
one outlier of 1e9 never makes a difference certain, and of k such outliers the mean is sqrt(k)
standard errors away.

Paper: Cramér, H. (1946). Mathematical Methods of Statistics, sections 27.4 and 28.2 (the moments'
standard errors).

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> sample = Buckets.from_values(range(100), edges=(0.0, 25.0, 50.0, 75.0))
>>> round(mean_error(sample), 3)
2.901
>>> variance_interval(sample, 0.95).contains(100**2 / 12)
True
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.moments import Moments

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.buckets import Buckets


def mean_error(sample: Buckets) -> float:
    """The standard error of the mean.

    Raises:
        EmptySampleError: there are fewer than two rows, or the sums are not known.
    """
    return Moments.of(sample).deviation().high / math.sqrt(sample.n)


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


def _fourth_moment(sample: Buckets, mean: float, variance: float) -> float:
    """At most so much; infinite where nothing bounds the values."""
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
