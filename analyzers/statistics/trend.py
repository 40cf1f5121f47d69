"""The trend of a series of estimates: its slope, each value weighing by its standard error.

Weighted least squares with known variances: w_i = 1 / s_i^2, and the slope

    b = sum of w_i (x_i - x) (y_i - y) / S,  S = sum of w_i (x_i - x)^2,  standard error 1 / sqrt(S)

with weighted means x and y. Where the values scatter about the line more than by their errors, so
that chi-squared per degree of freedom is over 1, the error is multiplied by its root (Birge's
ratio), and never made smaller where it is under 1.

Papers: Birge, R. T. (1932). The calculation of errors by the method of least squares. Phys. Rev.
40, 207-227. Aitken, A. C. (1936). On least squares and linear combination of observations. Proc. R.
Soc. Edinb. 55, 42-48.

>>> slope = trend([0.0, 1.0, 2.0, 3.0], [0.80, 0.79, 0.76, 0.75], [0.01, 0.01, 0.01, 0.01])
>>> round(slope.value, 3), round(slope.interval.low, 4), round(slope.interval.high, 4)
(-0.018, -0.0268, -0.0092)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.interval import Estimate, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MIN_POINTS = 3


def trend(
    times: ArrayLike, values: ArrayLike, errors: ArrayLike, confidence: float = 0.95
) -> Estimate:
    """The slope per unit of time and its interval.

    Args:
        times: when each value was taken; not all at one time.
        values: the estimates.
        errors: their standard errors, positive.
        confidence: of the interval.

    Raises:
        ValueError: there are fewer than three values, or all of one time.
    """
    x, y, s = (np.asarray(column, dtype=np.float64) for column in (times, values, errors))
    if x.size < MIN_POINTS or np.ptp(x) == 0:
        raise ValueError(f"a trend needs {MIN_POINTS} values of different times, not {x.size}")
    w = 1 / s**2
    deviations = x - np.average(x, weights=w)
    spread = float(w @ deviations**2)
    slope = float(w @ (deviations * y)) / spread
    residuals = y - np.average(y, weights=w) - slope * deviations
    scatter = float(w @ residuals**2) / (x.size - 2)
    reach = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(max(1.0, scatter) / spread)
    return Estimate(slope, Interval(slope - reach, slope + reach))
