"""Prediction profiles: by hour, model version, and each baseline that hour is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzers.profile import pending
from analyzers.profile.aggregations import known_since, read_knowledge
from analyzers.profile.kind import ProfileKind
from analyzers.profile.logs import MOST_BUCKETS
from analyzers.profile.prediction_query import STEP, PredictionQuery, logged_fields
from analyzers.profile.predictions import DATASET, KIND, PredictionProfile, from_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.logs import Logs
    from analyzers.profile.slot import Knowledge, Slot
    from analyzers.window import Window

_MODELS: dict[str, Any] = {
    "models": {
        "terms": {"field": "ml.model.name", "size": 100},
        "aggs": {
            "versions": {
                "terms": {"field": "ml.model.version", "size": 1000},
                "aggs": known_since(),
            }
        },
    }
}


class PredictionKind(ProfileKind[PredictionProfile]):
    """Predictions by hour, model version and baseline."""

    name = KIND
    dataset = DATASET
    step = STEP

    def slots(self, logs: Logs, period: Window) -> dict[Slot, Knowledge]:
        """Return a slot for each hour, version, and baseline it is judged by."""
        present = {
            (window, (model["key"], version["key"])): read_knowledge(version)
            for window, bucket in logs.survey(DATASET, period, STEP, _MODELS)
            for model in bucket["models"]["buckets"]
            for version in model["versions"]["buckets"]
        }
        return pending.prediction_slots(present, logs.baselines)

    def make(
        self, logs: Logs, series: tuple[str, ...], part: Window
    ) -> Iterator[PredictionProfile]:
        """Yield a profile for each hour with predictions."""
        name, version, baseline_id = series
        fields = logged_fields(logs.cluster.mapping(logs.stream(DATASET)).values())
        query = PredictionQuery((name, version), logs.by_id.get(baseline_id), fields)
        for piece in part.split(max(1, MOST_BUCKETS // query.buckets) * STEP):
            yield from query.profiles(logs.search(DATASET, query.body(piece)))

    def read(
        self,
        slot: Slot,
        knowledge: Knowledge,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> PredictionProfile | None:
        """Return the profile of a stored body; None where its baseline is gone."""
        baseline = baselines.get(slot.series[2])
        if baseline is None and slot.series[2]:
            return None
        return from_body(slot, knowledge, revision, body, baseline)

    def described(self, slot: Slot) -> dict[str, str]:
        """Return model, version and baseline."""
        name, version, baseline = slot.series
        return {
            "ml.model.name": name,
            "ml.model.version": version,
            "profile.baseline_id": baseline,
        }
