"""The information of two samples together: the effective rows e = n m / (n + m).

The difference of two empirical shares varies as one sample of e rows does against a known
distribution: the variance is p (1 - p) (1 / n + 1 / m) = p (1 - p) / e, and Hoeffding's bound on a
deviation of t is exp(-2 e t^2). A small reference limits what any current sample can show: e < m.

>>> effective_rows(1_000, 1_000)
500.0
>>> rows_for(500.0, reference_rows=1_000)
1000
>>> rows_for(1_500.0, reference_rows=1_000) is None
True
"""

from __future__ import annotations

import math


def effective_rows(current_rows: int, reference_rows: int) -> float:
    """The size of one sample against a known distribution with as much information as these two."""
    return current_rows * reference_rows / (current_rows + reference_rows)


def rows_for(effective: float, reference_rows: int) -> int | None:
    """Rows the current sample needs to reach these effective rows; None if no number does."""
    if effective >= reference_rows:
        return None
    return math.ceil(effective * reference_rows / (reference_rows - effective))
