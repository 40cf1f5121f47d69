"""Brier score: the mean squared difference of score and label.

    sum of (s - y)^2 / N = (Q - 2 S_1 + P) / N

with the sum of all squared scores Q, the sum of the positives' scores S_1 and their number P: no
bucket is needed, so the sums of extended_stats give it but for rounding. Where sums are unknown,
(s - y)^2 is convex and monotone in a score of [0, 1] and convex_sum.py bounds it by buckets.

Paper: Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly
Weather Review 78, 1-3.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> score = brier(LabeledScores.from_rows([0.1, 0.7, 0.9], [False, True, True], (0.0, 0.5, 1.0)))
>>> round(score.low, 9), round(score.high, 9)
(0.036666667, 0.036666667)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.convex_sum import Floats, convex_sum
from mlmon.analyzers.statistics.empty_sample import EmptySampleError, require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.labeled_scores import probability_bounds
from mlmon.analyzers.statistics.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

# Every term is a sum of scores in [0, 1] over their number.
ROUNDING = 1e-12


def brier(rows: LabeledScores) -> Interval:
    """The interval that holds the raw rows' score.

    Raises:
        EmptySampleError: there are no labeled rows.
        ValueError: a score is not within [0, 1].
    """
    require_rows(labeled=rows.n)
    parts = (
        _sum(np.square, rows.negatives, rows.negative_sums, lambda m: m.sum_of_squares),
        _sum(
            lambda score: np.square(1 - score),
            rows.positives,
            rows.positive_sums,
            lambda m: m.sum_of_squares - 2 * m.total + m.rows,
        ),
    )
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    return Interval(low / rows.n, high / rows.n).widened(ROUNDING).clipped(0.0, 1.0)


def _sum(
    f: Callable[[Floats], Floats],
    scores: Buckets,
    sums: tuple[float, ...] | None,
    exactly: Callable[[Moments], float],
) -> Interval:
    """The sum of one label's squares: exactly from its moments, else within bounds."""
    lows, highs = probability_bounds(scores)
    if scores.n == 0:
        return Interval.exactly(0.0)
    try:
        return Interval.exactly(exactly(Moments.of(scores)))
    except EmptySampleError:
        known = None if sums is None else np.array(sums)
        return convex_sum(f, np.array(scores.counts), lows, highs, known)
