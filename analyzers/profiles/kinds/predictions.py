"""What one model version predicted in a window: its scores, its features, the features' sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.baselines.stored_buckets import Body, decode_sum, encode
from mlmon.analyzers.statistics.buckets import merge, sum_if_known
from mlmon.analyzers.statistics.categories import CategoryCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.statistics.buckets import Buckets

T = TypeVar("T")


class OfModel(Protocol):
    """A profile of one model version over one baseline's edges."""

    @property
    def window(self) -> Window:
        """The time summarised."""
        ...

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        ...

    @property
    def baseline_id(self) -> str:
        """The baseline whose edges were used, "" for none."""
        ...


M = TypeVar("M", bound=OfModel)

KIND = "prediction"
DATASET = "ml.prediction"


@dataclass(frozen=True, slots=True)
class Categories:
    """Predictions per category of one feature.

    Args:
        counts: Those of the baseline's categories, or without a baseline the most frequent.
        unseen: The most frequent categories the baseline does not have.
        other: Predictions whose category is in neither.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)
    other: int = 0

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

    @classmethod
    def total(cls, parts: Iterable[Categories]) -> Categories:
        """Return the sum of a feature's categories in several windows."""
        counts: Counter[str] = Counter()
        unseen: Counter[str] = Counter()
        other = 0
        for part in parts:
            counts.update(part.counts)
            unseen.update(part.unseen)
            other += part.other
        return cls(counts, unseen, other)


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

    statuses: Counter[str] = field(default_factory=Counter)
    ages: int = 0
    age_total: float | None = 0.0
    age_highest: float | None = None
    stale_from: float | None = None

    @property
    def n(self) -> int:
        """Predictions that used the source or its defaults."""
        return self.statuses.total()

    def __add__(self, more: SourceUse) -> SourceUse:
        highest = [use.age_highest for use in (self, more) if use.age_highest is not None]
        stale = [use.stale_from for use in (self, more) if use.stale_from is not None]
        return SourceUse(
            self.statuses + more.statuses,
            self.ages + more.ages,
            sum_if_known([self.age_total, more.age_total]),
            max(highest, default=None),
            min(stale, default=None),
        )


@dataclass(frozen=True, slots=True)
class PredictionProfile:
    """The predictions of one model version in one window.

    Args:
        profile_key: Window, and model name, version and baseline as its series.
        watermark: What it was made from.
        revision: 1, and one more each time it was made again because of late events.
        service: The service that predicted (the most frequent one).
        rows: Predictions whose features are in the log (features may be sampled).
        approved: Predictions the model approved.
        threshold: From which score on it approved (the most frequent threshold), None if unlogged.
        score: Scores over the baseline's edges, None without a baseline.
        numeric: Numeric features over the baseline's edges; `missing` is not set.
        categorical: Categorical features.
        present: Predictions with a value, per feature the log has and the baseline lacks.
        ignored: Predictions with a value that Elasticsearch keeps but does not index, per field:
            too long, or beyond the fields an index may have.
        sources: Feature sources.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    service: str | None = None
    rows: int = 0
    approved: int = 0
    threshold: float | None = None
    score: Buckets | None = None
    numeric: Mapping[str, Buckets] = field(default_factory=dict)
    categorical: Mapping[str, Categories] = field(default_factory=dict)
    present: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, SourceUse] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version, _ = self.profile_key.series
        return name, version

    @property
    def baseline_id(self) -> str:
        """The baseline whose edges were used, "" for none."""
        return self.profile_key.series[2]

    @property
    def predictions(self) -> int:
        """How many predictions."""
        return self.watermark.documents

    def body(self) -> Body:
        """Return what is stored beside profile key and watermark."""
        return {
            "service": self.service,
            "rows": self.rows,
            "approved": self.approved,
            "threshold": self.threshold,
            "score": encode(self.score) if self.score else None,
            "numeric": {name: encode(each) for name, each in self.numeric.items()},
            "categorical": {
                name: {"counts": each.counts, "unseen": each.unseen, "other": each.other}
                for name, each in self.categorical.items()
            },
            "present": self.present,
            "ignored": self.ignored,
            "sources": {
                name: {
                    "statuses": each.statuses,
                    "ages": each.ages,
                    "age_total": each.age_total,
                    "age_highest": each.age_highest,
                    "stale_from": each.stale_from,
                }
                for name, each in self.sources.items()
            },
        }


def from_body(
    profile_key: ProfileKey,
    watermark: SourceWatermark,
    revision: int,
    body: Body,
    baseline: Baseline | None,
) -> PredictionProfile:
    """Read what `PredictionProfile.body` wrote, or its core, over the key's baseline."""
    return from_bodies(profile_key, watermark, revision, [body], baseline)


