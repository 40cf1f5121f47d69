"""Total variation distance: what share of the rows would have to change their category?

    T = 1/2 * sum over categories of |p - q| = 1 - sum over categories of min(p, q)

for the shares p and q of two samples. A terms aggregation counts the greatest categories and pools
the rest, so T is known within an interval. Let p and q be the shares that were counted, p' and q'
those of the rests, and d the sum of q - p over the categories with p < q of which the first rest
may hold more; e likewise of the second. With u = min(p', d) and v = min(q', e),

    high = 1 - sum of min(p, q)
    low  = high - u - v - min(p' - u, q' - v)

Proof. The rests add to sum min(p, q) at least 0: where they have no category in common, nor one of
those counted. A row of the first rest adds its share by filling a category up to the other side's
count, at most d in all, or by meeting a row of the second rest, which then fills nothing. What
those who fill and those who meet add together rises with the numbers of those who fill, so it is
greatest at u and v. Both ends are attained, but for rows of samples of two sizes, which cannot be
split; without a rest T is one number. What a rest may hold more of: categories.py.

Chance alone makes T positive: with k categories and e effective rows (effective_rows.py), two
samples of one distribution have E[T] <= 1/2 sqrt((k - 1) / e) by Cauchy-Schwarz. One row moves T
by 1/n or 1/m, so T exceeds its mean by t with probability at most exp(-2 e t^2) (McDiarmid).

Papers: Levin, Peres & Wilmer (2009). Markov Chains and Mixing Times, section 4.1. McDiarmid, C.
(1989). On the method of bounded differences. Surveys in Combinatorics 141, 148-188.

>>> total_variation({"DE": 50, "FR": 50}, {"DE": 80, "FR": 20})
Interval(low=0.3, high=0.3)
>>> total_variation({"DE": 50}, {"DE": 80}, current_rest=50, reference_rest=20)
Interval(low=0.3, high=0.5)
>>> version = CategoryCounts({"DE": 40}, rest=10) + CategoryCounts({"DE": 30, "FR": 20})
>>> total_variation_of(version, CategoryCounts({"DE": 80, "FR": 20}))
Interval(low=0.1, high=0.1)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.effective_rows import effective_rows, rows_for
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

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
    return total_variation_of(
        CategoryCounts(current, current_rest), CategoryCounts(reference, reference_rest)
    )


def total_variation_of(current: CategoryCounts, reference: CategoryCounts) -> Interval:
    """The interval that holds the distance between two samples, of which rests may hide a part.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    n, m = current.n, reference.n
    require_rows(current=n, reference=m)
    names = current.counts.keys() | reference.counts.keys()
    sides = {
        name: (current.counts.get(name, 0) * m, reference.counts.get(name, 0) * n) for name in names
    }
    shared = sum(min(side) for side in sides.values())
    lacking = sum(max(0, y - x) for name, (x, y) in sides.items() if not current.knows(name))
    missed = sum(max(0, x - y) for name, (x, y) in sides.items() if not reference.knows(name))
    rest, other = current.rest * m, reference.rest * n
    filled, met = min(rest, lacking), min(other, missed)
    hidden = filled + met + min(rest - filled, other - met)
    return Interval((n * m - shared - hidden) / (n * m), (n * m - shared) / (n * m))


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
