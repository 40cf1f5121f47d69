"""Chi-squared test of homogeneity: do two samples spread over the categories alike, and how unlike?

With counts O in a table of two rows (samples) and k columns (categories), and E the counts that
the table's margins lead one to expect,

    X^2 = sum of (O - E)^2 / E,   chi-squared distributed with k - 1 degrees of freedom.

The law needs E of some size, so sparse categories (E < 5 in the smaller sample) are pooled into
one, which joins the least of the others if it is itself too sparse (Cochran's rule).

X^2 grows with the rows; Cramér's V = sqrt(X^2 / N), in [0, 1] for two rows, does not. It shrinks
when one sample is much larger.

Papers: Pearson, K. (1900). Phil. Mag. 50, 157-175. Cochran, W. G. (1954). Some methods for
strengthening the common chi-squared tests. Biometrics 10, 417-451.

>>> test = chi_squared({"DE": 50, "FR": 50}, {"DE": 80, "FR": 20})
>>> round(test.statistic, 3), test.degrees_of_freedom, round(test.cramers_v, 3)
(19.78, 1, 0.314)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """The test's outcome, and the size of the effect from 0 to 1."""

    statistic: float
    degrees_of_freedom: int
    p_value: float
    cramers_v: float


def chi_squared(
    current: Mapping[str, int],
    reference: Mapping[str, int],
    minimum_expected: float = MINIMUM_EXPECTED,
) -> ChiSquared:
    """Test the rows per category of two samples; one category in all gives p = 1 and V = 0.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    table = _table(current, reference)
    require_rows(current=int(table[0].sum()), reference=int(table[1].sum()))
    observed = _pooled(table, minimum_expected)
    rows, degrees = table.sum(), observed.shape[1] - 1
    if not degrees:
        return ChiSquared(statistic=0.0, degrees_of_freedom=0, p_value=1.0, cramers_v=0.0)
    # `stats.chi2_contingency` gives the same and costs 0.4 ms more: each feature of each window.
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / rows
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return ChiSquared(
        statistic=statistic,
        degrees_of_freedom=degrees,
        p_value=float(special.chdtrc(degrees, statistic)),
        cramers_v=math.sqrt(statistic / rows),
    )


def _table(current: Mapping[str, int], reference: Mapping[str, int]) -> NDArray[np.float64]:
    """Two rows of counts over all categories that occur."""
    categories = list(dict.fromkeys([*current, *reference]))
    rows = [[sample.get(category, 0) for category in categories] for sample in (current, reference)]
    table = np.array(rows, dtype=np.float64)
    return table[:, table.sum(axis=0) > 0]


def _pooled(table: NDArray[np.float64], minimum: float) -> NDArray[np.float64]:
    """The table with its sparse columns summed into one, and the next if still sparse."""
    share = table.sum(axis=1).min() / table.sum()
    ordered = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    expected = ordered.sum(axis=0) * share
    sparse = int((expected < minimum).sum())
    if sparse == 0:
        return ordered
    # Ascending order: the sparse columns come first and the next one is the least of the others.
    if expected[:sparse].sum() < minimum:
        sparse = min(sparse + 1, ordered.shape[1])
    return np.column_stack([ordered[:, :sparse].sum(axis=1), ordered[:, sparse:]])
