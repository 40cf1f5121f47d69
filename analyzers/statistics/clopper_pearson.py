"""Clopper and Pearson's exact interval: which rates are compatible with x successes in n rows?

The lower end is the rate at which x or more successes have the chance a/2, the upper end the one at
which x or fewer have it, for a = 1 - confidence. With the inverse I of the regularised incomplete
beta function

    low = I(a/2; x, n - x + 1), 0 for x = 0      high = I(1 - a/2; x + 1, n - x), 1 for x = n

It contains the true rate with at least the confidence asked for, at every n and every rate. It is
wider than Wilson's, and is used where many rates are compared at once, each at a confidence so near
to 1 that an approximation of the tails is not safe.

Paper: Clopper, C. J. & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated
in the case of the binomial. Biometrika 26, 404-413.

>>> low, high = clopper_pearson([0, 10], 20)
>>> [round(float(end), 4) for end in (low[0], high[0], low[1], high[1])]
[0.0, 0.1684, 0.272, 0.728]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def clopper_pearson(
    successes: ArrayLike, rows: int, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lower and the upper ends of the intervals of some rates.

    Args:
        successes: How many rows have it, for each rate.
        rows: All rows.
        confidence: Of each interval.

    Raises:
        EmptySampleError: there are no rows.
        ValueError: there are more successes than rows, or fewer than none.
    """
    require_rows(rate=rows)
    found = np.asarray(successes, dtype=np.float64)
    if ((found < 0) | (found > rows)).any():
        raise ValueError(f"successes beyond {rows} rows")
    tail = (1 - confidence) / 2
    low = special.betaincinv(np.maximum(found, 1), rows - found + 1, tail)
    # The complement keeps its digits where the tail is small.
    high = special.betainccinv(found + 1, np.maximum(rows - found, 1), tail)
    return np.where(found > 0, low, 0.0), np.where(found < rows, high, 1.0)
