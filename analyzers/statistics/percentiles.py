"""Percentiles from buckets: which value do a share q of the rows not exceed?

The percentile is the ceil(q n)-th smallest row (numpy's method "inverted_cdf"): a value that
occurred, not a mean of two. The cumulated counts show which bucket holds it, hence it lies between
the least and the greatest value which that bucket can hold. That is the whole proof.

Where no two neighbouring edges have a ratio over r = (1 + a) / (1 - a), the bucket [x, r x) is met
by the value 2 r x / (1 + r) = x (1 + a) with a relative error of at most a at both ends, however
heavy the tail; a t-digest promises nothing of the kind.

The true percentile of the process lies between two order statistics whose ranks follow from the
binomial distribution of the number of rows below it; that gives the confidence interval.

Papers: Masson, Rim & Lee (2019). DDSketch: a fast and fully-mergeable quantile sketch with relative
error guarantees. PVLDB 12, 2195-2205. David, H. A. & Nagaraja, H. N. (2003). Order Statistics,
section 7.1 (confidence interval).

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> edges = [1.1**k for k in range(80)]
>>> latency = Buckets.from_values(range(1, 201), edges)
>>> p95 = percentile(latency, 0.95)
>>> p95.contains(190), abs(relative_middle(p95) / 190 - 1) <= 0.05
(True, True)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.buckets import Buckets


def percentile(sample: Buckets, share: float) -> Interval:
    """The interval that holds the ceil(share * n)-th smallest row; an end may be infinite.

    Raises:
        EmptySampleError: there are no rows with a value.
    """
    require_rows(percentile=sample.n)
    return _order_statistic(sample, max(1, math.ceil(share * sample.n)))


def percentile_confidence(sample: Buckets, share: float, confidence: float = 0.95) -> Interval:
    """The interval that holds the process's percentile with at least this confidence.

    With B rows at or below it, B binomial, the k-th smallest row lies above it only if B < k.
    So the ranks are the binomial's (1 - confidence) / 2 quantile and one more than its mirror; an
    end is infinite where too few rows lie beyond.
    """
    from scipy import stats

    require_rows(percentile=sample.n)
    tail = (1 - confidence) / 2
    lower, upper = (int(stats.binom.ppf(p, sample.n, share)) for p in (tail, 1 - tail))
    low = _order_statistic(sample, lower).low if lower > 0 else -math.inf
    high = _order_statistic(sample, upper + 1).high if upper < sample.n else math.inf
    return Interval(low, high)


def relative_middle(interval: Interval) -> float:
    """The one number of least relative error: the harmonic mean of two positive ends."""
    if interval.low <= 0 or math.isinf(interval.high):
        return interval.middle
    return 2 * interval.low / (1 + interval.low / interval.high)


def _order_statistic(sample: Buckets, rank: int) -> Interval:
    """The bucket of the rank-th smallest row, rank from 1 to n."""
    bucket = int(np.searchsorted(sample.cumulative(), rank))
    return Interval(float(sample.lowest()[bucket]), float(sample.highest()[bucket]))
