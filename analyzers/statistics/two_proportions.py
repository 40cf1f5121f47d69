"""Two rates compared: has the rate changed, and by how much?

The p-value is that of the score test with the pooled rate (for two rows and two columns the same
as chi-squared without correction), and Fisher's exact test (scipy.stats) where a count below 5 is
expected.
The difference's confidence interval is Newcombe's: with Wilson's intervals [l, u] of both rates,

    (p - q) - sqrt((p - l_p)^2 + (u_q - q)^2)  to  (p - q) + sqrt((u_p - p)^2 + (q - l_q)^2)

Paper: Newcombe, R. G. (1998). Interval estimation for the difference between independent
proportions: comparison of eleven methods. Statist. Med. 17, 873-890 (method 10).

>>> change = compare_rates(56, 70, 48, 80)
>>> round(change.difference, 3), round(change.interval.low, 4), round(change.interval.high, 4)
(0.2, 0.0524, 0.3339)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.wilson import wilson_interval

MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class RateChange:
    """The current rate minus the reference's, its confidence interval, and the p-value of none."""

    difference: float
    interval: Interval
    p_value: float


def compare_rates(
    current_successes: int,
    current_rows: int,
    reference_successes: int,
    reference_rows: int,
    confidence: float = 0.95,
) -> RateChange:
    """Compare two samples' rates.

    Raises:
        EmptySampleError: a sample has no rows.
        ValueError: there are more successes than rows.
    """
    current = wilson_interval(current_successes, current_rows, confidence)
    reference = wilson_interval(reference_successes, reference_rows, confidence)
    p, q = current_successes / current_rows, reference_successes / reference_rows
    return RateChange(
        p - q,
        Interval(
            p - q - math.hypot(p - current.low, reference.high - q),
            p - q + math.hypot(current.high - p, q - reference.low),
        ).clipped(-1.0, 1.0),
        _p_value(current_successes, current_rows, reference_successes, reference_rows),
    )


def _p_value(x: int, n: int, y: int, m: int) -> float:
    pooled = (x + y) / (n + m)
    if pooled in {0.0, 1.0}:
        return 1.0
    if min(n, m) * min(pooled, 1 - pooled) < MINIMUM_EXPECTED:
        from scipy import stats

        return float(stats.fisher_exact(np.array([[x, n - x], [y, m - y]])).pvalue)
    z = (x / n - y / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(2 * special.ndtr(-abs(z)))
