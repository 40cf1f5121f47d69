"""Population stability index: has the population moved between bins, and could that be chance?

    PSI = sum over bins of (p - q) ln(p / q)

with shares p = (count + 1/2) / (n + bins / 2), which keeps an empty bin finite (Jeffreys' prior).
It belongs to its bins: for numbers ten bins of equal weight in the reference, which are unions of
the profile's buckets and therefore counted exactly; for categories those that both samples know,
and one bin of all others. Finer bins never have a smaller index.

Under no change, PSI is distributed as (1/n + 1/m) chi-squared with bins - 1 degrees of freedom: the
expansion ln(p / q) = (p - q) / q + … makes PSI the chi-squared statistic over the effective rows e.
The usual limits 0.1 and 0.25 know nothing of n: with 100 rows each and ten bins chance alone passes
0.1 in 80 % of windows and 0.25 in 16 %; with 10,000 rows each, 0.1 has a chance of 1e-101.

Sampling error. By the same expansion the root of PSI is the length of p - q in units of its
standard error, to which sampling adds a vector whose length exceeds c = sqrt(x / e) with
probability alpha, for the upper quantile x of chi-squared. So by the triangle inequality the
populations' index lies between (sqrt(PSI) - c)^2 and (sqrt(PSI) + c)^2. A true index P is found
with a power w where sqrt(P e) >= sqrt(x) + z_w: along p - q the error is normal.

Papers: Yurdakul, B. & Naranjo, J. (2020). Statistical properties of the population stability index.
J. Risk Model Validation 14 (null distribution). Lewis, E. M. (1994). An Introduction to Credit
Scoring (the limits).

>>> index = psi([100, 100, 100], [150, 100, 50])
>>> round(index.value, 3), round(index.low, 3), index.p_value < 1e-5
(0.181, 0.015, True)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.drift.drift import ALPHA, POWER, Drift
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
from mlmon.analyzers.statistics.sample_size import effective_rows, rows_for

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 10
LIMITS = Limits(0.1, 0.25)


def psi(current: Sequence[int], reference: Sequence[int]) -> Drift:
    """The index of two samples' rows per bin; bins empty on both sides do not count.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    counts = np.array([current, reference], dtype=np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    n, m = (int(rows) for rows in counts.sum(axis=1))
    require_rows(current=n, reference=m)
    bins = counts.shape[1]
    p, q = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + bins / 2)
    value, rows = float(((p - q) * np.log(p / q)).sum()), effective_rows(n, m)
    error = math.sqrt(float(special.chdtri(bins - 1, ALPHA)) / rows) if bins > 1 else 0.0
    low, high = (max(0.0, math.sqrt(value) + side) ** 2 for side in (-error, error))
    return Drift(
        value=value,
        low=low,
        high=high,
        least=value,
        highest_low=low,
        p_value=float(special.chdtrc(bins - 1, value * rows)) if bins > 1 else 1.0,
        sample_count=n,
        baseline_count=m,
        limits=LIMITS,
    )


def of_numbers(current: Numbers, reference: Numbers) -> Drift:
    """The index over ten bins of equal weight in the reference.

    Raises:
        EmptySampleError: a sample has no rows.
        ValueError: the samples were counted over different edges.
    """
    now, before = one_set_of_edges(current, reference)
    edges = even_edges(before, BINS)
    return psi(now.coarsened(edges).counts, before.coarsened(edges).counts)


def of_categories(current: CategoryCounts, reference: CategoryCounts) -> Drift:
    """The index over the categories that both samples know, and one bin of all others."""
    rows = table(current, reference)
    return psi([x for x, _ in rows], [y for _, y in rows])


def rows_needed(effect: float, bins: int, reference_rows: int) -> int | None:
    """Return the rows at which an index of `effect` is found nine times in ten; None if none do."""
    reach = math.sqrt(float(special.chdtri(max(bins, 2) - 1, ALPHA))) + float(special.ndtri(POWER))
    return rows_for(reach**2 / effect, reference_rows)


METHOD = DriftMethod(
    name="psi",
    title="PSI",
    metric="psi",
    limits=LIMITS,
    numeric=DriftMeasurement(
        of_numbers, lambda effect, known: rows_needed(effect, BINS, rows_of(known))
    ),
    categorical=DriftMeasurement(
        of_categories, lambda effect, known: rows_needed(effect, len(known.counts) + 1, known.n)
    ),
)
