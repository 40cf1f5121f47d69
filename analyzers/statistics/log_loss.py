"""Log-loss: how surprised is the model by the labels, in nats a row?

    - (sum over positives of ln s + sum over negatives of ln(1 - s)) / N

Both terms are convex and monotone in the score s, so a bucket's rows contribute an amount that
convex_sum.py bounds: between Jensen's and the chord's value where the sum of the scores is known,
else between the bucket's ends. Scores are first moved into [eps, 1 - eps], eps = 2^-52, as
scikit-learn does, lest one certain error cost infinitely much; buckets that reach beyond
are bounded by their ends.

Paper: Good, I. J. (1952). Rational decisions. J. R. Statist. Soc. B 14, 107-114.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
>>> loss = log_loss(LabeledScores.from_rows([0.1, 0.7, 0.9], [False, True, True], edges))
>>> round(loss.low, 4), round(loss.high, 4)
(0.1891, 0.1891)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.convex_sum import Floats, convex_sum
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.labeled_scores import probability_bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

CLIP = float(np.finfo(np.float64).eps)
# Relative: sums of positive terms, a few thousand at most, of rounded logarithms.
ROUNDING = 1e-12


def log_loss(rows: LabeledScores) -> Interval:
    """The interval that holds the raw rows' mean loss.

    Raises:
        EmptySampleError: there are no labeled rows.
        ValueError: a score is not within [0, 1].
    """
    require_rows(labeled=rows.n)
    positive = _loss(_of_positives, rows.positives, rows.positive_sums, CLIP)
    negative = _loss(_of_negatives, rows.negatives, rows.negative_sums, 1 - CLIP)
    low, high = positive.low + negative.low, positive.high + negative.high
    return Interval(low * (1 - ROUNDING) / rows.n, high * (1 + ROUNDING) / rows.n)


def _loss(
    f: Callable[[Floats], Floats], scores: Buckets, sums: tuple[float, ...] | None, kink: float
) -> Interval:
    """The sum of one label's losses; convex save in the bucket where clipping bends it down."""
    lows, highs = probability_bounds(scores)
    known = np.full(len(scores.counts), np.nan) if sums is None else np.array(sums)
    known[(lows < kink) & (kink < highs)] = np.nan
    return convex_sum(f, np.array(scores.counts), lows, highs, known)


def _of_positives(scores: Floats) -> Floats:
    return -np.log(np.clip(scores, CLIP, 1 - CLIP))


def _of_negatives(scores: Floats) -> Floats:
    return -np.log1p(-np.clip(scores, CLIP, 1 - CLIP))
