"""Performance of all rows, by post-stratification of those whose label is known.

Bids are placed where the model approves and on a share of the rest, so labeled rows have other
scores than all rows have, and measures over them alone are biased (AUC as well: it lacks pairs at
low scores). But among rows of about the same score, labels are known for any of them alike. So the
rows are cut into strata of neighbouring scores, and a stratum's labeled rows stand for all of its
rows (post-stratification): with N_h rows, of which L_h are labeled and p_h of those positive,
N_h p_h / L_h are positive, spread over the stratum's buckets as its labeled positives are.

Unlike calibration_map.py nothing asks that shares rise with the score. Shares that are made to rise
give the area under the ROC curve's convex hull, which is too large by about 0.02 at 300 labels, and
hides just the reversal that is looked for.

A stratum has at least `FEWEST` labeled rows, and none holds rows of both decisions, save of the
threshold's own bucket: whether a label is known depends on the decision. Where no label is known of
one decision, measures that need it are None. The interval is one of the
performance on such traffic: the scores are drawn again (their law's Bayesian bootstrap), the
strata's shares from their posteriors under Jeffreys' prior, which the strata of a decision share
(half a row of each label for every stratum would outnumber positives that are rare), and where in a
stratum its labeled rows lie (Bayesian bootstrap again), with a fixed seed.

Papers: Holt, D. & Smith, T. M. F. (1979). Post stratification. J. R. Statist. Soc. A 142, 33-46.
Rubin, D. B. (1981). The Bayesian bootstrap. Ann. Statist. 9, 130-134. Fawcett, T. &
Niculescu-Mizil, A. (2007). PAV and the ROC convex hull. Machine Learning 68, 97-106.

>>> from mlmon.analyzers.statistics.buckets import Buckets
>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.25, 0.5, 0.75, 1.0)
>>> scores = Buckets.from_values([0.1] * 600 + [0.6] * 400, edges)
>>> known = [0.1] * 60 + [0.6] * 400
>>> labels = [False] * 54 + [True] * 6 + [True] * 300 + [False] * 100
>>> performance = post_stratified_performance(
...     scores, LabeledScores.from_rows(known, labels, edges), threshold=0.5
... )
>>> round(performance.recall.value, 4), round(performance.positive_rate.value, 4)
(0.8333, 0.36)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.buckets import Floats, require_same_edges
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.performance import ClassCounts, Performance, measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

DRAWS = 1_000
SEED = 20_240_117
MIN_STRATUM_LABELS = 50


@lru_cache(maxsize=256)
def post_stratified_performance(
    scores: Buckets, labeled: LabeledScores, threshold: float | None, confidence: float = 0.95
) -> Performance:
    """Measure all rows by the labels that are known.

    Args:
        scores: all rows.
        labeled: those of them whose label is known, over the same edges.
        threshold: from which score on a row is predicted positive, None if that is not known.
        confidence: of the intervals.

    Raises:
        EmptySampleError: there are no rows, or no labeled ones.
        ValueError: scores and labels were counted over different edges.
    """
    require_rows(scores=scores.n, labeled=labeled.n)
    require_same_edges(scores, labeled.positives)
    counts = np.array(scores.counts, dtype=np.float64)
    known = np.array([labeled.positives.counts, labeled.negatives.counts], dtype=np.float64)
    strata, prior = _strata(scores, known.sum(axis=0), threshold)
    positives, negatives = np.add.reduceat(known, strata, axis=1)
    rows = positives + negatives
    unknown = (rows == 0) & (np.add.reduceat(counts, strata) > 0)
    share = np.where(unknown, np.nan, positives / np.maximum(rows, 1.0))
    random = np.random.default_rng(SEED)
    shares = random.beta(positives + prior, negatives + prior, (DRAWS, rows.size))
    shares[:, unknown] = np.nan
    drawn = random.gamma(counts, size=(DRAWS, counts.size))
    # Where in a stratum its positives and its negatives lie is as uncertain as how many they are.
    placed = random.gamma(known[:, np.newaxis, :], size=(2, DRAWS, counts.size))
    within = _Within(counts, strata)
    return measure(
        scores,
        labeled,
        within.split(counts, share, known),
        within.split(drawn, shares, placed),
        threshold,
        confidence,
    )


def _strata(
    scores: Buckets, labeled: Floats, threshold: float | None
) -> tuple[NDArray[np.intp], Floats]:
    """The first bucket of each stratum, and what the prior adds to its positives and negatives."""
    cut = 0 if threshold is None else int(np.argmax(scores.highest() >= threshold))
    sides = [_begins(side, labeled) for side in (range(cut), range(cut, labeled.size))]
    strata = np.array([first for begins in sides for first in begins], dtype=np.intp)
    # Half a row for each stratum would be dozens of rows where a day has dozens of strata.
    prior = np.concatenate([np.full(len(begins), 0.5 / max(1, len(begins))) for begins in sides])
    return strata, prior


def _begins(side: range, labeled: Floats) -> list[int]:
    """Cut one side after every `FEWEST` labeled rows; what is left over joins the last stratum."""
    begins, rows = [side.start], 0.0
    for bucket in side:
        rows += labeled[bucket]
        if rows >= MIN_STRATUM_LABELS:
            begins.append(bucket + 1)
            rows = 0.0
    if len(begins) > 1:
        begins.pop()
    return begins if side else []


@dataclass(frozen=True, slots=True, eq=False)
class _Within:
    """Spread of a stratum's positives and negatives over its buckets: as that of the labeled."""

    counts: Floats
    strata: NDArray[np.intp]

    def split(self, counts: Floats, shares: Floats, known: Floats) -> ClassCounts:
        """Positives and negatives per bucket.

        Args:
            counts: Rows per bucket.
            shares: Positives' share per stratum.
            known: Labeled positives and negatives per bucket.
        """
        totals = np.add.reduceat(counts, self.strata, axis=-1)
        positives, negatives = (self._spread(of_label) for of_label in known)
        return (
            self._of_buckets(totals * shares) * positives,
            self._of_buckets(totals * (1 - shares)) * negatives,
        )

    def _spread(self, known: Floats) -> Floats:
        of_stratum = self._of_buckets(np.add.reduceat(known, self.strata, axis=-1))
        # Where a stratum has none of a label, those that a draw gives it lie as all rows do.
        known = np.where(of_stratum > 0, known, self.counts)
        of_stratum = self._of_buckets(np.add.reduceat(known, self.strata, axis=-1))
        return np.divide(known, of_stratum, out=np.zeros_like(known), where=of_stratum > 0)

    def _of_buckets(self, of_strata: Floats) -> Floats:
        lengths = np.diff([*self.strata, self.counts.size])
        return np.repeat(of_strata, lengths, axis=-1)
