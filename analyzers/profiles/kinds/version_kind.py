"""Kinds whose series are the model's name, its version, and the baseline whose edges are used."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.event_logs.aggregations import UNNAMED, known_since
from mlmon.analyzers.profiles.kind import P, ProfileKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline


def versions(inside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the aggregation by name and version of the model; see `version_buckets`.

    Events that do not name them are counted as those of `UNNAMED`.

    Args:
        inside: Aggregations per version, beside what is known of it.
    """
    per_version = {
        "terms": {"field": "ml.model.version", "size": 1000, "missing": UNNAMED},
        "aggs": {**known_since(), **(inside or {})},
    }
    return {
        "models": {
            "terms": {"field": "ml.model.name", "size": 100, "missing": UNNAMED},
            "aggs": {"versions": per_version},
        }
    }


def version_buckets(bucket: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the buckets of the answer to `versions` by name and version."""
    return {
        (model["key"], version["key"]): version
        for model in bucket["models"]["buckets"]
        for version in model["versions"]["buckets"]
    }


class VersionKind(ProfileKind[P]):
    """A kind of profile of model versions."""

    @abstractmethod
    def from_body(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baseline: Baseline | None,
    ) -> P:
        """Return the profile of a stored body; `baseline` is its key's, None if it has none."""

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> P | None:
        """Return the profile of a stored body; None where its baseline is gone."""
        baseline = baselines.get(profile_key.series[2])
        if baseline is None and profile_key.series[2]:
            return None
        return self.from_body(profile_key, watermark, revision, body, baseline)

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model, version and baseline."""
        name, version, baseline = profile_key.series
        return {
            "ml.model.name": name,
            "ml.model.version": version,
            "profile.baseline_id": baseline,
        }
