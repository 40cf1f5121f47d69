"""From a baseline to the aggregations that profile predictions, and from their answer to profiles.

Both are pure. One request answers for every window of its period: a date histogram with, inside,
a range aggregation over the baseline's edges for each number and terms for each category.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    finite_sum,
    known_since,
    period_query,
    ranges,
    read_watermark,
)
from mlmon.analyzers.profiles.kinds.predictions import (
    KIND,
    Categories,
    PredictionProfile,
    SourceUse,
)
from mlmon.analyzers.statistics.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.analyzers.baselines.baseline import Baseline, CategoryBaseline

T = TypeVar("T")

STEP = HOUR
SCORE = "ml.prediction.score"
NUMERIC = "ml.features.numeric."
_CATEGORICAL = "ml.features.categorical."
EMBEDDING = "ml.features.embedding."
_SOURCE = "ml.feature_source."
MOST_UNSEEN = 20
_MOST_STATUSES = 10
_MOST_IGNORED = 100


@dataclass(frozen=True, slots=True)
class LoggedFields:
    """The names of features and sources that the log has held so far, sorted."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    embedding: tuple[str, ...] = ()


def logged_fields(mappings: Iterable[Mapping[str, Any]]) -> LoggedFields:
    """Read the names from the mappings of the predictions' indices."""
    paths = {path for mapping in mappings for path in _leaves(mapping.get("properties", {}), "")}
    return LoggedFields(
        _names(paths, NUMERIC),
        _names(paths, _CATEGORICAL),
        _names(paths, _SOURCE, ".status"),
        _names(paths, EMBEDDING),
    )


