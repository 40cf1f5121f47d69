"""The ratio of two independent estimates with known standard errors (Fieller's interval).

All r with (a - r b)^2 <= z^2 (s_a^2 + r^2 s_b^2) for estimates a, b: the ratios that a test of
a - r b = 0 does not refuse. Where b may be zero at that confidence the interval is open above.

Paper: Fieller, E. C. (1954). Some problems in interval estimation. J. R. Statist. Soc. B 16,
175-185.

>>> interval = ratio(80.0, 4.0, 100.0, 5.0)
>>> round(interval.low, 3), round(interval.high, 3)
(0.696, 0.919)
>>> ratio(80.0, 4.0, 1.0, 5.0).high
inf
"""

from __future__ import annotations

import math

from scipy import special

from mlmon.analyzers.statistics.interval import Interval


def ratio(
    current: float,
    current_error: float,
    reference: float,
    reference_error: float,
    confidence: float = 0.95,
) -> Interval:
    """The interval of current / reference, none of them negative, not below zero."""
    z = float(special.ndtri(0.5 + confidence / 2))
    a, b = current**2 - (z * current_error) ** 2, reference**2 - (z * reference_error) ** 2
    if b <= 0 or reference <= 0:
        return Interval(0.0, math.inf)
    middle = current * reference / b
    reach = math.sqrt(max(0.0, middle**2 - a / b))
    return Interval(max(0.0, middle - reach), middle + reach)
