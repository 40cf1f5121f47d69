"""What one model version predicted in an hour: its scores, its features, the features' sources.

An hour is profiled over each baseline that it is judged by: a range aggregation over the baseline's
edges for each number, and terms for each category.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.event_logs.aggregations import buckets_of, read_watermark
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.profiles.by_service import ByService, OfService
from mlmon.analyzers.profiles.profile import VersionProfile
from mlmon.analyzers.profiles.quantities import (
    AnswerBucket,
    BucketCounts,
    ByName,
    Count,
    DeclarationScope,
    Group,
    MostFrequent,
    Number,
    Stat,
    Tally,
    Terms,
    ValueCount,
    Within,
    ask,
    quantity,
    read,
)
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.profiles.version_kind import VersionKind, survey_versions
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.logging_config.schema.fields import UNINDEXED_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.statistics.buckets import Buckets

KIND = "prediction"
DATASET = "ml.prediction"
PREDICTION_STEP = HOUR
SCORE = "ml.prediction.score"
NUMERIC_FIELD = "ml.features.numeric."
CATEGORICAL_FIELD = "ml.features.categorical."
EMBEDDING_FIELD = "ml.features.embedding."
_SOURCE = "ml.feature_source."
_STATUS, _AGE = _SOURCE + "{name}.status", _SOURCE + "{name}.age_s"
MOST_UNSEEN = 20

ModelKey: TypeAlias = tuple[str, str]
Present: TypeAlias = "Mapping[tuple[Window, ModelKey], SourceWatermark]"
_NOTHING: Present = {}


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
        _names(paths, NUMERIC_FIELD),
        _names(paths, CATEGORICAL_FIELD),
        _names(paths, _SOURCE, ".status"),
        _names(paths, EMBEDDING_FIELD),
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


@dataclass(frozen=True)
class PredictionScope(DeclarationScope):
    """How the predictions of a model version are counted.

    Args:
        fields: What the log holds.
        separately: Whether known and unseen categories are always counted separately: needed where
            there are so many unseen ones that one aggregation would push known ones out.
        only: The baseline's features that are counted, None for all.
    """

    fields: LoggedFields = LoggedFields()
    separately: bool = False
    only: frozenset[str] | None = None

    @property
    def numeric(self) -> list[str]:
        """The baseline's numeric features that are counted."""
        return self._counted(self.baseline.numeric if self.baseline else ())

    @property
    def categorical(self) -> list[str]:
        """The baseline's categorical features that are counted."""
        return self._counted(self.baseline.categorical if self.baseline else ())

    def _counted(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.only is None or name in self.only]

    @property
    def extra(self) -> list[str]:
        """Fields of the log that the baseline does not have, or has as the other type."""
        numeric = self.baseline.numeric if self.baseline else {}
        categorical = self.baseline.categorical if self.baseline else {}
        return [
            *(NUMERIC_FIELD + name for name in self.fields.numeric if name not in numeric),
            *(
                CATEGORICAL_FIELD + name
                for name in self.fields.categorical
                if name not in categorical
            ),
        ]

    @property
    def known(self) -> Mapping[str, int]:
        """The baseline's categories of the feature that is named."""
        return self.baseline.categorical[self.name].counts if self.baseline else {}

    @property
    def together(self) -> bool:
        """Whether one aggregation is expected to return every category of the named feature."""
        baseline = self.baseline
        return not (self.separately or baseline is None or baseline.categorical[self.name].rest)


def _score_edges(scope: DeclarationScope) -> tuple[float, ...] | None:
    baseline = scope.baseline
    return baseline.score.edges if baseline and baseline.score else None


def _numeric_edges(scope: DeclarationScope) -> tuple[float, ...] | None:
    return scope.baseline.numeric[scope.name].edges if scope.baseline else None


@dataclass(frozen=True, slots=True)
class Categories:
    """Predictions per category of one feature.

    Args:
        counts: Those of the baseline's categories, or without a baseline the most frequent.
        unseen: The most frequent categories the baseline does not have.
        other: Predictions whose category is in neither.
    """

    counts: Counter[str] = quantity(Tally())
    unseen: Counter[str] = quantity(Tally())
    other: int = quantity(Number())

    @property
    def n(self) -> int:
        """Predictions with a value."""
        return self.counts.total() + self.outside

    @property
    def outside(self) -> int:
        """Predictions whose category the baseline does not have."""
        return self.unseen.total() + self.other

    def counted(self, named: Iterable[str]) -> CategoryCounts:
        """Return the rows as statistics take them.

        Args:
            named: The categories that were counted in every window: those of the baseline.
        """
        counts = {**dict.fromkeys(named, 0), **self.counts, **self.unseen}
        # In another window an unseen one may have been too rare to be named.
        return CategoryCounts(counts, self.other, frozenset(self.unseen))


