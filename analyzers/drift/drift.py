"""How far a sample lies from its baseline, whether chance explains it, and what moved.

A verdict is taken from `low`: the distance's certain lower bound less what chance alone exceeds
once in a thousand times. So an effect must be large, not only significant, and a small sample needs
a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.statistics import (
    chi_squared,
    ks,
    percentiles,
    probability_box,
    total_variation,
)
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.categories import table
from mlmon.formatting import cut, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.categories import CategoryCounts
    from mlmon.analyzers.statistics.interval import Interval

ALPHA = 0.001
POWER = 0.9
LIMITS = Limits(0.10, 0.20, measures="distance")
"""Of every distance between distributions."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The distance of a sample from its baseline.

    Args:
        value: The distance; buckets leave half of `high - low` open less twice the chance.
        low: At least so much of it is neither chance nor hidden by buckets.
        high: At most so much.
        certain: So much would be neither chance nor hidden if `low` knew what buckets hide.
        p_value: Chance of such a distance between samples of one distribution.
        sample_count: Rows of the sample.
        baseline_count: Rows of the baseline.
    """

    value: float
    low: float
    high: float
    certain: float
    p_value: float
    sample_count: int
    baseline_count: int

    @property
    def left_open(self) -> tuple[float, ...]:
        """The limits of which the buckets do not say whether they are passed."""
        limits = (LIMITS.warning, LIMITS.critical)
        return tuple(limit for limit in limits if self.low < limit <= self.certain)

    def measured(self) -> dict[str, Any]:
        """Return what a finding says of it."""
        names = ("value", "low", "high", "p_value", "sample_count", "baseline_count")
        return {name: getattr(self, name) for name in names}


def rows_needed(effect: float, baseline_rows: int, categories: int | None = None) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten.

    None if the baseline is too small for any number of rows.

    Args:
        effect: Distance.
        baseline_rows: Rows of the baseline.
        categories: How many, for a categorical feature.
    """
    if baseline_rows == 0:
        return None
    if categories is None:
        return ks.minimum_rows(effect, baseline_rows, ALPHA, POWER)
    return total_variation.minimum_rows(effect, max(categories, 2), baseline_rows, ALPHA, POWER)


def numeric_drift(current: Buckets, reference: Buckets) -> Drift:
    """Compare numbers by the Kolmogorov-Smirnov distance; both need rows."""
    return drift_of_parts([current], [reference])


def drift_of_parts(current: Sequence[Buckets], reference: Sequence[Buckets]) -> Drift:
    """Compare numbers whose parts were counted over edges of their own; both need rows."""
    n, m = (sum(part.n for part in parts) for parts in (current, reference))
    distance = probability_box.ks_distance(current, reference)
    chance = ks.critical_distance(n, m, ALPHA)
    p_value = ks.p_value(distance.low, n, m)
    return _drift(distance, chance, p_value, n, m)


def undecided(current: Buckets, reference: Buckets) -> tuple[int, ...]:
    """Return the buckets to count finer while it is open whether a limit is passed; else none."""
    chance = ks.critical_distance(current.n, reference.n, ALPHA)
    return tuple(
        {
            bucket: None
            for limit in numeric_drift(current, reference).left_open
            for bucket in ks.undecided_buckets(current, reference, limit + chance)
        }
    )


def categorical_drift(current: CategoryCounts, reference: CategoryCounts) -> Drift:
    """Compare categories by total variation, tested by chi-squared; both need rows."""
    n, m = current.n, reference.n
    distance = total_variation.total_variation_of(current, reference)
    categories = max(2, len(current.counts.keys() | reference.counts.keys()))
    chance = total_variation.critical_total_variation(categories, n, m, ALPHA)
    test = homogeneity(current, reference)
    return _drift(distance, chance, test.p_value, n, m)


def _drift(distance: Interval, chance: float, p_value: float, n: int, m: int) -> Drift:
    return Drift(
        value=distance.middle,
        low=max(0.0, distance.low - chance),
        high=min(1.0, distance.high + chance),
        certain=distance.high - chance,
        p_value=p_value,
        sample_count=n,
        baseline_count=m,
    )