def _leaves(properties: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _leaves(field["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name


def _names(paths: Iterable[str], prefix: str, suffix: str = "") -> tuple[str, ...]:
    return tuple(
        sorted(
            path.removeprefix(prefix).removesuffix(suffix)
            for path in paths
            if path.startswith(prefix) and path.endswith(suffix)
        )
    )


@dataclass(frozen=True, slots=True)
class PredictionQuery:
    """How to profile the predictions of one model version.

    Args:
        model: Name and version of the model that predicted.
        baseline: Baseline whose edges are used, None to count without edges.
        fields: What the log holds.
        apart: Whether known and unseen categories are always counted apart: needed where there are
            so many unseen ones that one aggregation would push known ones out.
        only: The baseline's features that are counted, None for all.
    """

    model: tuple[str, str]
    baseline: Baseline | None
    fields: LoggedFields
    apart: bool = False
    only: frozenset[str] | None = None

    @property
    def series(self) -> tuple[str, str, str]:
        """The series of the profiles it makes."""
        return (*self.model, self.baseline.id if self.baseline else "")

    @property
    def numeric(self) -> dict[str, Buckets]:
        """The baseline's numeric features that are counted."""
        return self._counted(self.baseline.numeric) if self.baseline else {}

    @property
    def categorical(self) -> dict[str, CategoryBaseline]:
        """The baseline's categorical features that are counted."""
        return self._counted(self.baseline.categorical) if self.baseline else {}

    def _counted(self, features: Mapping[str, T]) -> dict[str, T]:
        return {
            name: each for name, each in features.items() if self.only is None or name in self.only
        }

    def parts(self, most: int) -> Iterator[PredictionQuery]:
        """Yield this query, or where a window has more buckets than `most`, one per some features.

        The first of them counts what else there is.
        """
        count = -(-self.buckets // most)
        names = sorted({*self.numeric, *self.categorical})
        size = max(1, -(-len(names) // count))
        if count == 1 or len(names) <= 1:
            yield self
            return
        for first in range(0, len(names), size):
            only = frozenset(names[first : first + size])
            yield replace(self, only=only, fields=self.fields if first == 0 else LoggedFields())

    @property
    def buckets(self) -> int:
        """Buckets that the answer holds per window, at most."""
        samples = [*self.numeric.values()]
        if self.baseline and self.baseline.score:
            samples.append(self.baseline.score)
        categories = sum(
            len(baseline.counts) + MOST_UNSEEN for baseline in self.categorical.values()
        )
        sources = _MOST_STATUSES * len(self.fields.sources)
        counts = sum(len(sample.counts) for sample in samples)
        return 4 + _MOST_IGNORED + counts + categories + sources

    @property
    def extra(self) -> list[str]:
        """Fields of the log that the baseline does not have, or has as the other type."""
        numeric = self.baseline.numeric if self.baseline else {}
        categorical = self.baseline.categorical if self.baseline else {}
        return [
            *(NUMERIC + name for name in self.fields.numeric if name not in numeric),
            *(_CATEGORICAL + name for name in self.fields.categorical if name not in categorical),
        ]

    def body(self, period: Window) -> dict[str, Any]:
        """Return the search body for a period."""
        name, version = self.model
        terms = {"ml.model.name": name, "ml.model.version": version}
        windows = {"date_histogram": {**DATE, "fixed_interval": "1h"}, "aggs": self._inside()}
        return period_query(period, terms) | {"aggs": {"windows": windows}}

    def _inside(self) -> dict[str, Any]:
        aggs: dict[str, Any] = {
            **known_since(),
            "service": {"terms": {"field": "service.name", "size": 1}},
            "rows": {"filter": {"exists": {"field": "ml.features.*"}}},
            "approved": {"filter": {"term": {"ml.prediction.decision": "approved"}}},
            "threshold": {"terms": {"field": "ml.prediction.threshold", "size": 1}},
            "ignored": {"terms": {"field": "_ignored", "size": _MOST_IGNORED}},
        }
        if self.baseline and self.baseline.score:
            aggs |= counted("score", SCORE, self.baseline.score.edges)
        for index, (name, sample) in enumerate(sorted(self.numeric.items())):
            aggs |= counted(f"n{index}", NUMERIC + name, sample.edges)
        for index, name in enumerate(self._categorical()):
            aggs |= self._categories(index, name)
        for index, field in enumerate(self.extra):
            aggs[f"x{index}"] = {"value_count": {"field": field}}
        for index, name in enumerate(self.fields.sources):
            age = f"{_SOURCE}{name}.age_s"
            aggs[f"s{index}"] = {
                "terms": {"field": f"{_SOURCE}{name}.status", "size": _MOST_STATUSES},
                "aggs": {"youngest": {"min": {"field": age}}},
            }
            aggs[f"a{index}"] = {"stats": {"field": age}}
        return aggs

    def _categorical(self) -> list[str]:
        return sorted(self.categorical)

    def _categories(self, index: int, name: str) -> dict[str, Any]:
        field, known = _CATEGORICAL + name, list(self._known(name))
        if self._together(name):
            size = len(known) + MOST_UNSEEN
            return {f"c{index}": {"terms": {"field": field, "size": size}}}
        return {
            f"c{index}": {"terms": {"field": field, "include": known, "size": len(known)}},
            f"u{index}": {"terms": {"field": field, "exclude": known, "size": MOST_UNSEEN}},
        }

    def _known(self, name: str) -> Mapping[str, int]:
        return self.baseline.categorical[name].counts if self.baseline else {}

    def _together(self, name: str) -> bool:
        """Whether one aggregation is expected to return every category of a feature."""
        return (
            not self.apart
            and self.baseline is not None
            and not self.baseline.categorical[name].rest
        )

    def crowded(self, answer: Mapping[str, Any]) -> bool:
        """Whether an answer left out categories, so that they have to be counted apart."""
        together = [
            f"c{index}" for index, name in enumerate(self._categorical()) if self._together(name)
        ]
        return any(
            bucket[each]["sum_other_doc_count"]
            for bucket in answer["aggregations"]["windows"]["buckets"]
            for each in together
        )

    def profiles(self, answer: Mapping[str, Any]) -> Iterator[PredictionProfile]:
        """Yield a profile for each window of the answer that holds predictions."""
        for bucket in answer["aggregations"]["windows"]["buckets"]:
            if bucket["doc_count"]:
                yield self._profile(bucket)

    def _profile(self, bucket: dict[str, Any]) -> PredictionProfile:
        start = from_milliseconds(bucket["key"])
        services, thresholds = bucket["service"]["buckets"], bucket["threshold"]["buckets"]
        scored = self.baseline is not None and self.baseline.score is not None
        return PredictionProfile(
            ProfileKey(KIND, Window(start, start + STEP), self.series),
            read_watermark(bucket),
            service=services[0]["key"] if services else None,
            rows=bucket["rows"]["doc_count"],
            approved=bucket["approved"]["doc_count"],
            threshold=thresholds[0]["key"] if thresholds else None,
            score=read_buckets(bucket, "score", self.baseline.score.edges)
            if self.baseline and self.baseline.score and scored
            else None,
            numeric={
                name: read_buckets(bucket, f"n{index}", sample.edges)
                for index, (name, sample) in enumerate(sorted(self.numeric.items()))
            },
            categorical={
                name: _read_categories(bucket, index, self._known(name))
                for index, name in enumerate(self._categorical())
            },
            present={
                field: bucket[f"x{index}"]["value"]
                for index, field in enumerate(self.extra)
                if bucket[f"x{index}"]["value"]
            },
            ignored=_counter(bucket["ignored"]),
            sources={
                name: _source(bucket, index)
                for index, name in enumerate(self.fields.sources)
                if bucket[f"s{index}"]["buckets"]
            },
        )


def counted(name: str, field: str, edges: tuple[float, ...]) -> dict[str, Any]:
    """Return the aggregations that count a field's numbers over edges; see `read_buckets`."""
    return {
        name: {"range": {"field": field, "ranges": ranges(edges)}},
        f"{name}_sums": {"extended_stats": {"field": field}},
    }


def read_buckets(bucket: Mapping[str, Any], name: str, edges: tuple[float, ...]) -> Buckets:
    """Read the answer to `counted`."""
    sums = bucket[f"{name}_sums"]
    counts = tuple(each["doc_count"] for each in bucket[name]["buckets"])
    total, squares = finite_sum(sums["sum"]), finite_sum(sums["sum_of_squares"])
    return Buckets(edges, counts, sums["min"], sums["max"], total, squares)


def _read_categories(bucket: dict[str, Any], index: int, known: Mapping[str, int]) -> Categories:
    found = _counter(bucket[f"c{index}"])
    if f"u{index}" in bucket:
        unseen = bucket[f"u{index}"]
        return Categories(found, _counter(unseen), unseen["sum_other_doc_count"])
    unknown = [(name, n) for name, n in found.items() if name not in known]
    return Categories(
        Counter({name: n for name, n in found.items() if name in known}),
        Counter(dict(unknown[:MOST_UNSEEN])),
        sum(n for _, n in unknown[MOST_UNSEEN:]),
    )


def _counter(terms: dict[str, Any]) -> Counter[str]:
    return Counter({str(bucket["key"]): bucket["doc_count"] for bucket in terms["buckets"]})


def _source(bucket: dict[str, Any], index: int) -> SourceUse:
    ages, statuses = bucket[f"a{index}"], bucket[f"s{index}"]
    youngest = {each["key"]: each["youngest"]["value"] for each in statuses["buckets"]}
    return SourceUse(
        _counter(statuses),
        ages["count"],
        finite_sum(ages["sum"]),
        ages["max"],
        youngest.get("stale"),
    )
