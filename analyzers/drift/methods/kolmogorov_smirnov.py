"""Kolmogorov-Smirnov distance: the largest difference of two samples' distribution functions.

D = sup over x of |F(x) - G(x)|, for the shares F and G of rows below x. From buckets alone it is
known at the edges, and between two edges it is bounded:

    low  = max over edges k of |F_k - G_k|
    high = max(low, max over buckets k of F_{k+1} - G_k and G_{k+1} - F_k)

Proof. D is a supremum, so its value at some points (the edges) is a lower bound. Inside a bucket F
and G only rise, F from F_k to F_{k+1} and G from G_k to G_{k+1}, hence F(x) - G(x) <= F_{k+1} - G_k
and the same with the roles exchanged. Where one sample is empty in the bucket its function is
constant, F - G is monotone and |F - G| is greatest at an end; where the bucket holds one double
only there is no inside. Both are exact. Elsewhere the bound is sharp: all rows of F may come before
all rows of G. The counts are integers, so each end is the correctly rounded quotient of two
integers.

Of parts counted over different edges the interval is that of their probability boxes.

Papers: Smirnov, N. (1948). Table for estimating the goodness of fit of empirical distributions.
Ann. Math. Statist. 19, 279-281. Hodges, J. L. (1958). The significance probability of the Smirnov
two-sample test. Ark. Mat. 3, 469-486 (exact p-value). Hoeffding, W. (1963). Probability
inequalities for sums of bounded random variables. JASA 58, 13-30 (minimum sample).

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> before = Buckets.from_values([1, 2, 3, 4], edges=(1.0, 2.5, 5.0))
>>> after = Buckets.from_values([3, 3, 4, 4], edges=(1.0, 2.5, 5.0))
>>> ks_distance(after, before)
Interval(low=0.5, high=1.0)
>>> undecided_buckets(after, before, limit=0.6)
(2,)
>>> round(critical_distance(1_000, 1_000, alpha=0.05), 3)
0.061
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from mlmon.analyzers.drift.drift import ALPHA, KS_LIMITS, POWER, Drift, drift_of
from mlmon.analyzers.drift.method import DriftMeasurement, DriftMethod, Numbers, rows_of
from mlmon.analyzers.statistics import probability_box
from mlmon.analyzers.statistics.buckets import Buckets, merge, require_same_edges
from mlmon.analyzers.statistics.edges import single_valued
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.sample_size import effective_rows, rows_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to here the exact p-value takes some ten milliseconds.
EXACT_UP_TO_SMALLER = 200
EXACT_UP_TO_PAIRS = 2_000_000

EXACT_INTEGERS = 2**62
"""Below this product of counts, sums and differences of two fit into 64 bits."""


def ks_distance(current: Buckets, reference: Buckets) -> Interval:
    """The interval that holds the distance of the raw rows.

    Raises:
        EmptySampleError: a sample has no rows with a value.
        ValueError: the samples were counted over different edges.
    """
    gaps, bounds = _gaps(current, reference)
    rows = current.n * reference.n
    low = int(gaps.max())
    return Interval(low / rows, max(low, int(bounds.max())) / rows)


def ks_distance_of_parts(current: Numbers, reference: Numbers) -> Interval:
    """The same interval for samples whose parts were counted over edges of their own.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    n, m = rows_of(current), rows_of(reference)
    require_rows(current=n, reference=m)
    if len({part.edges for part in (*current, *reference)}) == 1:
        return ks_distance(merge(current), merge(reference))
    return probability_box.distance_of_boxes(*probability_box.boxes(current, reference))


def undecided_buckets(
    current: Buckets, reference: Buckets, limit: float | None = None
) -> tuple[int, ...]:
    """The buckets (indices of `counts`) to count finer; none once the question is decided.

    With a limit: the question is whether the distance reaches it. Without: what the distance is.
    """
    gaps, bounds = _gaps(current, reference)
    rows, low = current.n * reference.n, int(gaps.max())
    if limit is None:
        return tuple(np.flatnonzero(bounds > low).tolist())
    if low / rows >= limit:
        return ()
    return tuple(k for k, bound in enumerate(bounds.tolist()) if bound / rows >= limit)


def p_value(distance: float, current_rows: int, reference_rows: int) -> float:
    """The chance of at least this distance when both samples come from one continuous distribution.

    Exact (`scipy.stats.ks_2samp`) where one sample is small and the pairs of rows are no more than
    two million; the distance must be one that samples of these sizes can have. For others it is
    Kolmogorov's limit law, which is conservative: where the exact value is over 0.001 and both have
    more than 200 rows, the exact one lies between 0.3 % below and 19 % above; with 20 rows against
    200,000, up to 64 % above. (`scipy.stats.kstwo`, on which scipy falls back, lies up to 9 % below
    it when the samples are of one size.) With ties the true chance is smaller still. It falls with
    the distance: that of a distance in [low, high] lies in [p_value(high), p_value(low)].
    """
    require_rows(current=current_rows, reference=reference_rows)
    smaller, larger = sorted((current_rows, reference_rows))
    if smaller <= EXACT_UP_TO_SMALLER and smaller * larger <= EXACT_UP_TO_PAIRS:
        return _exact_p_value(distance, smaller, larger)
    return _limit_law(distance, smaller, larger)


