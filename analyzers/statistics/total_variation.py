"""Total variation distance: what share of the rows would have to change their category?

    T = 1/2 * sum over categories of |p - q| = 1 - sum over categories of min(p, q)

for the shares p and q of two samples. A terms aggregation counts the greatest categories and pools
the rest, so T is known within an interval. Let K be the categories counted on both sides; every
other row is in the rest, of share p' and q':

    high = 1 - sum over K of min(p, q)
    low  = high - min(p', q')

Proof. The rest adds to sum min(p, q) at least 0 (no category in common) and at most min(p', q')
(all of it in common). Both are attained, so the interval is sharp; without a rest it is one number.
What was counted on both sides: categories.py.

Chance alone makes T positive: with k categories and e effective rows (effective_rows.py), two
samples of one distribution have E[T] <= 1/2 sqrt((k - 1) / e) by Cauchy-Schwarz. One row moves T
by 1/n or 1/m, so T exceeds its mean by t with probability at most exp(-2 e t^2) (McDiarmid).

Papers: Levin, Peres & Wilmer (2009). Markov Chains and Mixing Times, section 4.1. McDiarmid, C.
(1989). On the method of bounded differences. Surveys in Combinatorics 141, 148-188.

>>> total_variation({"DE": 50, "FR": 50}, {"DE": 80, "FR": 20})
Interval(low=0.3, high=0.3)
>>> total_variation({"DE": 50}, {"DE": 80}, current_rest=50, reference_rest=20)
Interval(low=0.3, high=0.5)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analyzers.statistics.categories import pair
from analyzers.statistics.effective_rows import effective_rows, rows_for
from analyzers.statistics.empty_sample import require_rows
from analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping


def total_variation(
    current: Mapping[str, int],
    reference: Mapping[str, int],
    *,
    current_rest: int = 0,
    reference_rest: int = 0,
) -> Interval:
    """The interval that holds the distance between two samples' categories.

    Args:
        current: rows per category.
        reference: rows per category.
        current_rest: rows of categories that were pooled, not counted apart.
        reference_rest: likewise.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    paired = pair(current, reference, current_rest, reference_rest)
    n, m = paired.rows()
    shared = sum(min(x * m, y * n) for x, y in paired.known)
    common = min(paired.current_rest * m, paired.reference_rest * n)
    return Interval((n * m - shared - common) / (n * m), (n * m - shared) / (n * m))


def critical_total_variation(
    categories: int, current_rows: int, reference_rows: int, alpha: float = 0.05
) -> float:
    """A distance that chance alone exceeds with probability at most alpha (proven, not sharp)."""
    require_rows(current=current_rows, reference=reference_rows)
    return _noise(categories, alpha) / math.sqrt(effective_rows(current_rows, reference_rows))


def minimum_rows(
    distance: float, categories: int, reference_rows: int, alpha: float = 0.05, power: float = 0.9
) -> int | None:
    """Rows at which a true distance passes the critical one with at least this power, or None.

    The set of categories that grew has its share wrong by t with probability at most
    exp(-2 e t^2), and the distance measured is at least that set's difference.
    """
    reach = _noise(categories, alpha) + math.sqrt(-math.log(1 - power) / 2)
    return rows_for((reach / distance) ** 2, reference_rows)


def _noise(categories: int, alpha: float) -> float:
    """The critical distance times the root of the effective rows."""
    return math.sqrt(categories - 1) / 2 + math.sqrt(-math.log(alpha) / 2)
