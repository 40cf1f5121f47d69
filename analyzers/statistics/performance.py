"""Performance of rows known by score bucket: so many positives, so many negatives in each.

The numbers per bucket may be expected ones (not whole) and come with draws of what they might be
as well. A measure's value is that of the expected numbers; its interval holds the quantiles of the
draws' measures, widened by what buckets hide: the order inside of them, and on which side of the
threshold the rows of its own bucket fall, which is counted on either side (the value is the mean).

    precision = tp / (tp + fp)   recall = tp / P   F1 = 2 tp / (tp + fp + P)   AUC: see roc_auc.py
    Brier = sum of (s - y)^2 / n   log-loss = -sum of (y ln s + (1 - y) ln(1 - s)) / n

The losses take the rows of a bucket and label at their mean score, which is least (Jensen); the
chord's value is most (convex_sum.py), and the interval reaches up to it.

>>> from analyzers.statistics.labelled_scores import LabelledScores
>>> rows = LabelledScores.from_rows([0.2, 0.6, 0.7, 0.9], [0, 0, 1, 1], (0.0, 0.5, 0.65, 0.8, 1.0))
>>> counted = np.array(rows.positives.counts, float), np.array(rows.negatives.counts, float)
>>> known = measure(rows.all(), rows, counted, counted, threshold=0.5)
>>> round(known.precision.value, 4), known.recall.value, known.roc_auc.value
(0.6667, 1.0, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analyzers.statistics.interval import Interval
from analyzers.statistics.loss_per_row import LossPerRow, brier_per_row, log_loss_per_row

if TYPE_CHECKING:
    from analyzers.statistics.buckets import Buckets
    from analyzers.statistics.labelled_scores import LabelledScores

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = tuple[Floats, Floats]
"""Positives and negatives per bucket; draws have a row each."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a measure is, and the interval it lies in at the confidence asked for."""

    value: float
    interval: Interval


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


@dataclass(frozen=True, slots=True)
class _Split:
    """Rows per bucket by label, and the buckets predicted positive."""

    positives: Floats
    negatives: Floats
    predicted: NDArray[np.bool_]

    def true_positives(self) -> Floats:
        return np.asarray(np.where(self.predicted, self.positives, 0.0).sum(axis=-1))

    def false_positives(self) -> Floats:
        return np.asarray(np.where(self.predicted, self.negatives, 0.0).sum(axis=-1))


Measure: TypeAlias = Callable[[_Split], Floats]


def measure(
    scores: Buckets,
    means: LabelledScores,
    expected: Counts,
    drawn: Counts,
    threshold: float | None,
    confidence: float = 0.95,
) -> Performance:
    """Measure rows by their numbers of positives and negatives per bucket.

    Args:
        scores: the rows' scores; their least and greatest bound the outer buckets.
        means: labelled rows whose sums tell a bucket's mean score.
        expected: the numbers, shape (buckets,) each.
        drawn: what they might be, shape (draws, buckets) each.
        threshold: from which score on a row is predicted positive, None if that is not known.
        confidence: of the intervals.
    """
    sides = [np.full(len(scores.counts), fill_value=True)]
    if threshold is not None:
        # The threshold's own bucket may fall on either side.
        sides = [bound >= threshold for bound in (scores.lowest(), scores.highest())]
    splits = [_Split(*expected, side) for side in sides]
    draws = [_Split(*drawn, side) for side in sides]

    def of(measure: Measure, **bounds: float) -> Estimate | None:
        values, samples = [measure(each) for each in splits], [measure(each) for each in draws]
        return _estimate(values, samples, confidence, **bounds)

    def decided(measure: Measure) -> Estimate | None:
        return None if threshold is None else of(measure)

    def loss(per_row: LossPerRow | None) -> Estimate | None:
        if per_row is None:
            return None
        return of(_loss(per_row), above=per_row.hidden(*expected), most=math.inf)

    order = _hidden_order(splits[0])
    return Performance(
        positive_rate=of(_positive_rate),
        precision=decided(_precision),
        recall=decided(_recall),
        f1=decided(_f1),
        accuracy=decided(_accuracy),
        roc_auc=of(_roc_auc, below=order, above=order),
        brier=loss(brier_per_row(scores, means)),
        log_loss=loss(log_loss_per_row(scores, means)),
    )


def _estimate(
    values: list[Floats],
    samples: list[Floats],
    confidence: float,
    *,
    below: float = 0.0,
    above: float = 0.0,
    most: float = 1.0,
) -> Estimate | None:
    """The mean of the threshold bucket's two sides, and an interval that holds both."""
    value = np.mean([value for value in values if np.isfinite(value)] or np.nan)
    known = [drawn for sample in samples if (drawn := sample[np.isfinite(sample)]).size]
    if np.isnan(value) or not known:
        return None
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    ends = np.array([np.quantile(drawn, tails) for drawn in known])
    low, high = max(0.0, ends[:, 0].min() - below), min(most, ends[:, 1].max() + above)
    return Estimate(float(value), Interval(min(low, value), max(high, value)))


def _hidden_order(split: _Split) -> float:
    """The area that the order inside of buckets may add or take: half of their pairs."""
    pairs = split.positives.sum() * split.negatives.sum()
    return float((split.positives * split.negatives).sum() / (2 * pairs)) if pairs else 0.0


def _positive_rate(split: _Split) -> Floats:
    return _ratio(split.positives.sum(axis=-1), (split.positives + split.negatives).sum(axis=-1))


def _precision(split: _Split) -> Floats:
    true = split.true_positives()
    return _ratio(true, true + split.false_positives())


def _recall(split: _Split) -> Floats:
    return _ratio(split.true_positives(), split.positives.sum(axis=-1))


def _f1(split: _Split) -> Floats:
    true = split.true_positives()
    return _ratio(2 * true, true + split.false_positives() + split.positives.sum(axis=-1))


def _accuracy(split: _Split) -> Floats:
    right = split.true_positives() + split.negatives.sum(axis=-1) - split.false_positives()
    return _ratio(right, (split.positives + split.negatives).sum(axis=-1))


def _roc_auc(split: _Split) -> Floats:
    below = np.cumsum(split.negatives, axis=-1) - split.negatives / 2
    pairs = split.positives.sum(axis=-1) * split.negatives.sum(axis=-1)
    return _ratio((split.positives * below).sum(axis=-1), pairs)


def _loss(per_row: LossPerRow) -> Measure:
    def mean(split: _Split) -> Floats:
        total = split.positives @ per_row.positive + split.negatives @ per_row.negative
        return _ratio(total, (split.positives + split.negatives).sum(axis=-1))

    return mean


def _ratio(part: Floats, whole: Floats) -> Floats:
    """The quotient; NaN where there is no whole."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.divide(part, whole))
