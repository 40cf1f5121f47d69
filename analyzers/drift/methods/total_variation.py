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

Chance alone makes T positive: with k categories and e effective rows (sample_size.py), two
samples of one distribution have E[T] <= 1/2 sqrt((k - 1) / e) by Cauchy-Schwarz. One row moves T
by 1/n or 1/m, so T exceeds its mean by t with probability at most exp(-2 e t^2) (McDiarmid).

Whether T is more than chance is tested by chi-squared over the categories that both samples know
and one of all others.

Papers: Levin, Peres & Wilmer (2009). Markov Chains and Mixing Times, section 4.1. McDiarmid, C.
(1989). On the method of bounded differences. Surveys in Combinatorics 141, 148-188.

>>> total_variation(CategoryCounts({"DE": 50, "FR": 50}), CategoryCounts({"DE": 80, "FR": 20}))
Interval(low=0.3, high=0.3)
>>> total_variation(CategoryCounts({"DE": 50}, rest=50), CategoryCounts({"DE": 80}, rest=20))
Interval(low=0.3, high=0.5)
>>> version = CategoryCounts({"DE": 40}, rest=10) + CategoryCounts({"DE": 30, "FR": 20})
>>> total_variation(version, CategoryCounts({"DE": 80, "FR": 20}))
Interval(low=0.1, high=0.1)
"""

from __future__ import annotations

import math

from mlmon.analyzers.drift.drift import ALPHA, KS_LIMITS, POWER, Drift, drift_of
from mlmon.analyzers.drift.method import DriftMeasurement, DriftMethod
from mlmon.analyzers.statistics.categories import CategoryCounts, table
from mlmon.analyzers.statistics.chi_squared import ChiSquared, chi_squared
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.sample_size import effective_rows, rows_for


def total_variation(current: CategoryCounts, reference: CategoryCounts) -> Interval:
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


def homogeneity(current: CategoryCounts, reference: CategoryCounts) -> ChiSquared:
    """The chi-squared test over the categories that both sides know, and one of all others."""
    rows = table(current, reference)
    return chi_squared(
        {str(k): x for k, (x, _) in enumerate(rows)}, {str(k): y for k, (_, y) in enumerate(rows)}
    )


def categorical_drift(current: CategoryCounts, reference: CategoryCounts) -> Drift:
    """Compare two samples; both need rows."""
    n, m = current.n, reference.n
    categories = max(2, len(current.counts.keys() | reference.counts.keys()))
    error = critical_total_variation(categories, n, m, ALPHA)
    chance = homogeneity(current, reference).p_value
    return drift_of(total_variation(current, reference), error, chance, (n, m))


def rows_needed(effect: float, reference: CategoryCounts) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten; None if none do."""
    if reference.n == 0:
        return None
    return minimum_rows(effect, max(len(reference.counts), 2), reference.n, ALPHA, POWER)


METHOD = DriftMethod(
    name="total_variation",
    title="total variation",
    metric="total_variation",
    limits=KS_LIMITS,
    unit="ratio",
    categorical=DriftMeasurement(categorical_drift, rows_needed),
)
