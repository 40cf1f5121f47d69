"""Reliability by tenths of the score: of the predictions scored about 0.7, do 70 % succeed?

Bins are unions of score buckets, so a bin begins at the bucket edge that is nearest to its tenth
and is named by the tenth: `0.7-0.8`. Where no edge is near, two tenths make one bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.calibration import Bin, reliability
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.wilson import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

NEAR = 0.03
"""A bin's edge is at most so far from its tenth."""


@dataclass(frozen=True, slots=True)
class Tenth:
    """The labeled predictions of one bin.

    Args:
        name: Such as `0.7-0.8`.
        rows: Labeled predictions.
        predicted: Their mean score.
        observed: The share that succeeded.
        gap: Observed less predicted; its interval covers missing labels.
        share: The bin's share of all predictions, labeled or not.
    """

    name: str
    rows: int
    predicted: float
    observed: float
    gap: Estimate
    share: float


def tenths(
    scores: Buckets, labeled: LabeledScores, missing: Sequence[int], confidence: float
) -> tuple[Tenth, ...]:
    """Return the bins with labels, ascending.

    Args:
        scores: All predictions.
        labeled: Those of them whose label is known.
        missing: Labels still to come, per score bucket.
        confidence: Of the gaps' intervals.

    Raises:
        EmptySampleError: No label is known.
        ValueError: Scores are not probabilities, or there is no edge near any tenth.
    """
    edges = _edges(scores.edges)
    bins = reliability(labeled, tuple(edges))
    everything = scores.coarsened(tuple(edges))
    first = [0, *(np.searchsorted(scores.edges, list(edges)) + 1)]
    awaited = np.add.reduceat(np.array(missing), first).tolist()
    held = [k for k, n in enumerate(labeled.all().coarsened(tuple(edges)).counts) if n]
    names = [0.0, *edges.values(), 1.0]
    return tuple(
        _tenth(
            f"{names[k]:.1f}-{names[k + 1]:.1f}",
            bin_,
            awaited[k],
            everything.counts[k] / everything.n,
            confidence,
        )
        for k, bin_ in zip(held, bins, strict=True)
    )


def calibration_error(bins: Sequence[Tenth]) -> Estimate:
    """Return the mean distance of observed and predicted share over all predictions.

    The lower end takes every bin's gap at the conservative end of its interval: 0 for calibrated
    scores, up to sampling error. The upper end takes the other ends.
    """
    total = sum(bin_.share for bin_ in bins)
    value = sum(bin_.share * abs(bin_.gap.value) for bin_ in bins) / total
    low = sum(bin_.share * _nearest_zero(bin_.gap.interval) for bin_ in bins) / total
    high = sum(bin_.share * _farthest_from_zero(bin_.gap.interval) for bin_ in bins) / total
    return Estimate(value, Interval(min(low, value), max(high, value)))


def _nearest_zero(gap: Interval) -> float:
    return 0.0 if gap.low <= 0.0 <= gap.high else min(abs(gap.low), abs(gap.high))


def _farthest_from_zero(gap: Interval) -> float:
    return max(abs(gap.low), abs(gap.high))


def _edges(edges: Sequence[float]) -> dict[float, float]:
    """Return the edge nearest to each tenth, where one is near, and the tenth."""
    known, chosen = np.asarray(edges), {}
    for tenth in (k / 10 for k in range(1, 10)):
        nearest = float(known[np.abs(known - tenth).argmin()])
        if abs(nearest - tenth) <= NEAR:
            chosen[nearest] = tenth
    return chosen


def _tenth(name: str, bin_: Bin, missing: int, share: float, confidence: float) -> Tenth:
    positives, rows = round(bin_.observed * bin_.rows), bin_.rows + missing
    low = wilson_interval(positives, rows, confidence).low
    high = wilson_interval(positives + missing, rows, confidence).high
    predicted = bin_.predicted.middle
    return Tenth(
        name,
        bin_.rows,
        predicted,
        bin_.observed,
        Estimate(bin_.observed - predicted, Interval(low - predicted, high - predicted)),
        share,
    )
