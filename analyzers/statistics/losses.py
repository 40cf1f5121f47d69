"""Brier score and log-loss: what do scores cost, as squared error and as surprise in nats?

    Brier = sum of (s - y)^2 / N        log-loss = -sum of (y ln s + (1 - y) ln(1 - s)) / N

Both are convex and monotone in the score s of one label. For n rows of a bucket [a, b] with sum of
scores S and mean m = S / n, and f convex on [a, b]:

    n f(m) <= sum of f(s) <= n [f(a) (b - m) + f(b) (m - a)] / (b - a)

The lower bound is Jensen's; the upper one holds because f lies below its chord, and the chord is
linear in s (Edmundson and Madansky). They differ by at most n f''(b - a)^2 / 8: the square of the
bucket's width. Without S the sum lies between n times the least and n times the greatest of f(a),
f(b).

The Brier score needs no bucket where the sums are known: (Q - 2 S_1 + P) / N with the sum of all
squared scores Q, that of the positives' scores S_1 and their number P. Log-loss takes scores moved
into [eps, 1 - eps], eps = 2^-52, as scikit-learn does, lest one certain error cost infinitely much;
buckets that reach beyond are bounded by their ends.

`brier` and `log_loss` hold the raw rows' loss for certain. `brier_per_row` and `log_loss_per_row`
give what a row of each bucket costs by its label, for numbers of rows that are estimated.

Papers: Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly
Weather Review 78, 1-3. Good, I. J. (1952). Rational decisions. J. R. Statist. Soc. B 14, 107-114.
Jensen, J. (1906). Sur les fonctions convexes. Acta Math. 30, 175-193. Madansky, A. (1959). Bounds
on the expectation of a convex function of a multivariate random variable. Ann. Math. Statist. 30,
743-746.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
>>> rows = LabeledScores.from_rows([0.1, 0.7, 0.9], [False, True, True], edges)
>>> round(brier(rows).low, 6), round(log_loss(rows).low, 4), round(log_loss(rows).high, 4)
(0.036667, 0.1891, 0.1891)
>>> convex_sum(np.square, np.array([2]), np.array([0.0]), np.array([1.0]))
Interval(low=0.0, high=2.0)
>>> brier_per_row(rows.all(), rows).negative.round(4).tolist()[1:3]
[0.01, 0.09]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.empty_sample import EmptySampleError, require_rows
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.labeled_scores import probability_bounds
from mlmon.analyzers.statistics.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Buckets, Floats
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores


CLIP = float(np.finfo(np.float64).eps)
# Relative, of a sum of some thousand rows, however it was added up.
ROUNDING = 1e-12
# A bucket's sum is right to half a unit in its last place, its division by the rows to another.
MEAN_ROUNDING = 2 * CLIP


def brier(rows: LabeledScores) -> Interval:
    """The interval that holds the raw rows' score.

    Raises:
        EmptySampleError: there are no labeled rows.
        ValueError: a score is not within [0, 1].
    """
    require_rows(labeled=rows.n)
    parts = (
        _squares(np.square, rows.negatives, rows.negative_sums, lambda m: m.sum_of_squares),
        _squares(
            lambda score: np.square(1 - score),
            rows.positives,
            rows.positive_sums,
            lambda m: m.sum_of_squares - 2 * m.total + m.rows,
        ),
    )
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    return Interval(low / rows.n, high / rows.n).widened(ROUNDING).clipped(0.0, 1.0)


def _squares(
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


def convex_sum(
    f: Callable[[Floats], Floats],
    counts: NDArray[np.int64],
    lows: Floats,
    highs: Floats,
    sums: Floats | None = None,
) -> Interval:
    """The interval that holds the sum of f over all rows, up to rounding.

    Args:
        f: convex and monotone on each bucket, vectorised.
        counts: rows per bucket.
        lows: the least value of each bucket.
        highs: the greatest value of each bucket.
        sums: the sum of the rows' values per bucket; NaN, or None for all, where it is not known
            or f is not convex.
    """
    filled = counts > 0
    counts, lows, highs = counts[filled], lows[filled], highs[filled]
    least, most = np.minimum(f(lows), f(highs)), np.maximum(f(lows), f(highs))
    if sums is not None:
        jensen, chord = _by_means(f, sums[filled] / counts, lows, highs)
        least, most = np.fmax(least, jensen), np.fmin(most, chord)
    return Interval(float(counts @ least), float(counts @ np.maximum(least, most)))


def _by_means(
    f: Callable[[Floats], Floats], means: Floats, lows: Floats, highs: Floats
) -> tuple[Floats, Floats]:
    """Jensen's and the chord's value, at whichever end of the mean's rounding is farther out."""
    widths = np.where(highs > lows, highs - lows, 1.0)
    ends = [np.clip(means * factor, lows, highs) for factor in (1 - ROUNDING, 1 + ROUNDING)]
    chords = [f(lows) + (f(highs) - f(lows)) * (end - lows) / widths for end in ends]
    return np.minimum(f(ends[0]), f(ends[1])), np.maximum(chords[0], chords[1])


