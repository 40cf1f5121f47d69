"""The part of a label profile's request that counts segments, and how its answer is read. Pure.

However many segments there are, they are buckets of the one request that profiles a model version.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.event_logs.aggregations import ranges
from mlmon.analyzers.labels.label import DIVIDED_BY, SEGMENTS
from mlmon.analyzers.profiles.kinds.label_segments import Divided, FeatureOutcomes, SegmentOutcomes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.baselines.baseline import Baseline

SCORE = "ml.prediction.score"
POSITIVE = {"term": {"ml.outcome.label": True}}
NEGATIVE = {"term": {"ml.outcome.label": False}}
APPROVED = {"term": {"ml.prediction.decision": "approved"}}


@dataclass(frozen=True)
class LabelSegmentQuery:
    """How to count labels by the segments of a baseline.

    Args:
        baseline: The baseline; without one, or one without segments, nothing is asked.
    """

    baseline: Baseline | None

    @cached_property
    def names(self) -> dict[str, tuple[str, str]]:
        """Feature and value of each segment, by its name."""
        return {
            segment_name(feature, value): (feature, value)
            for feature, values in (self.baseline.segments if self.baseline else {}).items()
            for value in values
        }

    @property
    def features(self) -> list[str]:
        """The features that divide the traffic, those of a segment at least."""
        return sorted({feature for feature, _ in self.names.values()})

    @property
    def edges(self) -> tuple[float, ...]:
        """The edges over which scores of segments are counted."""
        return self.baseline.segment_edges if self.baseline else ()

    @property
    def buckets(self) -> int:
        """Buckets that the answer holds per window, at most."""
        each = 3 * (len(self.edges) + 1) + 5
        return len(self.names) * each + 2 * len(self.features)

    def aggregations(self) -> dict[str, Any]:
        """Return the aggregations of one window."""
        if not self.names:
            return {}
        scores = {"scores": {"range": {"field": SCORE, "ranges": ranges(self.edges)}}}
        # What has no score can be promised nothing: it is left among the other values.
        scored = {"bool": {"filter": [APPROVED, {"exists": {"field": SCORE}}]}}
        inside = {
            "approved": {"filter": scored, "aggs": {**scores, "positive": {"filter": POSITIVE}}},
            "positive": {"filter": POSITIVE, "aggs": scores},
            "negative": {"filter": NEGATIVE, "aggs": scores},
        }
        return {
            "segments": {"terms": _only(SEGMENTS, list(self.names)), "aggs": inside},
            "divided": {
                "terms": _only(DIVIDED_BY, self.features),
                "aggs": {"approved": {"filter": APPROVED}},
            },
        }

    def read(self, bucket: Mapping[str, Any]) -> Divided:
        """Return the labels of a window by segment; of a feature no label knows, nothing."""
        if not self.names:
            return {}
        values: dict[str, dict[str, SegmentOutcomes]] = {}
        for each in bucket["segments"]["buckets"]:
            feature, value = self.names[each["key"]]
            values.setdefault(feature, {})[value] = _outcomes(each)
        return {
            each["key"]: FeatureOutcomes(each["approved"]["doc_count"], values.get(each["key"], {}))
            for each in bucket["divided"]["buckets"]
        }


def _only(field: str, values: list[str]) -> dict[str, Any]:
    return {"field": field, "include": values, "size": len(values)}


def _outcomes(bucket: Mapping[str, Any]) -> SegmentOutcomes:
    return SegmentOutcomes(
        bucket["approved"]["positive"]["doc_count"],
        *(
            tuple(each["doc_count"] for each in bucket[name]["scores"]["buckets"])
            for name in ("approved", "positive", "negative")
        ),
    )
