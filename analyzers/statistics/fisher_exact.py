"""Fisher's exact test: could both rows of a table of counts have one rate?

With all margins given, the first count is hypergeometric; the p-value is the probability of all
tables no likelier than the one seen. Neighbouring counts' probabilities stand in the ratio

    P(k + 1) / P(k) = (s - k)(n - k) / ((k + 1)(m - s + k + 1))

for n and m rows and s successes in all, so that no factorial is needed. (`scipy.stats` has the
test too; importing it takes 23 MB and half a second, which every command would pay.)

Paper: Fisher, R. A. (1935). The logic of inductive inference. J. R. Stat. Soc. 98, 39-82.

>>> round(fisher_exact(8, 10, 1, 6), 6)
0.034965
"""

from __future__ import annotations

import numpy as np

# Tables that are as likely as the one seen must count in spite of rounding (scipy's margin).
_AS_LIKELY = 1 + 1e-7


def fisher_exact(successes: int, rows: int, other_successes: int, other_rows: int) -> float:
    """The two-sided p-value of one rate.

    Time and memory grow with the number of tables of the same margins: the least of both rows and
    of all successes and failures.
    """
    total = successes + other_successes
    least, most = max(0, total - other_rows), min(rows, total)
    k = np.arange(least, most, dtype=np.float64)
    ratios = (total - k) * (rows - k) / ((k + 1) * (other_rows - total + k + 1))
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    likely = np.exp(logarithms - logarithms.max())
    seen = likely[successes - least]
    return float(min(1.0, likely[likely <= seen * _AS_LIKELY].sum() / likely.sum()))
