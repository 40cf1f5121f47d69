"""Chi-squared test of homogeneity: do two samples spread over the categories alike, and how unlike?

With counts O in a table of two rows (samples) and k columns (categories), and E the counts that
the table's margins lead one to expect,

    X^2 = sum of (O - E)^2 / E,   chi-squared distributed with k - 1 degrees of freedom.

The law needs E of some size, so sparse categories (E < 5 in the smaller sample) are pooled into
one, which joins the least of the others if it is itself too sparse (Cochran's rule).

X^2 grows with the rows; effect sizes do not:
- Cramér's V = sqrt(X^2 / N) for two rows, in [0, 1]. It shrinks when one sample is much larger.
- Bergsma's V subtracts what chance alone adds, (k - 1) / (N - 1).
- The balanced V gives both samples equal weight: V^2 = 1/2 sum of (p - q)^2 / (p + q). It does not
  depend on the samples' sizes, and T^2 <= V^2 <= T for the total variation T: from |p - q| <= p + q
  follows V^2 <= T; by Cauchy-Schwarz (sum |p - q|)^2 <= sum (p - q)^2 / (p + q) * sum (p + q).

Papers: Pearson, K. (1900). Phil. Mag. 50, 157-175. Cochran, W. G. (1954). Some methods for
strengthening the common chi-squared tests. Biometrics 10, 417-451. Bergsma, W. (2013). A
bias-correction for Cramér's V. J. Korean Stat. Soc. 42, 323-328. Le Cam, L. (1986). Asymptotic
Methods in Statistical Decision Theory, p. 47 (the balanced V).

>>> test = chi_squared({"DE": 50, "FR": 50}, {"DE": 80, "FR": 20})
>>> round(test.statistic, 3), test.degrees_of_freedom, round(test.cramers_v, 3)
(19.78, 1, 0.314)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """The test's outcome; `pooled` categories were too sparse to stand alone."""

    statistic: float
    degrees_of_freedom: int
    p_value: float
    cramers_v: float
    cramers_v_corrected: float
    cramers_v_balanced: float
    pooled: int


def chi_squared(
    current: Mapping[str, int],
    reference: Mapping[str, int],
    minimum_expected: float = MINIMUM_EXPECTED,
) -> ChiSquared:
    """Test the rows per category of two samples; one category in all gives p = 1 and V = 0.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    from scipy import stats

    table = _table(current, reference)
    require_rows(current=int(table[0].sum()), reference=int(table[1].sum()))
    pooled_table = _pooled(table, minimum_expected)
    rows, columns = table.sum(), pooled_table.shape[1]
    test = stats.chi2_contingency(pooled_table, correction=False)
    statistic = float(test.statistic)
    return ChiSquared(
        statistic=statistic,
        degrees_of_freedom=columns - 1,
        p_value=float(test.pvalue),
        cramers_v=math.sqrt(statistic / rows) if columns > 1 else 0.0,
        cramers_v_corrected=_bergsma(statistic / rows, columns, rows),
        cramers_v_balanced=_balanced(pooled_table),
        pooled=table.shape[1] - columns,
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


def _bergsma(phi_squared: float, columns: int, rows: float) -> float:
    """Cramér's V without the part that chance adds."""
    if columns == 1:
        return 0.0
    excess = max(0.0, phi_squared - (columns - 1) / (rows - 1))
    least = min(columns - (columns - 1) ** 2 / (rows - 1), 2 - 1 / (rows - 1))
    return math.sqrt(excess / (least - 1)) if least > 1 else 0.0


def _balanced(table: NDArray[np.float64]) -> float:
    """Cramér's V of the table with both rows scaled to the same sum."""
    p, q = table / table.sum(axis=1, keepdims=True)
    return math.sqrt(float(((p - q) ** 2 / (p + q)).sum()) / 2)