def from_bodies(
    profile_key: ProfileKey,
    watermark: SourceWatermark,
    revision: int,
    bodies: Sequence[Body],
    baseline: Baseline | None,
) -> PredictionProfile:
    """Read the sum of one or more bodies of a series, as `total` without a profile of each."""
    scores = [each["score"] for each in bodies if each["score"] is not None]
    numeric = _gather(each.get("numeric", {}) for each in bodies)
    categorical = _gather(each.get("categorical", {}) for each in bodies)
    sources = _gather(each.get("sources", {}) for each in bodies)
    return PredictionProfile(
        profile_key,
        watermark,
        revision,
        service=bodies[0]["service"],
        rows=sum(each["rows"] for each in bodies),
        approved=sum(each["approved"] for each in bodies),
        threshold=_first_known(each["threshold"] for each in bodies),
        score=decode_sum(baseline.score.edges, scores)
        if baseline and baseline.score and scores
        else None,
        numeric={name: decode_sum(baseline.numeric[name].edges, of) for name, of in numeric.items()}
        if baseline
        else {},
        categorical={
            name: Categories.total(Categories(**each) for each in of)
            for name, of in categorical.items()
        },
        present=_added(each.get("present", {}) for each in bodies),
        ignored=_added(each.get("ignored", {}) for each in bodies),
        sources={
            name: reduce(SourceUse.__add__, map(_source_use, of)) for name, of in sources.items()
        },
    )


def _source_use(body: Body) -> SourceUse:
    return SourceUse(**(body | {"statuses": Counter(body["statuses"])}))


def _first_known(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _added(mappings: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(of) for name, of in _gather(mappings).items()}


def one_per_version(
    profiles: Iterable[M], baselines: Mapping[tuple[str, str], Baseline]
) -> list[M]:
    """Return one profile per window and model version, in order of time.

    A window has a profile for each baseline it is judged by; the one over the version's own
    current baseline is taken where there is one.
    """
    chosen: dict[tuple[Window, tuple[str, str]], M] = {}
    for profile in profiles:
        own = baselines.get(profile.model)
        place = (profile.window, profile.model)
        if place not in chosen or (own is not None and profile.baseline_id == own.id):
            chosen[place] = profile
    return [chosen[place] for place in sorted(chosen)]


def total(profiles: Iterable[PredictionProfile]) -> PredictionProfile:
    """Return the sum of one or more profiles that were made over one baseline's edges.

    The profile_key and revision are those of the first.
    """
    parts = list(profiles)
    first = parts[0]
    scores = [part.score for part in parts if part.score is not None]
    return replace(
        first,
        watermark=reduce(SourceWatermark.__add__, (part.watermark for part in parts)),
        rows=sum(part.rows for part in parts),
        approved=sum(part.approved for part in parts),
        threshold=_first_known(part.threshold for part in parts),
        score=merge(scores) if scores else None,
        numeric={name: merge(of) for name, of in _gather(part.numeric for part in parts).items()},
        categorical={
            name: Categories.total(of)
            for name, of in _gather(part.categorical for part in parts).items()
        },
        present=_added(part.present for part in parts),
        ignored=_added(part.ignored for part in parts),
        sources={
            name: reduce(SourceUse.__add__, of)
            for name, of in _gather(part.sources for part in parts).items()
        },
    )


def joined(parts: Sequence[Sequence[PredictionProfile]]) -> Iterator[PredictionProfile]:
    """Yield the profiles of some windows whose features were counted apart, whole.

    What the first part says of a window counts for all but the features. A window that a part lacks
    (its events came between two countings) lacks that part's features: it is profiled anew, for
    more events are there than it knows.

    Args:
        parts: Profiles of the same windows, each part with other features.
    """
    first, *others = parts
    beside = [{profile.profile_key: profile for profile in part} for part in others]
    for profile in first:
        parts_of = [
            profile,
            *(part[profile.profile_key] for part in beside if profile.profile_key in part),
        ]
        yield replace(
            profile,
            numeric={name: of for part in parts_of for name, of in part.numeric.items()},
            categorical={name: of for part in parts_of for name, of in part.categorical.items()},
        )


def _gather(mappings: Iterable[Mapping[str, T]]) -> dict[str, list[T]]:
    gathered: dict[str, list[T]] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            gathered.setdefault(name, []).append(value)
    return gathered
