"""From a baseline to the aggregations that profile labels, and from their answer to profiles.

Both are pure. One request answers for every hour of its period, but for the order of the errors:
that is read from the labels themselves, a bounded number per hour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    finite_sum,
    known_since,
    period_query,
    ranges,
)
from mlmon.analyzers.profiles.kinds.label_segment_query import (
    APPROVED,
    NEGATIVE,
    POSITIVE,
    SCORE,
    LabelSegmentQuery,
)
from mlmon.analyzers.profiles.kinds.labels import (
    DELAY_EDGES,
    DELAYS,
    KIND,
    MOST_ERRORS,
    LabelProfile,
    Outcomes,
)
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline

STEP = HOUR
WRONG = "label.wrong"


def outcomes_known() -> dict[str, Any]:
    """Return the aggregations for what a bucket of labels was made from: its outcomes."""
    return {**known_since(), "outcomes": {"sum": {"field": "label.outcomes"}}}


def read_outcomes_known(bucket: Mapping[str, Any]) -> SourceWatermark:
    """Read what a bucket with `outcomes_known` was made from."""
    ingested = bucket["ingested"]["value"]
    return SourceWatermark(
        int(bucket["outcomes"]["value"]), None if ingested is None else from_milliseconds(ingested)
    )


@dataclass(frozen=True)
class LabelQuery:
    """How to profile the labels of one model version.

    Args:
        model: Name and version of the model that predicted.
        baseline: Baseline over whose score's edges labels are counted, None for no counts.
    """

    model: tuple[str, str]
    baseline: Baseline | None

    @property
    def series(self) -> tuple[str, str, str]:
        """The series of the profiles it makes."""
        return (*self.model, self.baseline.id if self.baseline else "")

    @property
    def edges(self) -> tuple[float, ...] | None:
        """The edges scores are counted over, None without."""
        return self.baseline.score.edges if self.baseline and self.baseline.score else None

    @property
    def buckets(self) -> int:
        """Buckets that the answer holds per window, at most."""
        whole = 12 + 2 * len(DELAYS) + 2 * (len(self.edges or ()) + 2)
        return whole + self._segments.buckets

    @cached_property
    def _segments(self) -> LabelSegmentQuery:
        return LabelSegmentQuery(self.baseline)

    def query(self, period: Window) -> dict[str, Any]:
        """Return the search body, without aggregations, for a period."""
        name, version = self.model
        return period_query(period, {"ml.model.name": name, "ml.model.version": version})

    def body(self, period: Window) -> dict[str, Any]:
        """Return the search body for the profiles of a period."""
        windows = {"date_histogram": {**DATE, "fixed_interval": "1h"}, "aggs": self._inside()}
        return self.query(period) | {"aggs": {"windows": windows}}

    def _inside(self) -> dict[str, Any]:
        became = {
            "positives": {
                "filter": POSITIVE,
                "aggs": {"value": {"sum": {"field": "ml.outcome.value"}}},
            },
            "delays": {"range": {"field": "label.delay_hours", "ranges": ranges(DELAY_EDGES)}},
        }
        aggs: dict[str, Any] = {
            **outcomes_known(),
            **self._segments.aggregations(),
            "service": {"terms": {"field": "service.name", "size": 1}},
            "threshold": {"terms": {"field": "ml.prediction.threshold", "size": 1}},
            "judged": {"filter": {"exists": {"field": WRONG}}},
            "approved": {"filter": APPROVED, "aggs": became},
            "rejected": {"filter": {"bool": {"must_not": [APPROVED]}}, "aggs": became},
            "repeated": {"filter": {"range": {"label.outcomes": {"gte": 2}}}},
            "contradicted": {"filter": {"term": {"label.contradicted": True}}},
        }
        if self.edges:
            scores = {
                "scores": {
                    "range": {"field": SCORE, "ranges": ranges(self.edges)},
                    "aggs": {"sum": {"sum": {"field": SCORE}}},
                },
                "stats": {"extended_stats": {"field": SCORE}},
            }
            aggs["positive"] = {"filter": POSITIVE, "aggs": scores}
            aggs["negative"] = {"filter": NEGATIVE, "aggs": scores}
        return aggs

    def profiles(self, answer: Mapping[str, Any]) -> Iterator[tuple[LabelProfile, int]]:
        """Yield the profile of each hour with labels, without its errors, and how many it has."""
        for bucket in answer["aggregations"]["windows"]["buckets"]:
            yield self._profile(bucket), bucket["judged"]["doc_count"]

    def _profile(self, bucket: Mapping[str, Any]) -> LabelProfile:
        start = from_milliseconds(bucket["key"])
        services, thresholds = bucket["service"]["buckets"], bucket["threshold"]["buckets"]
        return LabelProfile(
            ProfileKey(KIND, Window(start, start + STEP), self.series),
            read_outcomes_known(bucket),
            scores=_scores(bucket, self.edges) if self.edges else None,
            approved=_outcomes(bucket["approved"]),
            rejected=_outcomes(bucket["rejected"]),
            threshold=thresholds[0]["key"] if thresholds else None,
            repeated=bucket["repeated"]["doc_count"],
            contradicted=bucket["contradicted"]["doc_count"],
            service=services[0]["key"] if services else None,
            segments=self._segments.read(bucket),
        )

    def all_errors(self, period: Window, windows: Sequence[Window]) -> dict[str, Any]:
        """Return the search for all errors of some windows of a period, in order of time."""
        body = self.query(period)
        body["query"]["bool"]["filter"].append(
            {"bool": {"should": [self.query(each)["query"] for each in windows]}}
        )
        return _of_errors(body, [{"@timestamp": "asc"}, {"ml.prediction.id": "asc"}])

    def some_errors(self, window: Window) -> dict[str, Any]:
        """Return the search for `MOST_ERRORS` errors of a window, chosen by the ids."""
        order = [{"label.draw": "asc"}, {"ml.prediction.id": "asc"}]
        return _of_errors(self.query(window), order) | {"size": MOST_ERRORS}


@dataclass(frozen=True, slots=True, order=True)
class Judged:
    """Whether the decision about one prediction was wrong; they sort by time."""

    at: float
    prediction_id: str
    wrong: bool

    @classmethod
    def of(cls, hit: Mapping[str, Any]) -> Judged:
        """Read a hit of `all_errors` or `some_errors`."""
        fields = hit["fields"]
        at, ident = float(fields["@timestamp"][0]), fields["ml.prediction.id"][0]
        return cls(at, ident, bool(fields[WRONG][0]))

    @property
    def window(self) -> Window:
        """The hour it is of."""
        start = from_milliseconds(self.at // _HOUR_MS * _HOUR_MS)
        return Window(start, start + STEP)


_HOUR_MS = HOUR.total_seconds() * 1_000


def with_errors(profile: LabelProfile, judged: Sequence[Judged]) -> LabelProfile:
    """Return a profile with its errors in order of time."""
    return replace(profile, errors="".join("1" if each.wrong else "0" for each in sorted(judged)))


def _of_errors(body: dict[str, Any], order: list[Any]) -> dict[str, Any]:
    body["query"]["bool"]["filter"].append({"exists": {"field": WRONG}})
    return body | {
        "stored_fields": "_none_",
        "docvalue_fields": [
            {"field": "@timestamp", "format": "epoch_millis"},
            "ml.prediction.id",
            WRONG,
        ],
        "sort": order,
    }


def _scores(bucket: Mapping[str, Any], edges: tuple[float, ...]) -> LabeledScores:
    positive, negative = bucket["positive"], bucket["negative"]
    return LabeledScores(
        _buckets(positive, edges), _buckets(negative, edges), _sums(positive), _sums(negative)
    )


def _buckets(label: Mapping[str, Any], edges: tuple[float, ...]) -> Buckets:
    stats = label["stats"]
    counts = tuple(bucket["doc_count"] for bucket in label["scores"]["buckets"])
    total, squares = finite_sum(stats["sum"]), finite_sum(stats["sum_of_squares"])
    return Buckets(edges, counts, stats["min"], stats["max"], total, squares)


def _sums(label: Mapping[str, Any]) -> tuple[float, ...] | None:
    sums = [finite_sum(bucket["sum"]["value"]) for bucket in label["scores"]["buckets"]]
    known = tuple(each for each in sums if each is not None)
    return known if len(known) == len(sums) else None


def _outcomes(decision: Mapping[str, Any]) -> Outcomes:
    delays = {
        hours: each["doc_count"]
        for hours, each in zip(DELAYS, decision["delays"]["buckets"], strict=True)
        if each["doc_count"]
    }
    positives = decision["positives"]
    return Outcomes(
        decision["doc_count"],
        positives["doc_count"],
        finite_sum(positives["value"]["value"]),
        Counter(delays),
    )
