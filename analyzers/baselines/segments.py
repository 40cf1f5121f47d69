"""Segments: the parts of the traffic that a categorical feature divides it into.

Which features divide it is chosen when the baseline is made, for a part of the traffic can be
compared with nothing but the same part of the training set. Scores are counted over every fifth
edge of the whole training set's: a segment has fewer rows, and a window many segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.elastic.errors import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from mlmon.analyzers.baselines.columns import Coded

EVERY = 5
MOST_SEGMENTS = 20
"""Number of values of a feature that are segments, the most frequent ones."""

MOST_FEATURES = 10
"""Most features that divide the traffic: every hour is counted by each of their segments."""

FEWEST_ROWS = 50
"""Segments with fewer training rows are not judged."""


@dataclass(frozen=True, slots=True)
class SegmentBaseline:
    """One segment of the training set.

    Args:
        scores: Scores over the coarse edges.
        positives: Of them, those of rows that succeeded, in the same buckets; None without labels.
        negatives: Those of rows that did not; the rest have no label.
    """

    scores: tuple[int, ...]
    positives: tuple[int, ...] | None = None
    negatives: tuple[int, ...] | None = None

    @property
    def rows(self) -> int:
        """Rows with a score."""
        return sum(self.scores)

    def labeled(self, edges: tuple[float, ...]) -> LabeledScores | None:
        """Return the scores by label, None without labels."""
        if self.positives is None or self.negatives is None:
            return None
        return LabeledScores(Buckets(edges, self.positives), Buckets(edges, self.negatives))


Segments = dict[str, dict[str, SegmentBaseline]]
"""Segments by feature and value."""


def segment_name(feature: str, value: str) -> str:
    """Return how a segment is named, in findings and in labels.

    >>> segment_name("country", "DE")
    'country=DE'
    """
    return f"{feature}={value}"


def coarse(edges: tuple[float, ...]) -> tuple[float, ...]:
    """Return every fifth edge, and the last.

    >>> coarse(tuple(float(edge) for edge in range(8)))
    (0.0, 5.0, 7.0)
    """
    return tuple(sorted({*edges[::EVERY], edges[-1]}))


def segments(
    features: Iterable[str],
    categories: Mapping[str, Coded],
    scores: NDArray[np.float64] | None,
    labels: NDArray[np.float64] | None,
    edges: tuple[float, ...],
) -> Segments:
    """Count the segments of a training set.

    Args:
        features: The categorical features that divide it.
        categories: All categorical columns.
        scores: Out-of-fold scores, one per row.
        labels: 1 or 0 per row, NaN where unknown; None where the table has none.
        edges: The scores' edges.

    Raises:
        WrongValueError: A feature is no categorical column, there are too many, or there are no
            scores.
    """
    wanted = list(dict.fromkeys(features))
    if unknown := [name for name in wanted if name not in categories]:
        raise WrongValueError(
            f"{', '.join(unknown)} cannot divide the traffic: no categorical column of the "
            "training set",
            f"Choose among: {', '.join(sorted(categories)) or 'there are none'}.",
        )
    if len(wanted) > MOST_FEATURES:
        raise WrongValueError(
            f"{len(wanted)} features cannot divide the traffic at once: {MOST_FEATURES} at most",
            "Every hour is counted by each value of each of them; choose those that matter most.",
        )
    if wanted and scores is None:
        raise WrongValueError(
            "Segments are compared by their scores, and the training set holds none",
            "Add the column ml.prediction.score, or leave --segment out.",
        )
    if not wanted or scores is None:
        return {}
    cut = coarse(edges)
    return {name: _values(categories[name], scores, labels, cut) for name in wanted}


def _values(
    column: Coded,
    scores: NDArray[np.float64],
    labels: NDArray[np.float64] | None,
    edges: tuple[float, ...],
) -> dict[str, SegmentBaseline]:
    rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
    ordered = sorted(range(len(column.names)), key=lambda code: (-rows[code], column.names[code]))
    found = {}
    for code in ordered[:MOST_SEGMENTS]:
        mine = column.codes == code
        counts = Buckets.from_values(scores[mine], edges).counts
        became = [
            None if labels is None else Buckets.from_values(scores[mine & (labels == of)], edges)
            for of in (1.0, 0.0)
        ]
        if sum(counts) >= FEWEST_ROWS:
            by_label = (of.counts if of else None for of in became)
            found[column.names[code]] = SegmentBaseline(counts, *by_label)
    return found


def encode(of: Mapping[str, Mapping[str, SegmentBaseline]]) -> dict[str, Any]:
    """Return segments as a JSON value."""
    return {
        feature: {
            value: {
                "scores": segment.scores,
                "positives": segment.positives,
                "negatives": segment.negatives,
            }
            for value, segment in values.items()
        }
        for feature, values in of.items()
    }


def decode(body: Mapping[str, Any]) -> Segments:
    """Read what `encode` wrote."""
    return {
        feature: {
            value: SegmentBaseline(
                tuple(segment["scores"]),
                _counts(segment["positives"]),
                _counts(segment["negatives"]),
            )
            for value, segment in values.items()
        }
        for feature, values in body.items()
    }


def _counts(body: list[int] | None) -> tuple[int, ...] | None:
    return None if body is None else tuple(body)
