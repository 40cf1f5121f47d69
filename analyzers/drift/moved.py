"""What moved in a feature, and since when: the sentences of a drift finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.drift.methods.total_variation import homogeneity
from mlmon.analyzers.statistics import percentiles, probability_box
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.formatting import cut, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.statistics.categories import CategoryCounts
    from mlmon.analyzers.statistics.interval import Interval

NEGLIGIBLE = 0.1
"""Part of the sampling error below which nobody is told what buckets leave open besides."""

SIGNIFICANT = 0.01
"""Largest p-value at which a distance counts as a move."""


def numbers_moved(current: Buckets, reference: Buckets, where: str = "in training") -> str:
    """Describe what moved where the distribution functions differ most, and the medians.

    Args:
        current: The sample.
        reference: What it is compared with.
        where: Where that is, for the sentence.
    """
    shares = _shares_below(current.counts), _shares_below(reference.counts)
    medians = [percentiles.percentile(buckets, 0.5) for buckets in (current, reference)]
    return _moved(current.edges, shares, medians, where)


def parts_moved(current: Sequence[Buckets], reference: Sequence[Buckets], where: str) -> str:
    """Describe the same of numbers whose parts were counted over edges of their own."""
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
    """Name the category whose share changed most, and how strong the change is over all."""
    names = sorted(current.counts.keys() | reference.counts.keys())
    shares = {name: (_share(name, current), _share(name, reference)) for name in names}
    name = max(shares, key=lambda share: abs(shares[share][0] - shares[share][1]))
    now, before = shares[name]
    return (
        f"{percent(now)} of the values are {cut(name)!r}, {where} {percent(before)}; "
        f"Cramér's V {number(homogeneity(current, reference).cramers_v)}"
    )


def distance_sentence(drift: Drift, chance: float, distance: str, where: str) -> str:
    """Say what a distance without an alarm means, to follow the subject.

    Args:
        drift: The distance; of a sample that would show a critical one.
        chance: Its p-value, after correction where there are several.
        distance: As the sentence names it, such as `KS 0.06`.
        where: The sample.
    """
    limit = number(drift.limits.warning)
    if drift.value >= drift.limits.warning:
        moved = "moved" if chance <= SIGNIFICANT else "may have moved"
        return (
            f" {moved} by {distance} in {where}, cannot be told from the limit of {limit} because "
            f"{undecided_because(drift)}"
        )
    if drift.limits.warning in drift.left_open:
        return (
            f": {distance} in {where}, limit {limit}; buckets leave {number(drift.least)} to "
            f"{number(drift.most)} open"
        )
    if chance <= SIGNIFICANT:
        return f" moved by {distance} in {where}, below the limit of {limit}"
    return f": no drift ({distance}, limit {limit}) in {where}"


def undecided_because(drift: Drift) -> str:
    """Return why a distance beyond its limit does not alarm, to follow `because`."""
    if drift.low >= drift.limits.warning:
        return "it is not significant among all distances compared"
    error = drift.least - drift.low
    sampling = f"{number(error)} of it may be sampling error"
    if drift.most - drift.least <= NEGLIGIBLE * error:
        return sampling
    open_ = f"buckets leave {number(drift.least)} to {number(drift.most)} open"
    return f"{open_}, and {sampling}" if error > 0 else open_


def _share(name: str, of: CategoryCounts) -> float:
    return of.counts.get(name, 0) / of.n


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
