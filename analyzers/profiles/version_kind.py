"""Kinds whose series are the model's name, its version, and the baseline whose edges are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.window import MINUTE, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATED, UNNAMED, known_since, period_query
from mlmon.analyzers.event_logs.logs import SURVEYED
from mlmon.analyzers.profiles.kind import P, ProfileKind
from mlmon.analyzers.profiles.quantities import DeclarationScope
from mlmon.elastic.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from mlmon.analyzers.base.profile_key import ProfileKey
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs


Model: TypeAlias = tuple[str, str]
"""Name and version of a model."""

MOST_MODELS, MOST_VERSIONS = 100, 1_000
"""Most versions requested at once; where there are more, all are requested page by page."""

_PAGE = 10_000
_VERSIONS = {"name": "ml.model.name", "version": "ml.model.version"}


def survey_versions(
    logs: Logs,
    dataset: str,
    period: Window,
    step: timedelta,
    *,
    inside: Mapping[str, Any] | None = None,
    only: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Window, Model, dict[str, Any]]]:
    """Yield each window and model version with events, and the bucket of them.

    Events that do not name a model or a version are counted as those of `UNNAMED`.

    Args:
        logs: The events.
        dataset: What to look at.
        period: When.
        step: Length of a window.
        inside: Aggregations per version, in addition to when the last event was ingested.
        only: A query for the events that count; all by default.
    """
    known, counted = {**known_since(), **(inside or {})}, dict(only or {"match_all": {}})
    versions = {"counted": {"filter": counted, "aggs": _versions(known)}}
    for part in period.split(SURVEYED):
        try:
            found = list(logs.survey(dataset, part, step, versions))
        except ClusterError as error:
            if "too_many_buckets" not in error.message:
                raise
            yield from _paged(logs, dataset, part, step, known, counted)
            continue
        if any(_overflows(bucket) for _, bucket in found):
            yield from _paged(logs, dataset, part, step, known, counted)
            continue
        for window, bucket in found:
            for model in bucket["counted"]["models"]["buckets"]:
                for version in model["versions"]["buckets"]:
                    yield window, (model["key"], version["key"]), version


def _versions(inside: Mapping[str, Any]) -> dict[str, Any]:
    """Return the aggregation by name and version of the model."""
    named = {
        of: {"terms": {"field": field, "size": size, "missing": UNNAMED}}
        for (of, field), size in zip(_VERSIONS.items(), (MOST_MODELS, MOST_VERSIONS), strict=True)
    }
    versions = {"versions": {**named["version"], "aggs": dict(inside)}}
    return {"models": {**named["name"], "aggs": versions}}


def _overflows(bucket: Mapping[str, Any]) -> bool:
    """Whether there are more models or versions than an answer named."""
    models = bucket["counted"]["models"]
    return bool(models["sum_other_doc_count"]) or any(
        model["versions"]["sum_other_doc_count"] for model in models["buckets"]
    )


def _paged(
    logs: Logs,
    dataset: str,
    part: Window,
    step: timedelta,
    inside: Mapping[str, Any],
    only: dict[str, Any],
) -> Iterator[tuple[Window, Model, dict[str, Any]]]:
    """Yield the same, by a composite aggregation of as many pages as there are."""
    interval = f"{step // MINUTE}m"
    sources: list[dict[str, Any]] = [
        {"start": {"date_histogram": {"field": DATED, "fixed_interval": interval}}},
        *(
            {of: {"terms": {"field": field, "missing_bucket": True}}}
            for of, field in _VERSIONS.items()
        ),
    ]
    composite: dict[str, Any] = {"size": _PAGE, "sources": sources}
    body = period_query(part, {})
    body["query"]["bool"]["filter"].append(only)
    body["aggs"] = {"windows": {"composite": composite, "aggs": dict(inside)}}
    while True:
        answer = logs.search(dataset, body)["aggregations"]["windows"]
        for bucket in answer["buckets"]:
            key = bucket["key"]
            start = from_milliseconds(key["start"])
            name, version = (UNNAMED if key[of] is None else key[of] for of in _VERSIONS)
            yield Window(start, start + step), (name, version), bucket
        if "after_key" not in answer:
            return
        composite["after"] = answer["after_key"]


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
