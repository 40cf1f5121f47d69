"""Wilson's score interval: which true rates are compatible with x successes in n rows?

The rates r that the score test does not reject at the confidence asked for, |x/n - r| <= z
sqrt(r (1 - r) / n), are those between the roots of that quadratic:

    (x + z^2/2 -+ z sqrt(x (n - x) / n + z^2/4)) / (n + z^2)

Unlike the textbook x/n -+ z sqrt(...) it stays in [0, 1], does not collapse at x = 0 or x = n, and
covers the true rate about as often as claimed from small n on. It is a confidence interval: it
holds the true rate of the process, with the stated probability; the rate of the rows is known.

Papers: Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
JASA 22, 209-212. Brown, Cai & DasGupta (2001). Interval estimation for a binomial proportion.
Statist. Sci. 16, 101-133.

>>> interval = wilson_interval(15, 148)
>>> round(interval.low, 4), round(interval.high, 4)
(0.0624, 0.1605)
"""

from __future__ import annotations

import math

from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval


def wilson_interval(successes: int, rows: int, confidence: float = 0.95) -> Interval:
    """The confidence interval of a rate.

    Raises:
        EmptySampleError: there are no rows.
        ValueError: there are more successes than rows, or fewer than none.
    """
    require_rows(rate=rows)
    if not 0 <= successes <= rows:
        raise ValueError(f"{successes} successes in {rows} rows")
    z = float(special.ndtri(0.5 + confidence / 2))
    middle = successes + z * z / 2
    spread = z * math.sqrt(successes * (rows - successes) / rows + z * z / 4)
    low = (middle - spread) / (rows + z * z) if successes else 0.0
    high = (middle + spread) / (rows + z * z) if successes < rows else 1.0
    return Interval(max(low, 0.0), min(high, 1.0))
