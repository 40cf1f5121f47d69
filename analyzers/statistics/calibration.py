"""Calibration: of the rows scored about 0.7, do 70 % turn out positive?

In bin b of n_b rows let m_b be the mean score and r_b the observed share of positives. Then

    ECE = sum of n_b / N |m_b - r_b|

Counts give r_b exactly. With the sums of scores m_b is exact too, but for rounding; without them it
lies between the means of the buckets' least and greatest values, and |m_b - r_b| in the interval
that follows. Bins are unions of buckets, so no row's bin is in doubt.

ECE is positive by chance: of perfectly calibrated scores E|m_b - r_b| <= sqrt(m_b (1 - m_b) / n_b)
by Jensen's inequality, which `chance_error` sums up. Whether the deviations are more than chance is
the question of the test by Hosmer and Lemeshow, sum of (n_b (m_b - r_b))^2 / (n_b m_b (1 - m_b)),
chi-squared with one degree of freedom a bin, as the scores were not fitted on these rows. The true
variance, sum of s (1 - s), is at most the denominator (concavity): the p-value is too large.

Papers: Naeini, Cooper & Hauskrecht (2015). Obtaining well calibrated probabilities using Bayesian
binning. AAAI, 2901-2907. Hosmer, D. W. & Lemeshow, S. (1980). Goodness of fit tests for the
multiple logistic regression model. Commun. Statist. A9, 1043-1069.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> scores, labels = [0.1, 0.3, 0.8, 0.8], [False, False, True, False]
>>> error = expected_calibration_error(LabeledScores.from_rows(scores, labels, (0.0, 0.5, 1.0)))
>>> round(error.low, 6), round(error.high, 6)
(0.25, 0.25)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.edges import even_edges
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.labeled_scores import probability_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

# Of a mean of scores in [0, 1], however its sum was added up.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows scored from `low` to below `high`: what was predicted and what was observed."""

    low: float
    high: float
    rows: int
    predicted: Interval
    observed: float

    def gap(self) -> Interval:
        """The interval of |mean score - observed share|."""
        least = max(0.0, self.predicted.low - self.observed, self.observed - self.predicted.high)
        most = max(self.observed - self.predicted.low, self.predicted.high - self.observed)
        return Interval(least, most)


def reliability(rows: LabeledScores, edges: Sequence[float] | None = None) -> tuple[Bin, ...]:
    """The bins of the reliability diagram that hold rows, ascending.

    Args:
        rows: scores (probabilities) with labels.
        edges: the bins' edges, some of the rows' own; by default ten bins of equal weight.

    Raises:
        EmptySampleError: there are no labeled rows.
        ValueError: an edge is not one of the rows' own, or a score is not within [0, 1].
    """
    require_rows(labeled=rows.n)
    chosen = even_edges(rows.all(), 10) if edges is None else tuple(edges)
    binned = rows.coarsened(chosen)
    least, most = _predicted(rows, chosen)
    ends = [0.0, *np.clip(chosen, 0.0, 1.0).tolist(), 1.0]
    counts = zip(binned.positives.counts, binned.all().counts, strict=True)
    return tuple(
        Bin(
            ends[k],
            ends[k + 1],
            n,
            Interval(least[k] / n, most[k] / n).widened(ROUNDING),
            p / n,
        )
        for k, (p, n) in enumerate(counts)
        if n
    )


def expected_calibration_error(
    rows: LabeledScores, edges: Sequence[float] | None = None
) -> Interval:
    """The interval that holds the raw rows' error over these bins (see `reliability`)."""
    gaps = [(bin_.rows / rows.n, bin_.gap()) for bin_ in reliability(rows, edges)]
    low = sum(share * gap.low for share, gap in gaps)
    high = sum(share * gap.high for share, gap in gaps)
    return Interval(low, high).widened(ROUNDING).clipped(0.0, 1.0)


def chance_error(rows: LabeledScores) -> float:
    """At most this error is expected of perfectly calibrated scores (see `reliability`)."""
    bins = reliability(rows)
    return sum(math.sqrt(bin_.rows * _variance(bin_)) for bin_ in bins) / rows.n


def calibration_p_value(rows: LabeledScores, edges: Sequence[float] | None = None) -> float:
    """The chance of such deviations of perfectly calibrated scores (see `reliability`).

    A bin's mean score is taken as its interval's middle. Bins where fewer than about five rows of
    either label are expected make the law a rough one.
    """
    bins = reliability(rows, edges)
    excess = [bin_.rows * (bin_.observed - _mean(bin_)) ** 2 for bin_ in bins]
    # A bin of certain predictions has no variance: right, it proves nothing; wrong, everything.
    terms = [
        math.inf if _variance(bin_) == 0 < e else e / (_variance(bin_) or 1.0)
        for bin_, e in zip(bins, excess, strict=True)
    ]
    return float(special.chdtrc(len(bins), sum(terms)))


def _mean(bin_: Bin) -> float:
    return bin_.predicted.clipped(0.0, 1.0).middle


def _variance(bin_: Bin) -> float:
    return _mean(bin_) * (1 - _mean(bin_))


def _predicted(
    rows: LabeledScores, edges: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest possible sum of the scores in each bin."""
    lows, highs = probability_bounds(rows.all())
    counts = np.array(rows.all().counts)
    sums = None
    if rows.positive_sums is not None and rows.negative_sums is not None:
        sums = np.add(rows.positive_sums, rows.negative_sums)
    first = [0, *(np.searchsorted(rows.edges, edges) + 1)]
    bounds = (counts * lows, counts * highs) if sums is None else (sums, sums)
    return np.add.reduceat(bounds[0], first), np.add.reduceat(bounds[1], first)
