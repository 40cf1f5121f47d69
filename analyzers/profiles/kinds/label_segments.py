"""What became of a window's predictions in each part of the traffic.

A label says which of the declared features were looked up when it was joined, and which segments
that put it in. So labels of a value that is no segment, and labels that were joined before a
feature was declared, are told apart from those of the segments: both are counted, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.statistics.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SegmentOutcomes:
    """The labelled predictions of one segment, their scores over the baseline's coarse edges.

    Args:
        succeeded: Approved predictions that succeeded.
        approved: Scores of the approved ones.
        positives: Scores of all that came true, approved or not.
        negatives: Scores of all that did not.
    """

    succeeded: int
    approved: Counts
    positives: Counts
    negatives: Counts

    def __add__(self, more: SegmentOutcomes) -> SegmentOutcomes:
        return SegmentOutcomes(
            self.succeeded + more.succeeded,
            _added(self.approved, more.approved),
            _added(self.positives, more.positives),
            _added(self.negatives, more.negatives),
        )

    @property
    def labelled(self) -> int:
        """Approved predictions whose label is known."""
        return sum(self.approved)

    def scores(self, edges: tuple[float, ...]) -> Buckets:
        """Return the scores of the approved ones as buckets over the coarse edges."""
        return Buckets(edges, self.approved)


@dataclass(frozen=True, slots=True)
class FeatureOutcomes:
    """The labelled predictions that a feature divides.

    Args:
        approved: Labels of approved predictions for which the feature was looked up.
        values: Labels by value, of the values that are segments of the baseline.
    """

    approved: int = 0
    values: Mapping[str, SegmentOutcomes] = field(default_factory=dict)

    def __add__(self, more: FeatureOutcomes) -> FeatureOutcomes:
        values = dict(self.values)
        for value, each in more.values.items():
            values[value] = values[value] + each if value in values else each
        return FeatureOutcomes(self.approved + more.approved, values)

    @property
    def other(self) -> int:
        """Of `approved`, those of a value that is no segment, or of none."""
        return max(0, self.approved - sum(value.labelled for value in self.values.values()))


Divided = dict[str, FeatureOutcomes]
"""Labels by the feature that divides them."""


def total(parts: Iterable[Mapping[str, FeatureOutcomes]]) -> Divided:
    """Return the sum of labels that were counted over one baseline's edges."""
    summed: Divided = {}
    for part in parts:
        for feature, each in part.items():
            summed[feature] = summed.get(feature, FeatureOutcomes()) + each
    return summed


def encode(divided: Mapping[str, FeatureOutcomes]) -> dict[str, Any]:
    """Return labels by segment as a JSON value."""
    return {
        feature: {
            "approved": of.approved,
            "values": {
                value: [each.succeeded, each.approved, each.positives, each.negatives]
                for value, each in of.values.items()
            },
        }
        for feature, of in divided.items()
    }


def decode(body: Mapping[str, Any]) -> Divided:
    """Read what `encode` wrote."""
    return {
        feature: FeatureOutcomes(
            of["approved"],
            {
                value: SegmentOutcomes(succeeded, *(tuple(score) for score in scores))
                for value, (succeeded, *scores) in of["values"].items()
            },
        )
        for feature, of in body.items()
    }


def _added(first: Counts, second: Counts) -> Counts:
    return tuple(np.add(first, second).tolist())
