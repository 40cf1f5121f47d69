"""Prediction profiles: by hour, model version, and each baseline that hour is judged by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.event_logs.aggregations import read_watermark
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.profiles import pending
from mlmon.analyzers.profiles.kinds.prediction_query import STEP, PredictionQuery, logged_fields
from mlmon.analyzers.profiles.kinds.predictions import (
    DATASET,
    KIND,
    PredictionProfile,
    from_body,
    joined,
)
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.profiles.version_kind import VersionKind, version_buckets, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs


class PredictionKind(VersionKind[PredictionProfile]):
    """Predictions by hour, model version and baseline."""

    name = KIND
    dataset = DATASET
    step = STEP
    core = ("service", "rows", "approved", "threshold", "score")
    complete_for = 2 * DAY

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour, version, and baseline it is judged by."""
        present = {
            (window, model): read_watermark(version)
            for window, bucket in logs.survey(DATASET, period, STEP, versions())
            for model, version in version_buckets(bucket).items()
        }
        return pending.prediction_profile_keys(present, logs.baselines, _around(logs, period))

    def make(
        self, logs: Logs, series: tuple[str, ...], part: Window
    ) -> Iterator[PredictionProfile]:
        """Yield a profile for each hour with predictions."""
        name, version, baseline_id = series
        fields = logged_fields(logs.cluster.mapping(logs.stream(DATASET)).values())
        query = PredictionQuery((name, version), logs.by_id.get(baseline_id), fields)
        queries = list(query.parts(MOST_BUCKETS))
        most = max(each.buckets for each in queries)
        for piece in part.split(max(1, MOST_BUCKETS // most) * STEP):
            yield from joined([_asked(logs, each, piece) for each in queries])

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> PredictionProfile | None:
        """Return the profile of a stored body."""
        scope = self.scope(profile_key.series, baselines)
        if scope is None:
            return None
        return from_body(profile_key, watermark, revision, body, scope.baseline)


def _asked(logs: Logs, query: PredictionQuery, piece: Window) -> list[PredictionProfile]:
    answer = logs.search(DATASET, query.body(piece))
    if query.crowded(answer):
        query = replace(query, apart=True)
        answer = logs.search(DATASET, query.body(piece))
    return list(query.profiles(answer))


def _around(logs: Logs, period: Window) -> dict[tuple[Window, pending.Model], SourceWatermark]:
    """Return what profiles know of the predictions of the day before a period and the day after."""
    store = ProfileStore(logs.cluster, logs.namespace)
    return {
        (profile_key.window, (profile_key.series[0], profile_key.series[1])): stamp.watermark
        for time in (
            Window(period.start - STEP - DAY, period.start),
            Window(period.end, min(period.end + STEP + DAY, logs.now)),
        )
        if time.start < time.end
        for profile_key, stamp in store.stamps(KIND, time).items()
    }
