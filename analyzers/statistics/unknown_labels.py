"""Performance while labels are still missing: the least and the most it can turn out to be.

m_k rows of bucket k await their label. With any labels, a measure lies between its values
for the worst and for the best of them, so it is measured again with the missing labels filled in
(post_stratified.py), and the interval holds all of these intervals. The fillings are of one form:
from some bucket on all missing labels are positive and below all negative, or the other way round.
Among them are the extreme ones of

- precision, recall, F1, accuracy: cut at the threshold, as each label counts for one decision;
- the share of positives: cut at either end;
- Brier score and log-loss: cut where a positive begins to cost less than a negative, at 1/2;
- AUC: for a given number of positives, pairs in order are linear in where they lie, so the extremes
  fill from the top or from the bottom; of all cuts at an edge, the best and the worst are taken.

Paper: Manski, C. F. (2003). Partial Identification of Probability Distributions, chapter 1.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.5, 1.0)
>>> known = [0.2] * 100 + [0.8] * 100
>>> labeled = LabeledScores.from_rows(known, [False] * 100 + [True] * 90 + [False] * 10, edges)
>>> all_rows = LabeledScores.from_rows([0.2] * 100 + [0.8] * 200, [True] * 300, edges).all()
>>> bounded = bounded_performance(all_rows, labeled, (0, 0, 100, 0), threshold=0.5)
>>> bounded.precision.value, bounded.precision.interval.contains(0.45)
(0.9, True)
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.performance import Performance
from mlmon.analyzers.statistics.post_stratified import post_stratified_performance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

EVEN_ODDS = 0.5


@lru_cache(maxsize=256)
def bounded_performance(
    scores: Buckets,
    labeled: LabeledScores,
    missing: tuple[int, ...],
    threshold: float | None,
    confidence: float = 0.95,
) -> Performance:
    """Measure all rows by the labels that are known, for any values of the missing ones.

    Args:
        scores: all rows.
        labeled: those of them whose label is known, over the same edges.
        missing: rows per bucket whose label is still to come.
        threshold: from which score on a row is predicted positive, None if that is not known.
        confidence: of the intervals.

    Raises:
        EmptySampleError: there are no rows, or no labeled ones.
        ValueError: scores and labels were counted over different edges.
    """
    known = post_stratified_performance(scores, labeled, threshold, confidence)
    filled = [
        post_stratified_performance(scores, filling, threshold, confidence)
        for filling in _fillings(scores, labeled, np.array(missing), threshold)
    ]
    return Performance(
        **{
            field.name: _hull(
                [getattr(performance, field.name) for performance in (known, *filled)]
            )
            for field in fields(Performance)
        }
    )


def _hull(estimates: list[Estimate | None]) -> Estimate | None:
    """The first one's value and the interval that holds all; None where one has no value."""
    sure = [estimate for estimate in estimates if estimate is not None]
    if len(sure) < len(estimates):
        return None
    low = min(estimate.interval.low for estimate in sure)
    return Estimate(sure[0].value, Interval(low, max(estimate.interval.high for estimate in sure)))


def _fillings(
    scores: Buckets,
    labeled: LabeledScores,
    missing: NDArray[np.int64],
    threshold: float | None,
) -> Iterator[LabeledScores]:
    buckets = np.arange(missing.size)
    limits = [EVEN_ODDS, *([] if threshold is None else [threshold])]
    cuts = {0, missing.size, *(int((scores.highest() < limit).sum()) for limit in limits)}
    ways = {(cut, upwards) for cut in cuts for upwards in (True, False)}
    for cut, upwards in sorted(ways | _extreme_areas(labeled, missing)):
        yield _filled(scores, labeled, missing, (buckets >= cut) == upwards)


def _extreme_areas(labeled: LabeledScores, missing: NDArray[np.int64]) -> set[tuple[int, bool]]:
    """The cuts, and which side is positive, of the greatest and of the least area."""
    ways = [(cut, upwards) for cut in range(missing.size + 1) for upwards in (True, False)]
    buckets = np.arange(missing.size)
    positive = np.array([(buckets >= cut) == upwards for cut, upwards in ways])
    p = np.array(labeled.positives.counts) + missing * positive
    n = np.array(labeled.negatives.counts) + missing * ~positive
    pairs = np.maximum(p.sum(axis=1) * n.sum(axis=1), 1)
    areas = (p * (np.cumsum(n, axis=1) - n / 2)).sum(axis=1) / pairs
    return {ways[int(areas.argmin())], ways[int(areas.argmax())]}


def _filled(
    scores: Buckets,
    labeled: LabeledScores,
    missing: NDArray[np.int64],
    positive: NDArray[np.bool_],
) -> LabeledScores:
    def more(of: Buckets, added: NDArray[np.int64]) -> Buckets:
        counts = (np.array(of.counts) + added).tolist()
        return Buckets(scores.edges, tuple(counts), scores.minimum, scores.maximum)

    return LabeledScores(
        more(labeled.positives, missing * positive), more(labeled.negatives, missing * ~positive)
    )
