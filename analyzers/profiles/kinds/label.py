"""What became of an hour's predictions: their labels by score, in order, and what they brought.

A window is that of the predictions, not of the labels: labels that come weeks later are counted
where their predictions are, as a new revision of that window's profile. One request answers for
many hours, but for the order of the errors: that is read from the labels themselves, a bounded
number per hour.

A label names the declared features that were looked up when it was joined, and which segments
that put it in. So labels of a value that is no segment, and labels that were joined before a
feature was declared, are counted separately from those of the segments, never guessed.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window, floor, from_milliseconds
from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.baselines.stored_buckets import decode_labeled, encode_labeled
from mlmon.analyzers.event_logs.aggregations import finite_sum, known_since, period_query, ranges
from mlmon.analyzers.labels.join import join_new
from mlmon.analyzers.labels.label import DIVIDED_BY, SEGMENTS
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.profiles.profile import VersionProfile
from mlmon.analyzers.profiles.quantities import (
    AnswerBucket,
    BucketCounts,
    ByName,
    Count,
    DeclarationScope,
    DocumentCount,
    Group,
    MostFrequent,
    NumberTally,
    Quantity,
    Ranges,
    Sum,
    Text,
    Watermark,
    Within,
    ask,
    counts_of,
    quantity,
    read,
)
from mlmon.analyzers.profiles.version_kind import VersionKind, survey_versions
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.elastic.indices.names import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "label"
DATASET = LABELS
LABEL_STEP = HOUR
MOST_ERRORS = 500
"""Predictions of a window kept in order for the detectors of concept drift."""

_PAGE = 2_000
_SCORE, _WRONG = "ml.prediction.score", "label.wrong"
_POSITIVE = {"term": {"ml.outcome.label": True}}
_NEGATIVE = {"term": {"ml.outcome.label": False}}
_APPROVED = {"term": {"ml.prediction.decision": "approved"}}
_REJECTED = {"bool": {"must_not": [_APPROVED]}}
# Without a score nothing is expected: such rows are left among the other values.
_SCORED = {"bool": {"filter": [_APPROVED, {"exists": {"field": _SCORE}}]}}

# fmt: off
DELAYS = (
    1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 30, 36, 42, 48, 54, 60, 66, 72, 84, 96, 108, 120,
    144, 168, 192, 216, 240, 288, 336, 384, 432, 504, 600, 720, 840, 960, 1_080, 1_200, 1_440,
    1_680, 2_160, 2_880, 4_320, 6_480, 9_600,
)
# fmt: on
"""Hours that delays are rounded up to; a longer one counts as the last."""

DELAY_EDGES = tuple(math.nextafter(hours, math.inf) for hours in DELAYS[:-1])
"""Edges of buckets that hold what is rounded up to each of `DELAYS`."""


class Delays(NumberTally):
    """Labels by hours from prediction to (first) label, rounded up to one of `DELAYS`."""

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for ranges."""
        del scope
        return {name: {"range": {"field": "label.delay_hours", "ranges": ranges(DELAY_EDGES)}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Counter[int]:
        """Return the labels of each delay that there is."""
        del scope
        counts = zip(DELAYS, counts_of(bucket[name]), strict=True)
        return Counter({hours: count for hours, count in counts if count})


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labeled predictions of one kind of decision.

    Args:
        labeled: How many.
        positives: Of them, those that succeeded.
        value: What the successes brought, in the service's currency; None where the sum passes the
            greatest double.
        delays: Of them, by hours from prediction to (first) label, rounded up to one of `DELAYS`.
    """

    labeled: int = quantity(DocumentCount())
    positives: int = quantity(Count(_POSITIVE))
    value: float | None = quantity(Within(_POSITIVE, Sum("ml.outcome.value")))
    delays: Counter[int] = quantity(Delays())


def _segment_edges(scope: DeclarationScope) -> tuple[float, ...]:
    return scope.baseline.segment_edges if scope.baseline else ()


@dataclass(frozen=True, slots=True)
class SegmentOutcomes:
    """The labeled predictions of one segment, their scores over the baseline's coarse edges.

    Args:
        succeeded: Approved predictions that succeeded.
        approved: Scores of the approved ones.
        positives: Scores of all that came true, approved or not.
        negatives: Scores of all that did not.
    """

    succeeded: int = quantity(Count({"bool": {"filter": [_SCORED, _POSITIVE]}}))
    approved: tuple[int, ...] = quantity(Within(_SCORED, Ranges(_SCORE, _segment_edges)))
    positives: tuple[int, ...] = quantity(Within(_POSITIVE, Ranges(_SCORE, _segment_edges)))
    negatives: tuple[int, ...] = quantity(Within(_NEGATIVE, Ranges(_SCORE, _segment_edges)))

    @property
    def labeled(self) -> int:
        """Approved predictions whose label is known."""
        return sum(self.approved)

    def scores(self, edges: tuple[float, ...]) -> Buckets:
        """Return the scores of the approved ones as buckets over the coarse edges."""
        return Buckets(edges, self.approved)


@dataclass(frozen=True, slots=True)
class FeatureOutcomes:
    """The labeled predictions that a feature divides.

    Args:
        approved: Labels of approved predictions for which the feature was looked up.
        values: Labels by value, of the values that are segments of the baseline.
    """

    approved: int = quantity(Count(_APPROVED))
    values: Mapping[str, SegmentOutcomes] = quantity(
        ByName(lambda _scope: (), Group(SegmentOutcomes))
    )

    @property
    def other(self) -> int:
        """Of `approved`, those of a value that is no segment, or of none."""
        return max(0, self.approved - sum(value.labeled for value in self.values.values()))


class _Divided(ByName):
    """Labels by the features that divide the traffic; of a feature no label knows, nothing."""

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for terms of the features and of the segments."""
        segments = _segments(scope)
        if not segments:
            return {}
        features = sorted({feature for feature, _ in segments.values()})
        return {
            name: {
                "terms": _only(DIVIDED_BY, features),
                "aggs": ask(FeatureOutcomes, scope, only=["approved"]),
            },
            f"{name}.values": {
                "terms": _only(SEGMENTS, list(segments)),
                "aggs": ask(SegmentOutcomes, scope),
            },
        }

    def read(
        self, bucket: AnswerBucket, name: str, scope: DeclarationScope
    ) -> Mapping[str, FeatureOutcomes]:
        """Return the outcomes by feature."""
        segments = _segments(scope)
        if not segments:
            return {}
        values: dict[str, dict[str, SegmentOutcomes]] = {}
        for segment in bucket[f"{name}.values"]["buckets"]:
            feature, value = segments[segment["key"]]
            outcomes = SegmentOutcomes(**read(SegmentOutcomes, segment, scope))
            values.setdefault(feature, {})[value] = outcomes
        return {
            feature["key"]: FeatureOutcomes(
                **read(FeatureOutcomes, feature, scope, only=["approved"]),
                values=values.get(feature["key"], {}),
            )
            for feature in bucket[name]["buckets"]
        }


def _segments(scope: DeclarationScope) -> dict[str, tuple[str, str]]:
    """Return feature and value of each segment of the baseline, by its name."""
    return {
        segment_name(feature, value): (feature, value)
        for feature, values in (scope.baseline.segments if scope.baseline else {}).items()
        for value in values
    }


def _only(field: str, values: list[str]) -> dict[str, Any]:
    return {"field": field, "include": values, "size": len(values)}


def _score_edges(scope: DeclarationScope) -> tuple[float, ...] | None:
    baseline = scope.baseline
    return baseline.score.edges if baseline and baseline.score else None


class _ScoresByLabel(Quantity["LabeledScores | None"]):
    """Scores by label over the baseline's edges, None without a baseline with scores."""

    scores = BucketCounts(_SCORE, _score_edges)

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the scores of each label, and their sum per bucket."""
        inside = self.scores.ask("scores", scope)
        if not inside:
            return {}
        inside["scores"]["aggs"] = {"sum": {"sum": {"field": _SCORE}}}
        return {
            f"{name}.positives": {"filter": _POSITIVE, "aggs": inside},
            f"{name}.negatives": {"filter": _NEGATIVE, "aggs": inside},
        }

    def read(
        self, bucket: AnswerBucket, name: str, scope: DeclarationScope
    ) -> LabeledScores | None:
        """Return the scores."""
        if _score_edges(scope) is None:
            return None
        labels = [bucket[f"{name}.positives"], bucket[f"{name}.negatives"]]
        positives, negatives = (self.scores.read(label, "scores", scope) for label in labels)
        if positives is None or negatives is None:
            return None
        return LabeledScores(positives, negatives, *map(_sums, labels))

    def empty(self) -> LabeledScores | None:
        """Return None."""
        return None

    def encode(self, value: LabeledScores | None) -> Any:
        """Return all but the edges."""
        return encode_labeled(value) if value else None

    def decode(self, body: Any, scope: DeclarationScope) -> LabeledScores | None:
        """Read what `encode` wrote over the same edges."""
        edges = _score_edges(scope)
        return None if body is None or edges is None else decode_labeled(edges, body)

    def merge(self, values: Sequence[LabeledScores | None]) -> LabeledScores | None:
        """Add them."""
        known = [value for value in values if value is not None]
        return sum(known[1:], known[0]) if known else None


def _sums(label: AnswerBucket) -> tuple[float, ...] | None:
    sums = [finite_sum(bucket["sum"]["value"]) for bucket in label["scores"]["buckets"]]
    known = tuple(value for value in sums if value is not None)
    return known if len(known) == len(sums) else None


class _OutcomeWatermark(Watermark):
    """The outcomes of a bucket of labels, repeated ones included: any that comes is one more."""

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the outcomes, and when the last of them was joined."""
        del name, scope
        return {**known_since(), "outcomes": {"sum": {"field": "label.outcomes"}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> SourceWatermark:
        """Return their number, and when the last was joined."""
        known = super().read(bucket, name, scope)
        return replace(known, documents=int(bucket["outcomes"]["value"]))


_WATERMARK = _OutcomeWatermark()


@dataclass(frozen=True, slots=True)
class LabelProfile(VersionProfile):
    """The labeled predictions of one model version in one window; merged in order of time.

    Args:
        watermark: What it was made from: outcomes of the window's predictions (repeated ones
            included, so that any that comes is more), and when the last was joined.
        scores: Scores by label over the baseline's edges, None without a baseline with scores.
        approved: What became of the predictions the model approved.
        rejected: What became of those it rejected.
        threshold: From which score on it approved (the most frequent threshold).
        errors: Whether the decision was wrong, `1` or `0` each, in order of prediction: of all, or
            of `MOST_ERRORS` chosen by their ids where there are more.
        contradicted: Predictions whose outcomes differ; the last one counts.
        service: The service that predicted.
        segments: Labels by the features that divide the traffic, where the baseline has such; of a
            feature that was declared after all of them were joined, nothing.
    """

    watermark: SourceWatermark = quantity(_WATERMARK, stored=False)
    scores: LabeledScores | None = quantity(_ScoresByLabel())
    approved: Outcomes = quantity(Within(_APPROVED, Group(Outcomes)))
    rejected: Outcomes = quantity(Within(_REJECTED, Group(Outcomes)))
    threshold: float | None = quantity(MostFrequent("ml.prediction.threshold"))
    errors: str = quantity(Text())
    contradicted: int = quantity(Count({"term": {"label.contradicted": True}}))
    service: str | None = quantity(MostFrequent("service.name"))
    segments: Mapping[str, FeatureOutcomes] = quantity(
        _Divided(lambda _scope: (), Group(FeatureOutcomes))
    )

    @property
    def labeled(self) -> int:
        """Labeled predictions."""
        return self.approved.labeled + self.rejected.labeled

    @property
    def delays(self) -> Counter[int]:
        """Labels by hours from prediction to label, rounded up to one of `DELAYS`."""
        return self.approved.delays + self.rejected.delays


class LabelKind(VersionKind[LabelProfile]):
    """Labeled predictions by hour, model version and baseline."""

    name = KIND
    dataset = DATASET
    step = LABEL_STEP
    profile = LabelProfile
    preparations = (join_new,)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour and version with labels, over its baseline."""
        keys: dict[ProfileKey, SourceWatermark] = {}
        known = _WATERMARK.ask("", DeclarationScope())
        found = survey_versions(logs, DATASET, period, LABEL_STEP, inside=known)
        for window, model, version in found:
            own = logs.baselines.get(model)
            key = ProfileKey(KIND, window, (*model, own.id if own else ""))
            keys[key] = _WATERMARK.read(version, "", DeclarationScope())
        return keys

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[LabelProfile]:
        """Yield a profile for each hour with labels."""
        scope, terms = self.scope(series, logs.by_id) or DeclarationScope(), self.terms(series)
        judged = {"judged": {"filter": {"exists": {"field": _WRONG}}}}
        inside = {**ask(LabelProfile, scope), **judged}
        hours = dict(logs.count(DATASET, part, LABEL_STEP, inside, terms))
        counts = {window: bucket["judged"]["doc_count"] for window, bucket in hours.items()}
        errors = _errors(logs, terms, part, counts)
        for window, bucket in hours.items():
            profile = self.profile_of(window, series, bucket, scope)
            yield replace(profile, errors=errors.get(window, ""))

    def chosen(
        self, profiles: Iterable[LabelProfile], current: Mapping[tuple[str, str], Baseline]
    ) -> Sequence[LabelProfile]:
        """Return one profile per hour and version, over its current baseline where there is one."""
        return one_per_version(profiles, current)


def _errors(
    logs: Logs, terms: Mapping[str, str], period: Window, counts: Mapping[Window, int]
) -> dict[Window, str]:
    """Return each window's errors: all, or a sample drawn by the predictions' ids."""
    judged: dict[Window, list[_Judged]] = {}
    small = [window for window, n in counts.items() if 0 < n <= MOST_ERRORS]
    if small:
        body = _errors_body(period, terms, [{"@timestamp": "asc"}, {"ml.prediction.id": "asc"}])
        body["query"]["bool"]["filter"].append(
            {"bool": {"should": [period_query(window, terms)["query"] for window in small]}}
        )
        for hit in logs.scan(DATASET, body | {"size": _PAGE}):
            found = _judged(hit)
            start = floor(from_milliseconds(found.at), LABEL_STEP)
            judged.setdefault(Window(start, start + LABEL_STEP), []).append(found)
    for window in (window for window, n in counts.items() if n > MOST_ERRORS):
        body = _errors_body(window, terms, [{"label.draw": "asc"}, {"ml.prediction.id": "asc"}])
        answer = logs.cluster.search(logs.index(DATASET), body | {"size": MOST_ERRORS})
        judged[window] = [_judged(hit) for hit in answer["hits"]["hits"]]
    return {
        window: "".join("1" if decision.wrong else "0" for decision in sorted(found))
        for window, found in judged.items()
    }


class _Judged(NamedTuple):
    """Whether the decision about one prediction was wrong; they sort by time."""

    at: float
    prediction_id: str
    wrong: bool


def _judged(hit: Mapping[str, Any]) -> _Judged:
    fields = hit["fields"]
    at, prediction_id = float(fields["@timestamp"][0]), fields["ml.prediction.id"][0]
    return _Judged(at, prediction_id, bool(fields[_WRONG][0]))


def _errors_body(period: Window, terms: Mapping[str, str], order: list[Any]) -> dict[str, Any]:
    body = period_query(period, terms)
    body["query"]["bool"]["filter"].append({"exists": {"field": _WRONG}})
    return body | {
        "stored_fields": "_none_",
        "docvalue_fields": [
            {"field": "@timestamp", "format": "epoch_millis"},
            "ml.prediction.id",
            _WRONG,
        ],
        "sort": order,
    }


def in_hours(delays: Mapping[int, int]) -> Buckets:
    """Return delays as buckets, ready for percentiles; one before its prediction counts as none."""
    return Buckets(DELAY_EDGES, tuple(delays.get(hours, 0) for hours in DELAYS), minimum=0.0)
