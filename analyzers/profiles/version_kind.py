"""Kinds whose series are the model's name, its version, and the baseline whose edges are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.event_logs.aggregations import UNNAMED, known_since
from mlmon.analyzers.profiles.kind import P, ProfileKind
from mlmon.analyzers.profiles.quantities import DeclarationScope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey
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

    def scope(
        self, series: tuple[str, ...], baselines: Mapping[str, Baseline]
    ) -> DeclarationScope | None:
        """Return the scope of the key's baseline; None if it is gone."""
        baseline = baselines.get(series[2])
        return None if baseline is None and series[2] else DeclarationScope(baseline)

    def terms(self, series: tuple[str, ...]) -> dict[str, str]:
        """Return the model's name and version."""
        name, version, *_ = series
        return {"ml.model.name": name, "ml.model.version": version}

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model, version and baseline."""
        name, version, baseline = profile_key.series
        return {
            "ml.model.name": name,
            "ml.model.version": version,
            "profile.baseline_id": baseline,
        }
