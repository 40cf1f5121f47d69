"""Jensen-Shannon distance: how surely does one category tell which sample its row came from?

With m = (p + q) / 2, the divergence is the mean of both samples' relative entropies to m, in bits,

    J = sum of j(p, q),   j(p, q) = p/2 log2(p / m) + q/2 log2(q / m)

and the distance is its root, a metric in [0, 1]; 0 for equal shares, 1 for nothing in common.

With categories that were pooled into a rest (categories.py) of share p' and q':

    low = sum over the known of j + j(p', q'),   high = sum over the known of j + (p' + q') / 2

Proof. j is convex and homogeneous, hence j(p1 + p2, q1 + q2) <= j(p1, q1) + j(p2, q2): splitting
the rest never lowers J. And j(p, q) <= (p + q) / 2, with equality if p or q is zero: J is greatest
where the rest has no category in common. Both are attained where no category was counted on one
side only.

Of buckets of numbers it is the distance of the bucketed samples: by the same inequality a lower
bound for that of the raw rows, which tells nothing of continuous ones (it is 1 without ties).

Papers: Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Inf. Theory
37, 145-151. Endres, D. M. & Schindelin, J. E. (2003). A new metric for probability distributions.
IEEE Trans. Inf. Theory 49, 1858-1860.

>>> distance = jensen_shannon({"DE": 50, "FR": 50}, {"DE": 80, "FR": 20})
>>> round(distance.low, 4), round(distance.high, 4)
(0.2704, 0.2704)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.buckets import Buckets, require_same_edges
from mlmon.analyzers.statistics.categories import pair
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

# Each term is right to a few units of 2^-53 of its share, and the shares sum to one.
ROUNDING = 1e-14


def jensen_shannon(
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
    shares = np.array(paired.known, dtype=np.float64).reshape(-1, 2) / (n, m)
    p_rest, q_rest = paired.current_rest / n, paired.reference_rest / m
    known = _divergence(shares[:, 0], shares[:, 1])
    return _root(known + _divergence(p_rest, q_rest), known + (p_rest + q_rest) / 2)


def jensen_shannon_of_buckets(current: Buckets, reference: Buckets) -> Interval:
    """The interval of the bucketed samples' distance: no wider than rounding.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    require_rows(current=current.n, reference=reference.n)
    require_same_edges(current, reference)
    p, q = np.array(current.counts) / current.n, np.array(reference.counts) / reference.n
    return _root(_divergence(p, q), _divergence(p, q))


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
