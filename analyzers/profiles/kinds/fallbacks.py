"""Which sources were replaced by defaults in a window, and why: counted by aggregation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import DATE, known_since, period_query, read_watermark
from mlmon.analyzers.profiles.kind import ProfileKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "fallback"
DATASET = "ml.fallback"
STEP = HOUR
UNSAID, OTHER = "(not said)", "(other reasons)"
MOST_SOURCES, MOST_REASONS = 50, 20

Reasons = Counter[tuple[str, str]]
"""Fallbacks by (source, reason)."""


@dataclass(frozen=True, slots=True)
class FallbackProfile:
    """The fallbacks of one window."""

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    reasons: Reasons = field(default_factory=Counter)

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {"reasons": [[*key, times] for key, times in sorted(self.reasons.items())]}


class FallbackKind(ProfileKind[FallbackProfile]):
    """Fallbacks by the hour, source and reason."""

    name = KIND
    dataset = DATASET
    step = STEP

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[FallbackProfile]:
        """Yield a profile for each hour with a fallback."""
        del series
        answer = logs.search(DATASET, body(part))
        for bucket in answer["aggregations"]["windows"]["buckets"]:
            start = from_milliseconds(bucket["key"])
            profile_key = ProfileKey(KIND, Window(start, start + STEP))
            yield FallbackProfile(profile_key, read_watermark(bucket), reasons=_reasons(bucket))

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> FallbackProfile:
        """Return the profile of a stored body."""
        del baselines
        reasons = Counter({(source, reason): n for source, reason, n in body["reasons"]})
        return FallbackProfile(profile_key, watermark, revision, reasons)


def body(period: Window) -> dict[str, Any]:
    """Return the search body for a period."""
    reasons = {"terms": {"field": "event.reason", "missing": UNSAID, "size": MOST_REASONS}}
    sources = {
        "terms": {"field": "ml.feature_source.name", "missing": UNSAID, "size": MOST_SOURCES},
        "aggs": {"reasons": reasons},
    }
    windows = {
        "date_histogram": {**DATE, "fixed_interval": "1h"},
        "aggs": {**known_since(), "sources": sources},
    }
    return period_query(period, {}) | {"aggs": {"windows": windows}}


def total(profiles: Iterable[FallbackProfile]) -> Reasons:
    """Return the fallbacks of several windows."""
    counts: Reasons = Counter()
    for profile in profiles:
        counts.update(profile.reasons)
    return counts


def _reasons(bucket: Mapping[str, Any]) -> Reasons:
    counts: Reasons = Counter()
    for source in bucket["sources"]["buckets"]:
        reasons = source["reasons"]
        for reason in reasons["buckets"]:
            counts[source["key"], reason["key"]] += reason["doc_count"]
        if reasons["sum_other_doc_count"]:
            counts[source["key"], OTHER] += reasons["sum_other_doc_count"]
    return counts