def numbers_moved(current: Buckets, reference: Buckets, where: str = "in training") -> str:
    """Say what moved where the distribution functions are farthest apart, and the medians.

    Args:
        current: The sample.
        reference: What it is compared with.
        where: Where that is, for the sentence.
    """
    shares = _shares_below(current.counts), _shares_below(reference.counts)
    medians = [percentiles.percentile(buckets, 0.5) for buckets in (current, reference)]
    return _moved(current.edges, shares, medians, where)


def parts_moved(current: Sequence[Buckets], reference: Sequence[Buckets], where: str) -> str:
    """Say the same of numbers whose parts were counted over edges of their own."""
    if len({part.edges for part in (*current, *reference)}) == 1:
        return numbers_moved(merge(current), merge(reference), where)
    now, before = probability_box.boxes(current, reference)
    medians = [box.percentile(0.5) for box in (now, before)]
    return _moved(now.points.tolist(), (now.middle(), before.middle()), medians, where)


def _moved(
    points: Sequence[float],
    shares: tuple[NDArray[np.float64], NDArray[np.float64]],
    medians: Sequence[Interval],
    where: str,
) -> str:
    f, g = shares
    edge = int(np.argmax(np.abs(f - g)))
    side, now, before = (
        ("above", 1 - f[edge], 1 - g[edge]) if f[edge] < g[edge] else ("below", f[edge], g[edge])
    )
    return (
        f"{percent(float(now))} of the values lie {side} {number(points[edge])}, "
        f"{where} {percent(float(before))}; median {number(medians[0].middle)}, "
        f"{where} {number(medians[1].middle)}"
    )


def categories_moved(
    current: CategoryCounts, reference: CategoryCounts, where: str = "in training"
) -> str:
    """Say which category's share changed most, and how strong the change is over all of them."""
    names = sorted(current.counts.keys() | reference.counts.keys())
    shares = {name: (_share(name, current), _share(name, reference)) for name in names}
    name = max(shares, key=lambda share: abs(shares[share][0] - shares[share][1]))
    now, before = shares[name]
    return (
        f"{percent(now)} of the values are {cut(name)!r}, {where} {percent(before)}; "
        f"Cramér's V {number(homogeneity(current, reference).cramers_v)}"
    )


def _share(name: str, of: CategoryCounts) -> float:
    return of.counts.get(name, 0) / of.n


def homogeneity(current: CategoryCounts, reference: CategoryCounts) -> chi_squared.ChiSquared:
    """Return the test over the categories that both sides know, and one of all others."""
    rows = table(current, reference)
    return chi_squared.chi_squared(
        {str(k): x for k, (x, _) in enumerate(rows)}, {str(k): y for k, (_, y) in enumerate(rows)}
    )


def onset(hours: Sequence[Sequence[int]], reference: Sequence[int], *, ordered: bool) -> int:
    """Return the hour from which on the sample differs most from the reference.

    Among all "from this hour to the end", it is the one whose distance is largest relative to what
    chance adds to a sample of its size.

    Args:
        hours: Counts per bucket or category, one row per hour.
        reference: Those of the baseline.
        ordered: Whether the columns are buckets of numbers (else categories).
    """
    suffixes: NDArray[np.float64] = np.cumsum(np.array(hours, dtype=np.float64)[::-1], axis=0)
    rows = np.maximum(suffixes.sum(axis=1, keepdims=True), 1.0)
    gaps = suffixes / rows - np.array(reference) / max(sum(reference), 1)
    if ordered:
        distances = np.abs(np.cumsum(gaps, axis=1)).max(axis=1)
    else:
        distances = np.abs(gaps).sum(axis=1) / 2
    best = int(np.argmax(distances * np.sqrt(rows[:, 0])))
    return len(hours) - 1 - best


def _shares_below(counts: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the share of rows below each edge."""
    cumulative = np.cumsum(counts, dtype=np.float64)
    shares: NDArray[np.float64] = cumulative[:-1] / cumulative[-1]
    return shares
