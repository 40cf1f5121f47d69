"""What a row of each score bucket costs, by its label: squared error, and surprise in nats.

Rows of a bucket and label lie around their mean score; both losses are convex in the score, so the
mean row's loss is least, and the chord between the bucket's ends is most (convex_sum.py).

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> rows = LabeledScores.from_rows([0.1, 0.3, 0.8], [False, True, True], (0.0, 0.5, 1.0))
>>> cost = brier_per_row(rows.all(), rows)
>>> cost.negative.round(4).tolist()[1:3], cost.positive.round(4).tolist()[1:3]
([0.01, 0.4225], [0.49, 0.04])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlmon.analyzers.statistics.labeled_scores import probability_bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

Floats = NDArray[np.float64]
CLIP = float(np.finfo(np.float64).eps)
# A sum is right to half a unit in its last place, and its division by the rows to another half.
ROUNDING = 2 * CLIP


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
        """How much more than the mean rows' loss the mean loss of all these rows may be."""
        rows = positives.sum() + negatives.sum()
        gaps = positives @ (self.positive_chord - self.positive)
        gaps += negatives @ (self.negative_chord - self.negative)
        return float(gaps / rows) if rows else 0.0


def brier_per_row(scores: Buckets, means: LabeledScores) -> LossPerRow | None:
    """The squared difference of score and label; None for scores that are no probabilities."""
    return _per_row(lambda s: (1 - s) ** 2, np.square, scores, means)


def log_loss_per_row(scores: Buckets, means: LabeledScores) -> LossPerRow | None:
    """The surprise in nats, scores moved into [eps, 1 - eps] as by scikit-learn; None likewise."""
    return _per_row(
        lambda s: -np.log(np.clip(s, CLIP, 1 - CLIP)),
        lambda s: -np.log1p(-np.clip(s, CLIP, 1 - CLIP)),
        scores,
        means,
    )


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
    ends = (np.clip(at + error, lows, highs) for error in (-ROUNDING * at, ROUNDING * at))
    lines = [f(lows) + (f(highs) - f(lows)) * (end - lows) / widths for end in ends]
    highest: Floats = np.max([*lines, f(at)], axis=0)
    return highest
