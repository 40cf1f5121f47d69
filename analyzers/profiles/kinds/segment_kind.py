"""Segment profiles: by hour and model version; one request counts every segment of a day."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, known_since, period_query, read_watermark
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.profiles.kinds.prediction_query import SCORE, STEP
from mlmon.analyzers.profiles.kinds.segments import (
    DATASET,
    KIND,
    SegmentCount,
    SegmentProfile,
    from_body,
)
from mlmon.analyzers.profiles.kinds.version_kind import VersionKind, version_buckets, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

_FEATURE = "ml.features.categorical."


class SegmentKind(VersionKind[SegmentProfile]):
    """Predictions by hour, model version and segment."""

    name = KIND
    dataset = DATASET
    step = STEP

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour of a version whose baseline has segments."""
        divided = {model: each for model, each in logs.baselines.items() if each.segments}
        if not divided:
            return {}
        return {
            ProfileKey(KIND, window, (*model, divided[model].id)): read_watermark(version)
            for window, bucket in logs.survey(DATASET, period, STEP, versions())
            for model, version in version_buckets(bucket).items()
            if model in divided
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[SegmentProfile]:
        """Yield a profile for each hour with predictions."""
        baseline = logs.by_id[series[2]]
        for piece in part.split(max(1, MOST_BUCKETS // _buckets(baseline)) * STEP):
            answer = logs.search(DATASET, body(baseline, piece))
            for bucket in answer["aggregations"]["windows"]["buckets"]:
                if bucket["doc_count"]:
                    yield _profile(bucket, baseline, series)

    def from_body(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baseline: Baseline | None,
    ) -> SegmentProfile:
        """Return the profile of a stored body."""
        del baseline
        return from_body(profile_key, watermark, revision, body)


def _buckets(baseline: Baseline) -> int:
    """Return how many buckets an hour's answer holds, at most."""
    each = len(baseline.segment_edges) + 3
    return 2 + sum(1 + len(values) * each for values in baseline.segments.values())


def body(baseline: Baseline, period: Window) -> dict[str, Any]:
    """Return the search body: in each hour, terms of each feature, and in each segment scores."""
    edges = baseline.segment_edges
    between = [{"from": low, "to": high} for low, high in itertools.pairwise(edges)]
    inside = {
        "scores": {
            "range": {
                "field": SCORE,
                "ranges": [{"to": edges[0]}, *between, {"from": edges[-1]}],
            }
        },
        "approved": {"filter": {"term": {"ml.prediction.decision": "approved"}}},
    }
    features = {
        f"f{index}": {
            "terms": {"field": _FEATURE + name, "include": list(values), "size": len(values)},
            "aggs": inside,
        }
        for index, (name, values) in enumerate(_divided(baseline))
    }
    services = {"service": {"terms": {"field": "service.name", "size": 1}}}
    windows = {
        "date_histogram": {**DATE, "fixed_interval": "1h"},
        "aggs": {**known_since(), **services, **features},
    }
    name, version = baseline.model
    terms = {"ml.model.name": name, "ml.model.version": version}
    return period_query(period, terms) | {"aggs": {"windows": windows}}


def _divided(baseline: Baseline) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted((name, values) for name, values in baseline.segments.items() if values)


def _profile(
    bucket: Mapping[str, Any], baseline: Baseline, series: tuple[str, ...]
) -> SegmentProfile:
    start = from_milliseconds(bucket["key"])
    services = bucket["service"]["buckets"]
    return SegmentProfile(
        ProfileKey(KIND, Window(start, start + STEP), series),
        read_watermark(bucket),
        segments={
            name: {str(each["key"]): _count(each) for each in bucket[f"f{index}"]["buckets"]}
            for index, (name, _) in enumerate(_divided(baseline))
        },
        service=services[0]["key"] if services else None,
    )


def _count(bucket: Mapping[str, Any]) -> SegmentCount:
    return SegmentCount(
        bucket["doc_count"],
        bucket["approved"]["doc_count"],
        tuple(each["doc_count"] for each in bucket["scores"]["buckets"]),
    )