class _KnownAndUnseen(Group):
    """The categories of the named feature, those that the baseline knows and the others."""

    def ask(self, name: str, scope: Any) -> dict[str, Any]:
        """Ask for all together, or for known and unseen ones separately."""
        field, known = CATEGORICAL_FIELD + scope.name, list(scope.known)
        if scope.together:
            return {name: {"terms": {"field": field, "size": len(known) + MOST_UNSEEN}}}
        return {
            name: {"terms": {"field": field, "include": known, "size": len(known)}},
            f"{name}.unseen": {"terms": {"field": field, "exclude": known, "size": MOST_UNSEEN}},
        }

    def read(self, bucket: AnswerBucket, name: str, scope: Any) -> Categories:
        """Return the categories."""
        found = _counter(bucket[name])
        if not scope.together:
            unseen = bucket[f"{name}.unseen"]
            return Categories(found, _counter(unseen), unseen["sum_other_doc_count"])
        unknown = [(category, n) for category, n in found.items() if category not in scope.known]
        return Categories(
            Counter({category: n for category, n in found.items() if category in scope.known}),
            Counter(dict(unknown[:MOST_UNSEEN])),
            sum(n for _, n in unknown[MOST_UNSEEN:]),
        )


def _counter(terms: dict[str, Any]) -> Counter[str]:
    return Counter({str(bucket["key"]): bucket["doc_count"] for bucket in terms["buckets"]})


def _is_stale(scope: DeclarationScope) -> dict[str, Any]:
    return {"term": {scope.path(_STATUS): "stale"}}


@dataclass(frozen=True, slots=True)
class SourceUse:
    """How predictions used one feature source.

    Args:
        statuses: Predictions per status: `fresh`, `stale`, `missing`.
        ages: Predictions that know the source's age.
        age_total: Sum of those ages in seconds, None where it passes the greatest double.
        age_highest: Greatest of them, None without any.
        stale_from: Least age of those that were `stale`, None without any: the service uses
            defaults from this age on, or from one before it.
    """

    statuses: Counter[str] = quantity(Terms(_STATUS, 10))
    ages: int = quantity(Stat(_AGE, "count"))
    age_total: float | None = quantity(Stat(_AGE, "sum"))
    age_highest: float | None = quantity(Stat(_AGE, "max"))
    stale_from: float | None = quantity(Within(_is_stale, Stat(_AGE, "min")))

    @property
    def n(self) -> int:
        """Predictions that used the source or its defaults."""
        return self.statuses.total()


# Not `ml.features.*`: the sample rate stands in each line, also where features were not sampled.
_HAS_FEATURES = {
    "bool": {
        "should": [
            {"exists": {"field": field}}
            for field in (
                f"{NUMERIC_FIELD}*",
                f"{CATEGORICAL_FIELD}*",
                "ml.features.embedded",
                "ml.features.missing",
            )
        ]
    }
}


