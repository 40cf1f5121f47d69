"""Performance of rows known by score bucket: so many positives, so many negatives in each.

The numbers per bucket may be expected ones (not whole) and come with draws of what they might be
as well. A measure's value is that of the expected numbers; its interval holds the quantiles of the
draws' measures, widened by what buckets hide: the order inside of them, and on which side of the
threshold its own bucket's positives and negatives fall, each by itself (confusion.py). The value is
the mean of all of these rows above and all below.

    precision = tp / (tp + fp)   recall = tp / P   F1 = 2 tp / (tp + fp + P)   AUC: see roc_auc.py
    Brier = sum of (s - y)^2 / n   log-loss = -sum of (y ln s + (1 - y) ln(1 - s)) / n

The losses take the rows of a bucket and label at their mean score, which is least (Jensen); the
chord's value is most (losses.py), and the interval reaches up to it.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> rows = LabeledScores.from_rows([0.2, 0.6, 0.7, 0.9], [0, 0, 1, 1], (0.0, 0.5, 0.65, 0.8, 1.0))
>>> counted = np.array(rows.positives.counts, float), np.array(rows.negatives.counts, float)
>>> known = measure(rows.all(), rows, counted, counted, threshold=0.5)
>>> round(known.precision.value, 4), known.recall.value, known.roc_auc.value
(0.6667, 1.0, 1.0)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mlmon.analyzers.statistics.buckets import Floats
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.losses import LossPerRow, brier_per_row, log_loss_per_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

ClassCounts: TypeAlias = tuple[Floats, Floats]
"""Positives and negatives per bucket; draws have a row each."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Measures of the decisions score >= threshold, of the order of the scores, and of the scores.

    None where a measure has no value: precision without a row predicted positive, recall without a
    positive, decisions without a threshold, losses of scores that are no probabilities.
    """

    positive_rate: Estimate | None
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    accuracy: Estimate | None
    roc_auc: Estimate | None
    brier: Estimate | None
    log_loss: Estimate | None


@dataclass(frozen=True, slots=True, eq=False)
class _Decided:
    """Positives and negatives, and those of them predicted positive, at one corner of the doubt."""

    positives: Floats
    negatives: Floats
    true_positives: Floats
    false_positives: Floats


RateFunction: TypeAlias = Callable[[_Decided], Floats]


def measure(
    scores: Buckets,
    means: LabeledScores,
    expected: ClassCounts,
    drawn: ClassCounts,
    threshold: float | None,
    confidence: float = 0.95,
) -> Performance:
    """Measure rows by their numbers of positives and negatives per bucket.

    Args:
        scores: the rows' scores; their least and greatest bound the outer buckets.
        means: labeled rows whose sums give a bucket's mean score.
        expected: the numbers, shape (buckets,) each.
        drawn: what they might be, shape (draws, buckets) each.
        threshold: from which score on a row is predicted positive, None if that is not known.
        confidence: of the intervals.
    """
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    sides = _sides(scores, threshold)
    corners, drawn_corners = _corners(expected, sides), _corners(drawn, sides)

    def decided(of: RateFunction) -> Estimate | None:
        if threshold is None:
            return None
        # All rows of the threshold's bucket on one side, then on the other.
        values = [of(corners[0]), of(corners[-1])]
        return _estimate(values, [of(corner) for corner in drawn_corners], tails)

    def loss(per_row: LossPerRow | None) -> Estimate | None:
        if per_row is None:
            return None
        values, draws = per_row.mean(*expected), per_row.mean(*drawn)
        return _estimate([values], [draws], tails, above=per_row.hidden(*expected), most=math.inf)

    order = _hidden_order(*expected)
    return Performance(
        positive_rate=_estimate([_positive_rate(*expected)], [_positive_rate(*drawn)], tails),
        precision=decided(_precision),
        recall=decided(_recall),
        f1=decided(_f1),
        accuracy=decided(_accuracy),
        roc_auc=_estimate(
            [_roc_auc(*expected)], [_roc_auc(*drawn)], tails, below=order, above=order
        ),
        brier=loss(brier_per_row(scores, means)),
        log_loss=loss(log_loss_per_row(scores, means)),
    )


def _sides(scores: Buckets, threshold: float | None) -> list[NDArray[np.bool_]]:
    """The buckets predicted positive: those that surely are, and those that may be."""
    if threshold is None:
        return []
    return [bound >= threshold for bound in (scores.lowest(), scores.highest())]


def _corners(counts: ClassCounts, sides: list[NDArray[np.bool_]]) -> list[_Decided]:
    """The decisions where the threshold's positives and its negatives fall on either side."""
    positives, negatives = counts
    sums = [
        [np.asarray(np.where(side, of, 0.0).sum(axis=-1)) for side in sides]
        for of in (positives, negatives)
    ]
    wholes = np.asarray(positives.sum(axis=-1)), np.asarray(negatives.sum(axis=-1))
    return [_Decided(*wholes, tp, fp) for tp, fp in itertools.product(*sums)]


def _estimate(
    values: list[Floats],
    samples: list[Floats],
    tails: tuple[float, float],
    *,
    below: float = 0.0,
    above: float = 0.0,
    most: float = 1.0,
) -> Estimate | None:
    """The mean of the values, and an interval that holds the quantiles of all samples."""
    value = np.mean([value for value in values if np.isfinite(value)] or np.nan)
    known = [drawn for sample in samples if (drawn := sample[np.isfinite(sample)]).size]
    if np.isnan(value) or not known:
        return None
    ends = np.array([np.quantile(drawn, tails) for drawn in known])
    low, high = max(0.0, ends[:, 0].min() - below), min(most, ends[:, 1].max() + above)
    return Estimate(float(value), Interval(min(low, value), max(high, value)))


def _hidden_order(positives: Floats, negatives: Floats) -> float:
    """The area that the order inside of buckets may add or take: half of their pairs."""
    pairs = positives.sum() * negatives.sum()
    return float((positives * negatives).sum() / (2 * pairs)) if pairs else 0.0


def _positive_rate(positives: Floats, negatives: Floats) -> Floats:
    return _ratio(positives.sum(axis=-1), (positives + negatives).sum(axis=-1))


def _roc_auc(positives: Floats, negatives: Floats) -> Floats:
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    return _ratio((positives * below).sum(axis=-1), pairs)


def _precision(rows: _Decided) -> Floats:
    return _ratio(rows.true_positives, rows.true_positives + rows.false_positives)


def _recall(rows: _Decided) -> Floats:
    return _ratio(rows.true_positives, rows.positives)


def _f1(rows: _Decided) -> Floats:
    decided = rows.true_positives + rows.false_positives
    return _ratio(2 * rows.true_positives, decided + rows.positives)


def _accuracy(rows: _Decided) -> Floats:
    right = rows.true_positives + rows.negatives - rows.false_positives
    return _ratio(right, rows.positives + rows.negatives)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """The quotient; NaN where there is no whole."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.divide(part, whole))
