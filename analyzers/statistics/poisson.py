"""Garwood's exact interval: which rates are so many events compatible with?

With the quantiles q of chi-squared, for x events and a = 1 - confidence

    low = q(a / 2; 2 x) / 2, 0 for x = 0      high = q(1 - a / 2; 2 x + 2) / 2

Paper: Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.

>>> interval = poisson_interval(10)
>>> round(interval.low, 2), round(interval.high, 2)
(4.8, 18.39)
"""

from __future__ import annotations

from scipy import special

from mlmon.analyzers.statistics.interval import Interval


def poisson_interval(events: int, confidence: float = 0.95, hidden: int = 0) -> Interval:
    """The confidence interval of the expected number of events.

    Args:
        events: How many were counted.
        confidence: Of the interval.
        hidden: How many more there may have been.
    """
    tail = (1 - confidence) / 2
    low = float(special.chdtri(2 * events, 1 - tail)) / 2 if events else 0.0
    high = float(special.chdtri(2 * (events + hidden) + 2, tail)) / 2
    return Interval(low, high)
