"""Area under the ROC curve: how often does a positive row score above a negative one?

AUC is the share of the P N pairs of one positive and one negative row in which the positive scores
higher, ties counting one half. With p_k positives and n_k negatives in bucket k,

    low = sum over k of p_k (n_0 + … + n_{k-1}) / (P N),   high = low + sum over k of p_k n_k / (P
    N)

Proof. A pair in different buckets is ordered by them. A pair in one bucket may go either way, and
all of a bucket's pairs may go the same way: the bounds are sharp. A bucket of one double holds ties
only, each worth one half. All counts are integers: the ends are correctly rounded quotients.

The sampling error is DeLong's, with the rows of a bucket taken as tied: the variance of the
positives' shares of negatives below them over P, plus the mirror image over N.

Papers: Hanley, J. A. & McNeil, B. J. (1982). The meaning and use of the area under a ROC curve.
Radiology 143, 29-36. DeLong, DeLong & Clarke-Pearson (1988). Comparing the areas under two or more
correlated ROC curves. Biometrics 44, 837-845.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.25, 0.5, 0.75, 1.0)
>>> rows = LabeledScores.from_rows([0.1, 0.4, 0.35, 0.8], [False, False, True, True], edges)
>>> roc_auc(rows)
Interval(low=0.75, high=1.0)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.labeled_scores import LabeledScores


def roc_auc(rows: LabeledScores) -> Interval:
    """The interval that holds the raw rows' area.

    Raises:
        EmptySampleError: there is no positive or no negative row.
    """
    require_rows(positive=rows.positives.n, negative=rows.negatives.n)
    positives, negatives = _counts(rows)
    below = np.cumsum(negatives) - negatives
    inside = positives * negatives
    tied = _single_valued(rows)
    # Halves of ties are kept integers by counting every pair twice.
    certain = 2 * (positives @ below) + inside[tied].sum()
    pairs = 2 * rows.positives.n * rows.negatives.n
    return Interval(certain / pairs, (certain + 2 * inside[~tied].sum()) / pairs)


def standard_error(rows: LabeledScores) -> float:
    """The standard deviation of the area over samples like this one (DeLong).

    Raises:
        EmptySampleError: there are fewer than two positives or two negatives.
    """
    p, n = rows.positives.n, rows.negatives.n
    require_rows(second_positive=p - 1, second_negative=n - 1)
    positives, negatives = (counts.astype(np.float64) for counts in _counts(rows))
    share_below = (np.cumsum(negatives) - negatives / 2) / n
    share_above = 1 - (np.cumsum(positives) - positives / 2) / p
    return math.sqrt(_variance(share_below, positives) / p + _variance(share_above, negatives) / n)


def confidence_interval(rows: LabeledScores, confidence: float = 0.95) -> Interval:
    """The interval that holds the process's area, widened by what the buckets hide."""
    reach = float(special.ndtri(0.5 + confidence / 2)) * standard_error(rows)
    return roc_auc(rows).widened(reach).clipped(0.0, 1.0)


def _counts(rows: LabeledScores) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Python's integers: the product of two counts may pass 2^63."""
    return np.array(rows.positives.counts, object), np.array(rows.negatives.counts, object)


def _single_valued(rows: LabeledScores) -> NDArray[np.bool_]:
    """The buckets that can hold one value only."""
    everything = rows.all()
    single: NDArray[np.bool_] = everything.lowest() >= everything.highest()
    return single


def _variance(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The unbiased variance of values that occur `weights` times."""
    mean = np.average(values, weights=weights)
    return float(weights @ (values - mean) ** 2 / (weights.sum() - 1))
