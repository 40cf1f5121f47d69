"""The baseline of one model version: its training set, counted in buckets live traffic shares."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.baselines.score_sums import ScoreSums
from mlmon.analyzers.baselines.segments import SegmentBaseline, coarse, decode, encode
from mlmon.analyzers.baselines.stored_buckets import decode_labeled, encode_labeled
from mlmon.analyzers.baselines.stored_vectors import StoredVectors
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.categories import CategoryCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlmon.analyzers.base.reference_part import PartKind, ReferencePart
    from mlmon.analyzers.baselines.accepted import AcceptedReference
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

BASELINE_FORMAT = 4


@dataclass(frozen=True, slots=True)
class CategoryBaseline:
    """A categorical feature of the training set.

    Args:
        counts: Rows per category, the most frequent ones.
        rest: Rows of the categories that are not in `counts`.
        singletons: Categories that occur in one row only.
        missing: Rows without a value.
    """

    counts: Counter[str]
    rest: int = 0
    singletons: int = 0
    missing: int = 0

    @property
    def n(self) -> int:
        """Rows with a value."""
        return self.counts.total() + self.rest

    @property
    def counted(self) -> CategoryCounts:
        """The rows as statistics take them: all rows of a named category are counted."""
        return CategoryCounts(self.counts, self.rest)

    @property
    def expected_unseen(self) -> float:
        """The share of new rows whose category the training set does not have.

        Good's estimate: the share of rows whose category occurs once (Good, I. J. (1953). The
        population frequencies of species and the estimation of population parameters. Biometrika
        40, 237-264).
        """
        return self.singletons / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class SegmentFeatures:
    """The features of one segment of the training set.

    Args:
        rows: Rows of the segment.
        numeric: Numeric features over few edges of the whole training set's, its range among them.
        categorical: Categorical features; only the most frequent categories of the whole training
            set are named.
    """

    rows: int
    numeric: Mapping[str, Buckets]
    categorical: Mapping[str, CategoryBaseline]


@dataclass(frozen=True)
class Baseline:
    """One model version's training set in numbers.

    Args:
        model_name: Name of the model.
        model_version: Its version.
        rows: Rows of the training set.
        created: When the baseline was made.
        source: Name of the file it was made from.
        score: Out-of-fold scores, None where the table has none.
        labeled: These scores by label, over the same edges and with their sums; None where the
            table has no labels.
        numeric: Numeric features; edges are the feature's own quantiles.
        categorical: Categorical features.
        metrics: Offline evaluation, such as `roc_auc`.
        passed_over: Columns that are neither numbers, categories nor embeddings, or hold no value.
        score_sums: Scores by bucket or category of each feature; empty where there are no scores.
        finer: Numeric features and, as `ml.prediction.score`, the scores over ten times as many
            edges, those of `numeric` and `score` among them: where buckets leave a verdict open.
        embeddings: A sample of each embedding.
        segments: The parts that the training set was divided into, by feature and value.
        segment_features: Features of the largest of these parts, by name such as `country=DE`.
        accepted: The parts that a person moved to later traffic; never stored with the baseline.
    """

    model_name: str
    model_version: str
    rows: int
    created: datetime
    source: str
    score: Buckets | None = None
    labeled: LabeledScores | None = None
    numeric: Mapping[str, Buckets] = field(default_factory=dict)
    categorical: Mapping[str, CategoryBaseline] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    score_sums: Mapping[str, ScoreSums] = field(default_factory=dict)
    finer: Mapping[str, Buckets] = field(default_factory=dict)
    embeddings: Mapping[str, StoredVectors] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, SegmentBaseline]] = field(default_factory=dict)
    segment_features: Mapping[str, SegmentFeatures] = field(default_factory=dict)
    accepted: Mapping[ReferencePart, AcceptedReference] = field(default_factory=dict)

    def with_parts(self, **parts: Any) -> Baseline:
        """Return this baseline with other parts under its own id: profiles name it by that."""
        moved = replace(self, **parts)
        # A cached property: its value stands in the instance, also of a frozen one.
        vars(moved)["id"] = self.id
        return moved

    def accepted_note(self, part: ReferencePart) -> str:
        """Return what a sentence adds where a part was moved; empty where it was not."""
        reference = self.accepted.get(part)
        return f"; {reference.note}" if reference else ""

    def counted_since(self, kind: PartKind) -> datetime | None:
        """Return since when the moved parts of a kind are counted; None where none was moved.

        Older traffic is not what they stand for.
        """
        return max(
            (each.counted.start for part, each in self.accepted.items() if part.kind == kind),
            default=None,
        )

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        return self.model_name, self.model_version

    @property
    def segment_edges(self) -> tuple[float, ...]:
        """The edges over which the scores of segments are counted; none without scores."""
        return coarse(self.score.edges) if self.score else ()

    def of_segment(self, name: str) -> Baseline | None:
        """Return the features of a segment as a baseline of their own; None where not counted."""
        found = self.segment_features.get(name)
        if found is None:
            return None
        return Baseline(
            *self.model,
            found.rows,
            self.created,
            self.source,
            numeric=found.numeric,
            categorical=found.categorical,
        )

    @property
    def features(self) -> list[str]:
        """Names of all features, sorted."""
        return sorted([*self.numeric, *self.categorical])

    @cached_property
    def id(self) -> str:
        """20 hexadecimal digits of its content: the same training set gives the same id."""
        return digest([BASELINE_FORMAT, self.model_name, self.model_version, self._body()])

    def to_document(self) -> dict[str, Any]:
        """Return the document's source."""
        return {
            "@timestamp": iso(self.created),
            "ml.model.name": self.model_name,
            "ml.model.version": self.model_version,
            "baseline.id": self.id,
            "baseline.format": BASELINE_FORMAT,
            "baseline.rows": self.rows,
            "baseline.source": self.source,
            "baseline.body": self._body(),
        }

    def _body(self) -> dict[str, Any]:
        divided = {
            name: {
                "rows": segment.rows,
                "numeric": {of: _encode(sample) for of, sample in segment.numeric.items()},
                "categorical": _encode_categories(segment.categorical),
            }
            for name, segment in self.segment_features.items()
        }
        # Left out where there are none: a baseline without segments keeps its id.
        features = {"segment_features": divided} if divided else {}
        return features | {
            "rows": self.rows,
            "score": _encode(self.score) if self.score else None,
            "labelled": encode_labeled(self.labeled) if self.labeled else None,
            "numeric": {name: _encode(sample) for name, sample in self.numeric.items()},
            "categorical": _encode_categories(self.categorical),
            "metrics": self.metrics,
            "passed_over": self.passed_over,
            "score_sums": {name: sums.to_body() for name, sums in self.score_sums.items()},
            "finer": {name: _encode_finer(finer) for name, finer in self.finer.items()},
            "embeddings": {name: vectors.to_body() for name, vectors in self.embeddings.items()},
            "segments": encode(self.segments),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Baseline:
        """Read what `to_document` wrote."""
        body = document["baseline.body"]
        score = _decode(body["score"]) if body["score"] else None
        labeled = body["labelled"]
        return cls(
            document["ml.model.name"],
            document["ml.model.version"],
            body["rows"],
            parse_time(document["@timestamp"]),
            document["baseline.source"],
            score,
            decode_labeled(score.edges, labeled) if score and labeled else None,
            {name: _decode(sample) for name, sample in body["numeric"].items()},
            _decode_categories(body["categorical"]),
            body["metrics"],
            tuple(body["passed_over"]),
            {name: ScoreSums.from_body(sums) for name, sums in body["score_sums"].items()},
            {name: _decode_finer(finer) for name, finer in body["finer"].items()},
            {
                name: StoredVectors.from_body(vectors)
                for name, vectors in body["embeddings"].items()
            },
            decode(body["segments"]),
            {
                name: SegmentFeatures(
                    segment["rows"],
                    {of: _decode(sample) for of, sample in segment["numeric"].items()},
                    _decode_categories(segment["categorical"]),
                )
                for name, segment in body.get("segment_features", {}).items()
            },
        )


def _encode_categories(of: Mapping[str, CategoryBaseline]) -> dict[str, Any]:
    return {
        name: {
            "counts": categories.counts,
            "rest": categories.rest,
            "singletons": categories.singletons,
            "missing": categories.missing,
        }
        for name, categories in of.items()
    }


def _decode_categories(body: Mapping[str, Any]) -> dict[str, CategoryBaseline]:
    return {
        name: CategoryBaseline(**(categories | {"counts": Counter(categories["counts"])}))
        for name, categories in body.items()
    }


def _encode(sample: Buckets) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in Buckets.__slots__}


def _decode(body: dict[str, Any]) -> Buckets:
    return Buckets(**(body | {"edges": tuple(body["edges"]), "counts": tuple(body["counts"])}))


def _encode_finer(sample: Buckets) -> dict[str, Any]:
    return {"edges": sample.edges, "counts": sample.counts}


def _decode_finer(body: dict[str, Any]) -> Buckets:
    return Buckets(tuple(body["edges"]), tuple(body["counts"]))


def dividing(baselines: Iterable[Baseline]) -> tuple[str, ...]:
    """Return the features that divide the traffic by some baselines, sorted."""
    return tuple(sorted({feature for baseline in baselines for feature in baseline.segments}))