@dataclass(frozen=True, slots=True)
class PredictionProfile(VersionProfile):
    """The predictions of one model version in one window.

    Args:
        service: The service that predicted (the most frequent one).
        rows: Predictions whose features are in the log (features may be sampled).
        approved: Predictions the model approved.
        threshold: From which score on it approved (the most frequent threshold), None if unlogged.
        approved_from: The least score that it approved, None without any.
        rejected_to: The greatest score that it rejected, None without any.
        score: Scores over the baseline's edges, None without a baseline.
        numeric: Numeric features over the baseline's edges; `missing` is not set.
        categorical: Categorical features.
        present: Predictions with a value, per feature the log has and the baseline lacks.
        ignored: Predictions with a value that Elasticsearch keeps but does not index, per field:
            too long, or beyond the fields an index may have.
        sources: Feature sources by the service that used them.
        unindexed_rows: Predictions with features beyond the number that the shipper lets index.
        unindexed: Some of these features.
        hashed: Predictions whose log hashed a feature's value, by feature.
        withheld: Predictions whose log left a feature's value out, by feature.
    """

    service: str | None = quantity(MostFrequent("service.name"))
    rows: int = quantity(Count(_HAS_FEATURES))
    approved: int = quantity(Count({"term": {"ml.prediction.decision": "approved"}}))
    threshold: float | None = quantity(MostFrequent("ml.prediction.threshold"))
    approved_from: float | None = quantity(
        Within({"term": {"ml.prediction.decision": "approved"}}, Stat(SCORE, "min"))
    )
    rejected_to: float | None = quantity(
        Within({"term": {"ml.prediction.decision": "rejected"}}, Stat(SCORE, "max"))
    )
    score: Buckets | None = quantity(BucketCounts(SCORE, _score_edges))
    numeric: Mapping[str, Buckets] = quantity(
        ByName(lambda scope: scope.numeric, BucketCounts(NUMERIC_FIELD + "{name}", _numeric_edges)),
        detail=True,
    )
    categorical: Mapping[str, Categories] = quantity(
        ByName(lambda scope: scope.categorical, _KnownAndUnseen(Categories)), detail=True
    )
    present: Mapping[str, int] = quantity(
        ByName(lambda scope: scope.extra, ValueCount("{name}"), keep=bool), detail=True
    )
    ignored: Mapping[str, int] = quantity(Terms("_ignored", 100), detail=True)
    unindexed_rows: int = quantity(Count({"exists": {"field": UNINDEXED_NAMES.name}}))
    unindexed: Counter[str] = quantity(Terms(UNINDEXED_NAMES.name, 20), detail=True)
    hashed: Counter[str] = quantity(Terms("ml.features.hashed", 100), detail=True)
    withheld: Counter[str] = quantity(Terms("ml.features.withheld", 100), detail=True)
    sources: Mapping[OfService, SourceUse] = quantity(
        ByService(
            ByName(lambda scope: scope.fields.sources, Group(SourceUse), keep=lambda use: use.n > 0)
        ),
        detail=True,
    )

    @property
    def hidden(self) -> dict[str, str]:
        """What the log did to the features that cannot be compared: `hashed` or `left out`."""
        return dict.fromkeys(self.withheld, "left out") | dict.fromkeys(self.hashed, "hashed")

    @property
    def predictions(self) -> int:
        """Number of predictions."""
        return self.watermark.documents

    @property
    def unscored(self) -> int:
        """Predictions without a number as their score; 0 where the baseline has no scores."""
        return 0 if self.score is None else max(0, self.predictions - self.score.n)