def critical_distance(current_rows: int, reference_rows: int, alpha: float = 0.05) -> float:
    """The distance that chance alone exceeds with probability alpha, by the limit law."""
    require_rows(current=current_rows, reference=reference_rows)
    return float(special.kolmogi(alpha)) / math.sqrt(effective_rows(current_rows, reference_rows))


def minimum_rows(
    distance: float, reference_rows: int, alpha: float = 0.05, power: float = 0.9
) -> int | None:
    """Rows at which a true distance is significant with at least this power; None if none suffice.

    Where the true functions differ by `distance`, the empirical difference falls short of it by t
    with probability at most exp(-2 e t^2), e the effective rows (Hoeffding). It exceeds the
    critical distance c / sqrt(e) with the power asked for if
    sqrt(e) >= (c + sqrt(ln(1 / (1 - power)) / 2)) / distance.
    """
    reach = float(special.kolmogi(alpha)) + math.sqrt(-math.log(1 - power) / 2)
    return rows_for((reach / distance) ** 2, reference_rows)


def _gaps(current: Buckets, reference: Buckets) -> tuple[NDArray[Any], NDArray[Any]]:
    """|F - G| at the edges and its largest possible value per bucket, times both samples' rows.

    Where the product of two counts may pass 2^63 they are Python's integers, which are slow.
    """
    require_rows(current=current.n, reference=reference.n)
    require_same_edges(current, reference)
    kind = np.int64 if current.n * reference.n < EXACT_INTEGERS else object
    f = np.array([0, *current.cumulative().tolist()], dtype=kind) * reference.n
    g = np.array([0, *reference.cumulative().tolist()], dtype=kind) * current.n
    gaps = np.abs(f - g)
    inside = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])
    ends = np.maximum(gaps[1:], gaps[:-1])
    return gaps, np.where(_exact(current, reference), ends, inside)


def _exact(current: Buckets, reference: Buckets) -> NDArray[np.bool_]:
    """The buckets whose inside can hide nothing: empty on one side, or of one possible value.

    Of a reference in single precision, values that round to the same one are the same.
    """
    empty = (np.array(current.counts) == 0) | (np.array(reference.counts) == 0)
    lowest = np.minimum(current.lowest(), reference.lowest())
    highest = np.maximum(current.highest(), reference.highest())
    exact: NDArray[np.bool_] = empty | (lowest >= highest) | single_valued(reference.edges)
    return exact


def _limit_law(distance: float, current_rows: int, reference_rows: int) -> float:
    """Return the p-value of samples without end, at most a little below the exact one."""
    rows = effective_rows(current_rows, reference_rows)
    return float(special.kolmogorov(distance * math.sqrt(rows)))


def _exact_p_value(distance: float, smaller: int, larger: int) -> float:
    """The p-value that scipy counts out.

    Its test takes samples, so it is given two of two values each whose distance is `distance`.
    """
    from scipy import stats

    gap = round(distance * smaller * larger)
    counts = ((k, divmod(k * larger - gap, smaller)) for k in range(smaller + 1))
    # The distance is one that samples of these sizes can have, so some pair of counts gives it.
    x, y = next((k, rows) for k, (rows, rest) in counts if rows >= 0 == rest)
    samples = (np.arange(smaller) >= x, np.arange(larger) >= y)
    with warnings.catch_warnings():
        # Where rounding takes the count above one, scipy falls back on the limit law: nearly one.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ks_2samp(*samples, method="exact").pvalue)


def numeric_drift(current: Buckets, reference: Buckets) -> Drift:
    """Compare two samples over the same edges; both need rows."""
    return drift_of_parts([current], [reference])


def drift_of_parts(current: Numbers, reference: Numbers) -> Drift:
    """Compare two samples whose parts were counted over edges of their own; both need rows.

    The exact p-value costs milliseconds, so it is counted only where an alarm may need it; below
    the limit of a warning it is that of the limit law.
    """
    n, m = rows_of(current), rows_of(reference)
    distance = ks_distance_of_parts(current, reference)
    error = critical_distance(n, m, ALPHA)
    may_alarm = distance.low - error >= KS_LIMITS.warning
    chance = (p_value if may_alarm else _limit_law)(distance.low, n, m)
    return drift_of(distance, error, chance, (n, m))


def undecided(current: Buckets, reference: Buckets) -> tuple[int, ...]:
    """Return the buckets to count finer while it is open whether a limit is passed; else none."""
    error = critical_distance(current.n, reference.n, ALPHA)
    return tuple(
        {
            bucket: None
            for limit in numeric_drift(current, reference).left_open
            for bucket in undecided_buckets(current, reference, limit + error)
        }
    )


def rows_needed(effect: float, reference_rows: int) -> int | None:
    """Return the rows at which a drift of `effect` is found nine times in ten; None if none do."""
    return minimum_rows(effect, reference_rows, ALPHA, POWER) if reference_rows else None


METHOD = DriftMethod(
    name="kolmogorov_smirnov",
    title="KS",
    metric="ks.distance",
    limits=KS_LIMITS,
    numeric=DriftMeasurement(
        drift_of_parts, lambda effect, known: rows_needed(effect, rows_of(known))
    ),
)
