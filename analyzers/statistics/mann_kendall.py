"""Mann-Kendall's test: does a series rise or fall steadily, whatever its shape and scale?

S counts the pairs that rise less those that fall. Without ties its distribution under chance is
known exactly: the falling pairs are the inversions of a random order, and the number of orders of
n values with k inversions follows from that of n - 1,

    c(n, k) = c(n, k - 1) + c(n - 1, k) - c(n - 1, k - n).

With ties, S is taken as normal with the variance (n (n - 1)(2 n + 5) - sum over ties t (t - 1)(2 t
+ 5)) / 18 and a correction for continuity. It takes a few values to say anything: in n values that
fall at each step p is 1 / n!, so p <= 0.01 needs five of them.

Papers: Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13, 245-259. Kendall,
M. G. (1975). Rank Correlation Methods, 4th ed., chapters 4 and 5.

>>> falling_p([0.81, 0.80, 0.79, 0.78, 0.77])
0.008333333333333333
>>> round(falling_p([0.81, 0.80, 0.80, 0.78, 0.77]), 3)
0.022
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence


def falling_p(values: Sequence[float]) -> float:
    """The chance that values in random order fall as steadily as these, or more: one-sided.

    Fewer than two values fall in any case: 1.
    """
    n = len(values)
    falling = sum(later < earlier for earlier, later in combinations(values, 2))
    ties = [size for size in Counter(values).values() if size > 1]
    if not ties:
        pairs = n * (n - 1) // 2
        orders = _orders(n)
        return sum(orders[: pairs - falling + 1]) / math.factorial(n)
    rising = sum(later > earlier for earlier, later in combinations(values, 2))
    variance = (_spread(n) - sum(_spread(size) for size in ties)) / 18
    if variance <= 0:
        return 1.0
    return float(special.ndtr(-(falling - rising - 1) / math.sqrt(variance)))


def fewest(alpha: float) -> int:
    """The number of values from which on a fall at each step has a chance of at most `alpha`."""
    n = 1
    while 1 / math.factorial(n) > alpha:
        n += 1
    return n


def _orders(n: int) -> list[int]:
    """Return how many orders of n values have k inversions, for each k."""
    counts = [1]
    for size in range(2, n + 1):
        longest = size * (size - 1) // 2
        padded = counts + [0] * (longest + 1 - len(counts))
        counts = [sum(padded[max(0, k - size + 1) : k + 1]) for k in range(longest + 1)]
    return counts


def _spread(size: int) -> int:
    return size * (size - 1) * (2 * size + 5)
