"""Distance of two samples' centroids, relative to how far vectors lie from their own.

    d = |mean of x - mean of y| / r,   r^2 = mean squared distance of y from its mean

for the current vectors x and the reference y. d = 0.25 means the centroid moved by a quarter of
the radius of the cloud; where all coordinates vary alike, by a quarter of a standard deviation in
each. Chance alone gives about sqrt(1 / n + 1 / m).

What chance gives is not assumed but drawn: the pooled vectors are dealt into groups of n and m
again and again, and each deal has its distance. The p-value is (1 + deals at least as far) divided
by (1 + deals). By the triangle inequality the processes' distance differs from d by at most the
noise of both centroids, of which the deals show how large it is:

    low = max(0, d - c),  high = d + c    for the deals' quantile c.

Papers: Phipson, B. & Smyth, G. K. (2010). Permutation p-values should never be zero. Stat. Appl.
Genet. Mol. Biol. 9, 39. Good, P. (2005). Permutation, Parametric and Bootstrap Tests of Hypotheses.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x, y = rng.normal(0.5, 1, (400, 8)), rng.normal(0, 1, (600, 8))
>>> found = centroid_distance(x, y)
>>> found.interval.contains(0.5), found.p_value
(True, 0.001)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.sample_size import rows_for

Vectors = NDArray[np.float64]

DEALS = 999
_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class CentroidDistance:
    """A distance, the interval that holds the processes' distance, and the p-value of none."""

    value: float
    interval: Interval
    p_value: float


def centroid_distance(
    current: Vectors, reference: Vectors, alpha: float = 0.001, deals: int = DEALS, seed: int = 0
) -> CentroidDistance:
    """Compare the centroids of two samples of vectors, shape (rows, dimension).

    Args:
        current: The sample.
        reference: What it is compared with.
        alpha: Chance of an interval that misses.
        deals: How often the vectors are dealt; at least 1 / alpha - 1 for a p-value of alpha.
        seed: Of the deals.

    Raises:
        EmptySampleError: A sample has no rows, or all vectors of the reference are equal.
    """
    require_rows(current=len(current), reference=len(reference))
    centre = reference.mean(axis=0)
    radius = math.sqrt(float(((reference - centre) ** 2).sum(axis=1).mean()))
    require_rows(spread_of_the_reference=int(radius > 0))
    value = float(np.linalg.norm(current.mean(axis=0) - centre)) / radius
    chance = _dealt(np.concatenate([current, reference]), len(current), deals, seed) / radius
    # A deal that equals the distance but for rounding counts as one that reaches it.
    reached = int((chance >= value * (1 - 1e-9)).sum())
    noise = float(np.quantile(chance, 1 - alpha, method="higher"))
    return CentroidDistance(
        value, Interval(max(0.0, value - noise), value + noise), (1 + reached) / (1 + deals)
    )


def minimum_rows(
    distance: float, reference_rows: int, alpha: float = 0.001, power: float = 0.9
) -> int | None:
    """Rows at which a true distance leaves `low` above zero with this power; None if none suffice.

    For vectors that vary in one direction only, the worst case: in more of them the noise of the
    centroids concentrates at sqrt(1 / n + 1 / m), below its quantile in one.
    """
    reach = float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
    return rows_for((reach / distance) ** 2, reference_rows)


def _dealt(pooled: Vectors, size: int, deals: int, seed: int) -> Vectors:
    """The distances of the centroids of random groups of `size` and the rest."""
    rng = np.random.default_rng(seed)
    centred = pooled - pooled.mean(axis=0)
    rest = len(pooled) - size
    distances: list[Vectors] = []
    for first in range(0, deals, _AT_A_TIME):
        some = min(_AT_A_TIME, deals - first)
        order = rng.permuted(np.tile(np.arange(len(pooled)), (some, 1)), axis=1)
        # The groups' sums are opposite, for the pooled vectors sum to zero.
        chosen = (order < size).astype(np.float64) @ centred
        distances.append(np.linalg.norm(chosen, axis=1) * (1 / size + 1 / rest))
    return np.concatenate(distances)
