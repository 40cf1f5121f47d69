"""Features of one segment in an hour, over few edges: what a part of the traffic carries.

Each segment whose features the baseline knows has a profile of its own, so that a fault in a small
part of the traffic is seen. The cost is bounded by the baseline: declared features only, their
largest segments, a dozen buckets a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.event_logs.aggregations import known_since, read_watermark
from mlmon.analyzers.profiles.kinds.prediction import (
    CATEGORICAL_FIELD,
    DATASET,
    PredictionProfile,
    PredictionScope,
)
from mlmon.analyzers.profiles.version_kind import VersionKind, survey_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "segment_feature"


class SegmentFeatureKind(VersionKind[PredictionProfile]):
    """Features by hour, model version, baseline and segment."""

    name = KIND
    dataset = DATASET
    step = HOUR
    profile = PredictionProfile
    complete_for = 2 * DAY

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour of a segment whose features the baseline knows."""
        divided = {
            model: baseline
            for model, baseline in logs.baselines.items()
            if baseline.segment_features
        }
        by_feature: dict[str, set[str]] = {}
        for baseline in divided.values():
            for segment in baseline.segment_features:
                feature, _, value = segment.partition("=")
                by_feature.setdefault(feature, set()).add(value)
        inside = {
            f"segment.{feature}": {
                "terms": {
                    "field": CATEGORICAL_FIELD + feature,
                    "include": sorted(values),
                    "size": len(values),
                },
                "aggs": known_since(),
            }
            for feature, values in sorted(by_feature.items())
        }
        if not inside:
            return {}
        return {
            ProfileKey(KIND, window, (*model, divided[model].id, segment)): read_watermark(bucket)
            for window, model, version in survey_versions(
                logs, DATASET, period, HOUR, inside=inside
            )
            if model in divided
            for feature in by_feature
            for bucket in version[f"segment.{feature}"]["buckets"]
            if (segment := f"{feature}={bucket['key']}") in divided[model].segment_features
        }

    def scope(
        self, series: tuple[str, ...], baselines: Mapping[str, Baseline]
    ) -> PredictionScope | None:
        """Return the scope of the segment's features; None if the baseline is gone."""
        baseline = baselines.get(series[2])
        features = baseline.of_segment(series[3]) if baseline else None
        # Known and unseen categories separately: here the known ones are a fixed, short list.
        return PredictionScope(features, separately=True) if features else None

    def terms(self, series: tuple[str, ...]) -> dict[str, str]:
        """Return the model's name and version, and the segment's value."""
        feature, _, value = series[3].partition("=")
        return {**super().terms(series), CATEGORICAL_FIELD + feature: value}

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model, version, baseline and segment."""
        name, version, baseline, segment = profile_key.series
        return {
            "ml.model.name": name,
            "ml.model.version": version,
            "profile.baseline_id": baseline,
            "profile.subject": segment,
        }
