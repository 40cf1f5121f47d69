"""Mann-Kendall's test: does a series rise or fall steadily, for any shape and scale?

The falling pairs of values in random order are the inversions of a permutation. Sum of c(n, k) x^k
over the orders of n distinct values with k inversions is the product of (1 + x + … + x^(i - 1)) for
i from 1 to n. With ties it is divided by the same product of each tie, whose orders look alike.
Whole numbers keep the counts exact for any n: 28! has 30 digits.
Without ties the p-value is that of `scipy.stats.kendalltau`, which has no exact one with ties; and
a model's metrics, rounded as they are, often tie. It takes a few values to decide anything: in n
values that fall at each step p is 1 / n!, so p <= 0.01 needs five of them.

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
from functools import lru_cache
from itertools import accumulate, combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def falling_p(values: Sequence[float]) -> float:
    """The chance that values in random order fall as steadily as these, or more: one-sided.

    Fewer than two values fall in any case: 1.
    """
    falling = sum(later < earlier for earlier, later in combinations(values, 2))
    ties = tuple(sorted(tie for tie in Counter(values).values() if tie > 1))
    orders = _orders(len(values), ties)
    # As many orders have k rising pairs as have k falling ones.
    return orders[-1 - falling] / orders[-1]


@lru_cache(maxsize=1_024)
def _orders(size: int, ties: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many orders of so many values have at most 0, 1, 2, … falling pairs.

    Series of days are as long and tie as often as each other: making these numbers again for each
    cost a twelfth of a cycle's time.

    Args:
        size: How many values there are.
        ties: How many of them are equal, for each value that occurs more than once.
    """
    orders = [1]
    for length in range(2, size + 1):
        orders = _times(orders, length)
    for tie in ties:
        for length in range(2, tie + 1):
            orders = _divided(orders, length)
    return tuple(accumulate(orders))


def fewest(alpha: float) -> int:
    """The number of values from which on a fall at each step has a chance of at most `alpha`."""
    n = 1
    while 1 / math.factorial(n) > alpha:
        n += 1
    return n


def _times(counts: Sequence[int], size: int) -> list[int]:
    """Multiply a polynomial by 1 + x + … + x^(size - 1)."""
    sums = [0, *accumulate(counts)]
    last = len(counts)
    return [
        sums[min(power + 1, last)] - sums[max(power + 1 - size, 0)]
        for power in range(last + size - 1)
    ]


def _divided(counts: Sequence[int], size: int) -> list[int]:
    """Divide a polynomial by 1 + x + … + x^(size - 1), of which it is a multiple."""
    quotient: list[int] = []
    for power in range(len(counts) - size + 1):
        step = counts[power] - (counts[power - 1] if power else 0)
        quotient.append(step + (quotient[power - size] if power >= size else 0))
    return quotient
