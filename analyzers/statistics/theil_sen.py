"""The Theil-Sen slope: how much does a series change from one value to the next?

It is the median of the slopes of all pairs: up to 29 % of the values may be arbitrary before it is.

Papers: Theil, H. (1950). A rank-invariant method of linear and polynomial regression analysis.
Proc. Kon. Ned. Akad. Wetensch. A 53, 386-392. Sen, P. K. (1968). Estimates of the regression
coefficient based on Kendall's tau. JASA 63, 1379-1389.

>>> slope([0.80, 0.79, 0.50, 0.77])
-0.010000000000000009
"""

from __future__ import annotations

from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from collections.abc import Sequence


def slope(values: Sequence[float]) -> float:
    """The change from one value to the next, in the values' unit.

    Raises:
        EmptySampleError: there are fewer than two values.
    """
    require_rows(pairs=max(0, len(values) - 1))
    pairs = combinations(enumerate(values), 2)
    return median((later - earlier) / (j - i) for (i, earlier), (j, later) in pairs)
