"""Jensen-Shannon distance: how well does a category predict which sample its row came from?

With m = (p + q) / 2, the divergence is the mean of both samples' relative entropies to m, in bits,

    J = sum of j(p, q),   j(p, q) = p/2 log2(p / m) + q/2 log2(q / m)

and the distance is its root, a metric in [0, 1]; 0 for equal shares, 1 for nothing in common.

With categories that were pooled into a rest (categories.py) of share p' and q':

    low = sum over the known of j + j(p', q'),   high = sum over the known of j + (p' + q') / 2

Proof. j is convex and homogeneous, hence j(p1 + p2, q1 + q2) <= j(p1, q1) + j(p2, q2): splitting
the rest never lowers J. And j(p, q) <= (p + q) / 2, with equality if p or q is zero: J is greatest
where the rest has no category in common. Both are attained where no category was counted on one
side only.

Numbers are compared over ten bins of equal weight in the reference, unions of the profile's buckets
and therefore counted exactly. By the same inequality finer bins never have a smaller distance.

Sampling error. For neighbouring p and q the divergence is sum of (p - q)^2 / m / (8 ln 2), so
8 ln 2 times the effective rows e times J is distributed as chi-squared with k - 1 degrees of
freedom under no change (k categories). The distance is a metric: sampling moves it by no more than
the distance between samples of one population, which exceeds sqrt(x / (8 ln 2 e)) with probability
alpha, for the upper quantile x of chi-squared.

Papers: Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Inf. Theory
37, 145-151. Endres, D. M. & Schindelin, J. E. (2003). A new metric for probability distributions.
IEEE Trans. Inf. Theory 49, 1858-1860.

>>> now, before = CategoryCounts({"DE": 50, "FR": 50}), CategoryCounts({"DE": 80, "FR": 20})
>>> distance = jensen_shannon(now, before)
>>> round(distance.low, 4), round(distance.high, 4)
(0.2704, 0.2704)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.drift.drift import ALPHA, POWER, Drift, drift_of
from mlmon.analyzers.drift.method import (
    DriftMeasurement,
    DriftMethod,
    Numbers,
    one_set_of_edges,
    rows_of,
)
from mlmon.analyzers.statistics.categories import CategoryCounts, table
from mlmon.analyzers.statistics.edges import even_edges
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.sample_size import effective_rows, rows_for

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Each term is right to a few units of 2^-53 of its share, and the shares sum to one.
ROUNDING = 1e-14
# The divergence in bits times this and the effective rows is chi-squared.
SCALE = 8 * math.log(2)

BINS = 10
LIMITS = Limits(0.10, 0.20)


def jensen_shannon(current: CategoryCounts, reference: CategoryCounts) -> Interval:
    """The interval that holds the distance between two samples' categories.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    n, m = current.n, reference.n
    require_rows(current=n, reference=m)
    *known, rest = np.array(table(current, reference), dtype=np.float64) / (n, m)
    shares = np.array(known).reshape(-1, 2)
    divergence = _divergence(shares[:, 0], shares[:, 1])
    return _root(divergence + _divergence(rest[0], rest[1]), divergence + float(rest.sum()) / 2)


def of_categories(current: CategoryCounts, reference: CategoryCounts) -> Drift:
    """Compare categories; both samples need rows."""
    distance = jensen_shannon(current, reference)
    return _drift(distance, len(table(current, reference)), current.n, reference.n)


def of_numbers(current: Numbers, reference: Numbers) -> Drift:
    """Compare numbers over ten bins of equal weight in the reference.

    Raises:
        EmptySampleError: a sample has no rows.
        ValueError: the samples were counted over different edges.
    """
    now, before = one_set_of_edges(current, reference)
    require_rows(current=now.n, reference=before.n)
    edges = even_edges(before, BINS)
    sides = (
        CategoryCounts(dict(zip(map(str, range(len(edges) + 1)), side.counts, strict=True)))
        for side in (now.coarsened(edges), before.coarsened(edges))
    )
    return _drift(jensen_shannon(*sides), len(edges) + 1, now.n, before.n)


def rows_needed(effect: float, categories: int, reference_rows: int) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten; None if none do."""
    quantile = float(special.chdtri(max(categories, 2) - 1, ALPHA))
    reach = math.sqrt(quantile) + float(special.ndtri(POWER))
    return rows_for(reach**2 / (SCALE * effect**2), reference_rows)


def _drift(distance: Interval, categories: int, n: int, m: int) -> Drift:
    degrees, rows = max(categories, 2) - 1, SCALE * effective_rows(n, m)
    error = math.sqrt(float(special.chdtri(degrees, ALPHA)) / rows)
    chance = float(special.chdtrc(degrees, rows * distance.low**2))
    return drift_of(distance, error, chance, (n, m), LIMITS)


def _divergence(p: ArrayLike, q: ArrayLike) -> float:
    """The sum of j over two arrays of shares."""
    p, q = np.asarray(p), np.asarray(q)
    middle = (p + q) / 2
    nats = special.rel_entr(p, middle) + special.rel_entr(q, middle)
    return float(nats.sum()) / (2 * math.log(2))


def _root(low: float, high: float) -> Interval:
    """The distance from the divergence, whose sums were rounded."""
    divergence = Interval(low, max(low, high)).widened(ROUNDING).clipped(0.0, 1.0)
    return Interval(math.sqrt(divergence.low), math.sqrt(divergence.high))


METHOD = DriftMethod(
    name="jensen_shannon",
    title="Jensen-Shannon distance",
    metric="jensen_shannon",
    limits=LIMITS,
    numeric=DriftMeasurement(
        of_numbers, lambda effect, known: rows_needed(effect, BINS, rows_of(known))
    ),
    categorical=DriftMeasurement(
        of_categories, lambda effect, known: rows_needed(effect, len(known.counts) + 1, known.n)
    ),
)
