"""Embedding profiles: by hour and model version, a bounded sample of the vectors that were logged.

Embeddings are not indexed: they are found by their names in `ml.features.embedded`. Where an hour
has more embeddings than are kept, Elasticsearch chooses: it divides the predictions'
ids into parts by their hash and returns those of one part. The same logs give the same sample,
wherever they are stored and however often they are searched.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import Window, floor, from_milliseconds, parse_time
from mlmon.analyzers.baselines.stored_vectors import StoredVectors, store_vectors
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    dated,
    known_since,
    period_query,
    read_watermark,
)
from mlmon.analyzers.event_logs.hits import field_of, first_values, typed
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds.prediction import (
    DATASET,
    EMBEDDING_FIELD,
    PREDICTION_STEP,
    logged_fields,
)
from mlmon.analyzers.profiles.profile import VersionProfile
from mlmon.analyzers.profiles.quantities import ByName, DeclarationScope, Quantity, quantity
from mlmon.analyzers.profiles.version_kind import survey_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "embedding"
MOST_VECTORS = 64
"""Vectors of a field kept per hour, 1,536 per day."""

ID = "ml.prediction.id"
HELD = "ml.features.embedded"
_MODEL, _VERSION = "ml.model.name", "ml.model.version"
EmbeddedIds = list[tuple[str, Any]]


@dataclass(frozen=True)
class _Sample(Quantity[StoredVectors]):
    """A sample of one embedding, its vectors in an order that their ids decide."""

    def empty(self) -> StoredVectors:
        """No vector."""
        return StoredVectors()

    def encode(self, value: StoredVectors) -> Any:
        """Return a JSON value."""
        return value.to_body()

    def decode(self, body: Any, scope: DeclarationScope) -> StoredVectors:
        """Read what `encode` wrote."""
        del scope
        return StoredVectors.from_body(body)

    def merge(self, values: Sequence[StoredVectors]) -> StoredVectors:
        """Samples of hours are drawn from, not added."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class EmbeddingProfile(VersionProfile):
    """The embeddings of one model version in one window.

    Its watermark counts the predictions with an embedding.

    Args:
        fields: A sample of each embedding.
    """

    fields: Mapping[str, StoredVectors] = quantity(ByName(lambda _scope: (), _Sample()))


class EmbeddingKind(ProfileKind[EmbeddingProfile]):
    """Embeddings by hour and model version."""

    name = KIND
    dataset = DATASET
    step = PREDICTION_STEP
    profile = EmbeddingProfile

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour and version with embeddings."""
        names = _names(logs)
        if not names:
            return {}
        found = survey_versions(logs, DATASET, period, PREDICTION_STEP, only=_any_of(names))
        return {
            ProfileKey(KIND, window, model): read_watermark(version)
            for window, model, version in found
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[EmbeddingProfile]:
        """Yield a profile for each hour with embeddings."""
        names = _names(logs)
        hours = dict(_counted(logs, series, part, names))
        samples = {name: _samples(logs, series, part, name, hours) for name in names}
        for window, (watermark, logged) in hours.items():
            fields = {
                name: _stored(samples[name][window.start], logged[name])
                for name in names
                if logged[name]
            }
            yield EmbeddingProfile(ProfileKey(KIND, window, series), watermark, fields=fields)

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model and version."""
        name, version = profile_key.series
        return {_MODEL: name, _VERSION: version}


def _names(logs: Logs) -> tuple[str, ...]:
    return logged_fields(logs.cluster.mapping(logs.stream(DATASET)).values()).embedding


def _any_of(names: Iterable[str]) -> dict[str, Any]:
    return {"terms": {HELD: list(names)}}


def _search(series: tuple[str, ...], period: Window, name: str) -> dict[str, Any]:
    """Return a search for a version's predictions with an embedding."""
    body = period_query(period, dict(zip((_MODEL, _VERSION), series, strict=True)))
    body["query"]["bool"]["filter"].append({"term": {HELD: name}})
    return body


def _counted(
    logs: Logs, series: tuple[str, ...], part: Window, names: tuple[str, ...]
) -> Iterator[tuple[Window, tuple[SourceWatermark, dict[str, int]]]]:
    """Yield each hour with embeddings, what is known of it, and how many there are of each."""
    body = period_query(part, dict(zip((_MODEL, _VERSION), series, strict=True)))
    body["query"]["bool"]["filter"].append(_any_of(names))
    counts = {f"e{index}": {"filter": {"term": {HELD: name}}} for index, name in enumerate(names)}
    windows = {
        "date_histogram": {**DATE, "fixed_interval": "1h"},
        "aggs": {**known_since(), **counts},
    }
    answer = logs.search(DATASET, body | {"aggs": {"windows": windows}})
    for bucket in answer["aggregations"]["windows"]["buckets"]:
        start = from_milliseconds(bucket["key"])
        logged = {name: bucket[f"e{index}"]["doc_count"] for index, name in enumerate(names)}
        yield Window(start, start + PREDICTION_STEP), (read_watermark(bucket), logged)


def _samples(
    logs: Logs,
    series: tuple[str, ...],
    part: Window,
    name: str,
    hours: Mapping[Window, tuple[SourceWatermark, Mapping[str, int]]],
) -> Mapping[datetime, EmbeddedIds]:
    """Return (id, embedding) of the sampled predictions, by the begin of their hour."""
    crowded = [window for window, (_, logged) in hours.items() if logged[name] > MOST_VECTORS]
    found: dict[datetime, EmbeddedIds] = defaultdict(list)
    few = _search(series, part, name)
    few["query"]["bool"]["must_not"] += [dated(window) for window in crowded]
    for start, embedding in _fetch(logs, few, name):
        found[start].append(embedding)
    for window in crowded:
        body = _search(series, window, name)
        chosen = _chosen(logs, body, hours[window][1][name])
        body["query"]["bool"]["filter"].append({"terms": {ID: chosen}})
        found[window.start] = [embedding for _, embedding in _fetch(logs, body, name)]
    return found


def _chosen(logs: Logs, body: dict[str, Any], logged: int) -> list[str]:
    """Return the ids of the one part that is taken, about `MOST_VECTORS`."""
    part = {"partition": 0, "num_partitions": -(-logged // MOST_VECTORS)}
    ids = {
        "field": ID,
        "include": part,
        "size": MOST_VECTORS,
        "order": {"_key": "asc"},
        # Ordinals of all ids there are would be built for those of an hour.
        "execution_hint": "map",
    }
    answer = logs.search(DATASET, body | {"aggs": {"windows": {"terms": ids}}})
    return [bucket["key"] for bucket in answer["aggregations"]["windows"]["buckets"]]


def _fetch(
    logs: Logs, body: dict[str, Any], name: str
) -> Iterator[tuple[datetime, tuple[str, Any]]]:
    wanted = {"query": body["query"], **typed([ID]), "_source": [EMBEDDING_FIELD + name]}
    for hit in logs.scan(DATASET, wanted):
        known = first_values(hit)
        start = floor(parse_time(known["@timestamp"]), PREDICTION_STEP)
        yield start, (known.get(ID) or hit["_id"], field_of(hit["_source"], EMBEDDING_FIELD + name))


def _stored(found: EmbeddedIds, logged: int) -> StoredVectors:
    ordered = sorted(found, key=lambda embedding: hashlib.sha256(embedding[0].encode()).digest())
    return store_vectors((vector for _, vector in ordered), MOST_VECTORS, logged)
