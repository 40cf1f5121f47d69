"""Mann-Kendall's test: does a series rise or fall steadily, whatever its shape and scale?

S counts the pairs that rise less those that fall. Its distribution under chance is known exactly:
the falling pairs are the inversions of a random order, and the number of orders of n values with k
inversions follows from that of n - 1,

    c(n, k) = c(n, k - 1) + c(n - 1, k) - c(n - 1, k - n).

Of values with ties, an order of all is one of the distinct orders and one within each tie, whose
inversions add up. So as polynomials in x, sum of c(n, k) x^k is that of the distinct orders times
those of the ties, and a division gives it. It takes a few values to say anything: in n values that
fall at each step p is 1 / n!, so p <= 0.01 needs five of them.

Papers: Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13, 245-259. Kendall,
M. G. (1975). Rank Correlation Methods, 4th ed., chapters 4 and 5. MacMahon, P. A. (1917). Two
applications of general theorems in combinatory analysis. Proc. Lond. Math. Soc. 15, 314-321 (ties).

>>> falling_p([0.81, 0.80, 0.79, 0.78, 0.77])
0.008333333333333333
>>> falling_p([0.81, 0.80, 0.80, 0.78, 0.77]) == 1 / 60
True
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def falling_p(values: Sequence[float]) -> float:
    """The chance that values in random order fall as steadily as these, or more: one-sided.

    Fewer than two values fall in any case: 1.
    """
    falling = sum(later < earlier for earlier, later in combinations(values, 2))
    orders = _orders(len(values))
    for size in Counter(values).values():
        orders = _divided(orders, _orders(size))
    # As many orders have k rising pairs as have k falling ones.
    return sum(orders[: len(orders) - falling]) / sum(orders)


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


def _divided(product: list[int], factor: list[int]) -> list[int]:
    """Return the other factor of a product of polynomials, of which one begins with 1."""
    other: list[int] = []
    for k in range(len(product) - len(factor) + 1):
        known = sum(factor[j] * other[k - j] for j in range(1, min(k, len(factor) - 1) + 1))
        other.append(product[k] - known)
    return other
