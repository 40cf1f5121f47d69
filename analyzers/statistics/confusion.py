"""Precision, recall, F1: how good are the decisions score >= threshold?

The rows in buckets above the threshold are predicted positive, those below negative. If the
threshold is an edge that is exact. If it lies inside a bucket, that bucket's p positives and n
negatives may fall on either side, each by itself, so tp lies in [tp, tp + p] and fp in [fp, fp +
n].

    precision = tp / (tp + fp)    recall = tp / P    F1 = 2 tp / (tp + fp + P)

All rise with tp; precision and F1 fall with fp (recall does not depend on it). So the least value
is at the least tp and the greatest fp, the greatest at the opposite corner; both are attained.

Paper: van Rijsbergen, C. J. (1979). Information Retrieval, 2nd ed., chapter 7.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> rows = LabeledScores.from_rows(
...     [0.1, 0.6, 0.7, 0.9], [False, False, True, True], edges=(0.0, 0.5, 0.8, 1.0)
... )
>>> at_edge, inside = Confusion.at(rows, 0.5), Confusion.at(rows, 0.65)
>>> at_edge.recall(), inside.precision()
(Interval(low=1.0, high=1.0), Interval(low=0.5, high=1.0))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions against labels: rows that surely, and that may be, predicted positive."""

    positives: int
    negatives: int
    least_true_positives: int
    most_true_positives: int
    least_false_positives: int
    most_false_positives: int

    @classmethod
    def at(cls, rows: LabeledScores, threshold: float) -> Confusion:
        """The decisions `score >= threshold`."""
        everything = rows.all()
        surely = everything.lowest() >= threshold
        possible = everything.highest() >= threshold
        positives, negatives = np.array(rows.positives.counts), np.array(rows.negatives.counts)
        return cls(
            rows.positives.n,
            rows.negatives.n,
            int(positives[surely].sum()),
            int(positives[possible].sum()),
            int(negatives[surely].sum()),
            int(negatives[possible].sum()),
        )

    def precision(self) -> Interval:
        """The share of true positives among the rows predicted positive.

        Raises:
            EmptySampleError: no row is predicted positive.
        """
        require_rows(predicted_positive=self.most_true_positives + self.most_false_positives)
        # Where one corner predicts nothing, the nearest one that predicts is all true or all false.
        return Interval(
            _share(self.least_true_positives, self.most_false_positives, nothing=1.0),
            _share(self.most_true_positives, self.least_false_positives, nothing=0.0),
        )

    def recall(self) -> Interval:
        """The share of the positives that are predicted positive.

        Raises:
            EmptySampleError: no row is positive.
        """
        require_rows(positive=self.positives)
        return Interval(
            self.least_true_positives / self.positives, self.most_true_positives / self.positives
        )

    def false_positive_rate(self) -> Interval:
        """The share of the negatives that are predicted positive.

        Raises:
            EmptySampleError: no row is negative.
        """
        require_rows(negative=self.negatives)
        return Interval(
            self.least_false_positives / self.negatives, self.most_false_positives / self.negatives
        )

    def f1(self) -> Interval:
        """The harmonic mean of precision and recall.

        Raises:
            EmptySampleError: no row is positive.
        """
        require_rows(positive=self.positives)
        return Interval(
            _f1(self.least_true_positives, self.most_false_positives, self.positives),
            _f1(self.most_true_positives, self.least_false_positives, self.positives),
        )

    def accuracy(self) -> Interval:
        """The share of rows predicted as labeled.

        Raises:
            EmptySampleError: there are no rows.
        """
        rows = self.positives + self.negatives
        require_rows(labeled=rows)
        least = self.least_true_positives + self.negatives - self.most_false_positives
        most = self.most_true_positives + self.negatives - self.least_false_positives
        return Interval(least / rows, most / rows)


def _share(part: int, other: int, nothing: float) -> float:
    return part / (part + other) if part + other else nothing


def _f1(true_positives: int, false_positives: int, positives: int) -> float:
    return 2 * true_positives / (true_positives + false_positives + positives)