class PredictionKind(VersionKind[PredictionProfile]):
    """Predictions by hour, model version and baseline."""

    name = KIND
    dataset = DATASET
    step = PREDICTION_STEP
    profile = PredictionProfile
    complete_for = 2 * DAY

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour, version, and baseline it is judged by."""
        present = {
            (window, model): read_watermark(version)
            for window, model, version in survey_versions(logs, DATASET, period, PREDICTION_STEP)
        }
        return prediction_profile_keys(present, logs.baselines, _around(logs, period))

    def make(
        self, logs: Logs, series: tuple[str, ...], part: Window
    ) -> Iterator[PredictionProfile]:
        """Yield a profile for each hour with predictions.

        Where an answer cannot hold an hour of all features, some are counted at a time. A window
        that one of these answers lacks (its events came in between) lacks its features: it is
        profiled again, for more events are there than it knows.
        """
        fields = logged_fields(logs.cluster.mapping(logs.stream(DATASET)).values())
        everything = PredictionScope(logs.by_id.get(series[2]), fields=fields)
        first, *others = parts(everything, MOST_BUCKETS)
        profiles = self._count(logs, series, part, first)
        features = ("watermark", "numeric", "categorical")
        more = [self._count(logs, series, part, other, features) for other in others]
        for window, profile in profiles.items():
            counted = [profile, *(found[window] for found in more if window in found)]
            yield replace(
                profile,
                numeric={name: of for profile in counted for name, of in profile.numeric.items()},
                categorical={
                    name: of for profile in counted for name, of in profile.categorical.items()
                },
            )

    def _count(
        self,
        logs: Logs,
        series: tuple[str, ...],
        part: Window,
        scope: PredictionScope,
        only: Sequence[str] | None = None,
    ) -> dict[Window, PredictionProfile]:
        """Return what a scope counts, by hour; where categories are left out, it counts again."""
        inside = ask(PredictionProfile, scope, only=only)
        buckets = dict(logs.count(DATASET, part, PREDICTION_STEP, inside, self.terms(series)))
        if not scope.separately and _crowded(scope, buckets.values()):
            return self._count(logs, series, part, replace(scope, separately=True), only)
        return {
            window: PredictionProfile(
                ProfileKey(KIND, window, series),
                **read(PredictionProfile, bucket, scope, only=only),
            )
            for window, bucket in buckets.items()
        }


def parts(scope: PredictionScope, most: int) -> Iterator[PredictionScope]:
    """Yield a scope, or where an hour of it has more buckets than `most`, one per some features."""
    count = -(-buckets_of(ask(PredictionProfile, scope)) // most)
    names = sorted({*scope.numeric, *scope.categorical})
    size = max(1, -(-len(names) // count))
    if count == 1 or len(names) <= 1:
        yield scope
        return
    for first in range(0, len(names), size):
        yield replace(scope, only=frozenset(names[first : first + size]))


def _crowded(scope: PredictionScope, buckets: Iterable[AnswerBucket]) -> bool:
    """Whether an answer left out categories, so that they have to be counted separately."""
    together = [
        f"categorical.{index}"
        for index, name in enumerate(sorted(scope.categorical))
        if replace(scope, name=name).together
    ]
    return any(bucket[name]["sum_other_doc_count"] for bucket in buckets for name in together)


def prediction_profile_keys(
    present: Present, baselines: Mapping[ModelKey, Baseline], around: Present = _NOTHING
) -> dict[ProfileKey, SourceWatermark]:
    """Return a profile_key for each window and each baseline it is judged by.

    Those are the baseline of the version that predicted, and the baselines of versions that predict
    within the day after it: a version's inputs are judged over whole days, of which the traffic of
    others is a part. Whether it is so follows from the windows of two days alone, so that a period
    and its parts have the same profile_keys.

    Args:
        present: The predictions of a period.
        baselines: The current baseline of each version.
        around: Those of the day before and the day after, as profiles know them: they open keys
            in the period, and versions of the period open keys there.
    """
    profile_keys = {
        ProfileKey(
            KIND, window, (*model, own.id if (own := baselines.get(model)) else "")
        ): watermark
        for (window, model), watermark in present.items()
    }
    for known, others in ((present, (present, around)), (around, (present,))):
        starts = _starts(others)
        for (window, model), watermark in known.items():
            for baseline in _judging(window, model, starts, baselines):
                profile_keys[ProfileKey(KIND, window, (*model, baseline))] = watermark
    return profile_keys


def _starts(found: Iterable[Present]) -> dict[ModelKey, list[datetime]]:
    """Return when the windows of each version start, in order."""
    starts: dict[ModelKey, list[datetime]] = {}
    for window, model in sorted(place for present in found for place in present):
        starts.setdefault(model, []).append(window.start)
    return starts


def _judging(
    window: Window,
    model: ModelKey,
    starts: Mapping[ModelKey, Sequence[datetime]],
    baselines: Mapping[ModelKey, Baseline],
) -> Iterator[str]:
    """Yield the baselines of other versions of the model that predict within the day after."""
    for other, of in starts.items():
        baseline = baselines.get(other)
        if baseline and other[0] == model[0] and other != model:
            following = bisect_left(of, window.start)
            if following < len(of) and of[following] < window.end + DAY:
                yield baseline.id


def _around(logs: Logs, period: Window) -> dict[tuple[Window, ModelKey], SourceWatermark]:
    """Return what profiles know of the predictions of the day before a period and the day after."""
    store = ProfileStore(logs.cluster, logs.namespace)
    return {
        (profile_key.window, (profile_key.series[0], profile_key.series[1])): stamp.watermark
        for time in (
            Window(period.start - PREDICTION_STEP - DAY, period.start),
            Window(period.end, min(period.end + PREDICTION_STEP + DAY, logs.now)),
        )
        if time.start < time.end
        for profile_key, stamp in store.stamps(KIND, time).items()
    }