@dataclass(frozen=True, slots=True, eq=False)
class LossPerRow:
    """The mean row's loss per bucket, and the chord's, shape (buckets,) each."""

    positive: Floats
    negative: Floats
    positive_chord: Floats
    negative_chord: Floats

    def mean(self, positives: Floats, negatives: Floats) -> Floats:
        """The mean loss of so many rows per bucket; draws have a row each. NaN without rows."""
        rows = (positives + negatives).sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                np.divide(positives @ self.positive + negatives @ self.negative, rows)
            )

    def hidden(self, positives: Floats, negatives: Floats) -> float:
        """Most by which the mean loss of all these rows exceeds the loss of the mean rows."""
        rows = positives.sum() + negatives.sum()
        gaps = positives @ (self.positive_chord - self.positive)
        gaps += negatives @ (self.negative_chord - self.negative)
        return float(gaps / rows) if rows else 0.0


def brier_per_row(scores: Buckets, means: LabeledScores) -> LossPerRow | None:
    """The squared difference of score and label; None for scores that are no probabilities."""
    return _per_row(lambda s: (1 - s) ** 2, np.square, scores, means)


def log_loss_per_row(scores: Buckets, means: LabeledScores) -> LossPerRow | None:
    """The surprise in nats, scores moved into [eps, 1 - eps] as by scikit-learn; None likewise."""
    return _per_row(_of_positives, _of_negatives, scores, means)


def _per_row(
    positive: Callable[[Floats], Floats],
    negative: Callable[[Floats], Floats],
    scores: Buckets,
    means: LabeledScores,
) -> LossPerRow | None:
    try:
        lows, highs = probability_bounds(scores)
    except ValueError:
        return None
    highs = np.maximum(lows, highs)
    centres = [
        np.clip(_means(of.counts, sums, (lows + highs) / 2), lows, highs)
        for of, sums in (
            (means.positives, means.positive_sums),
            (means.negatives, means.negative_sums),
        )
    ]
    losses = list(zip((positive, negative), centres, strict=True))
    return LossPerRow(
        *(f(centre) for f, centre in losses),
        *(_chord(f, centre, lows, highs) for f, centre in losses),
    )


def _means(counts: tuple[int, ...], sums: tuple[float, ...] | None, otherwise: Floats) -> Floats:
    if sums is None:
        return otherwise
    rows = np.array(counts)
    return np.where(rows > 0, np.array(sums) / np.maximum(rows, 1), otherwise)


def _chord(f: Callable[[Floats], Floats], at: Floats, lows: Floats, highs: Floats) -> Floats:
    """Return the chord's height at a mean, the greatest that the rounding of the mean allows.

    Close to a score of 1 the surprise is so steep that the last bit of a mean is seen.
    """
    widths = np.where(highs > lows, highs - lows, 1.0)
    ends = (np.clip(at + error, lows, highs) for error in (-MEAN_ROUNDING * at, MEAN_ROUNDING * at))
    lines = [f(lows) + (f(highs) - f(lows)) * (end - lows) / widths for end in ends]
    highest: Floats = np.max([*lines, f(at)], axis=0)
    return highest
