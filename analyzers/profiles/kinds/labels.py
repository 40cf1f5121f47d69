"""What became of a window's predictions: their labels by score, in order, and what they brought.

A window is that of the predictions, not of the labels: labels that come weeks later are counted
where their predictions are, as a new revision of that window's profile.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import SourceWatermark
from mlmon.analyzers.baselines.stored_buckets import decode_labelled, encode_labelled
from mlmon.analyzers.event_logs.aggregations import ranges
from mlmon.analyzers.profiles.kinds import label_segments
from mlmon.analyzers.profiles.quantities import Bucket, Scope, Tally, counts_of
from mlmon.analyzers.statistics.buckets import Buckets, sum_if_known
from mlmon.elastic.indices.names import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.kinds.label_segments import FeatureOutcomes
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

KIND = "label"
DATASET = LABELS
MOST_ERRORS = 500
"""So many predictions of a window are kept in order for the detectors of concept drift."""

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


class Delays(Tally):
    """Labels by hours from prediction to (first) label, rounded up to one of `DELAYS`."""

    def ask(self, name: str, scope: Scope) -> dict[str, Any]:
        """Ask for ranges."""
        del scope
        return {name: {"range": {"field": "label.delay_hours", "ranges": ranges(DELAY_EDGES)}}}

    def read(self, bucket: Bucket, name: str, scope: Scope) -> Counter[int]:
        """Return the labels of each delay that there is."""
        del scope
        counts = zip(DELAYS, counts_of(bucket[name]), strict=True)
        return Counter({hours: count for hours, count in counts if count})


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labelled predictions of one kind of decision.

    Args:
        labelled: How many.
        positives: Of them, those that succeeded.
        value: What the successes brought, in the service's currency; None where the sum passes the
            greatest double.
        delays: Of them, by hours from prediction to (first) label, rounded up to one of `DELAYS`.
    """

    labelled: int = 0
    positives: int = 0
    value: float | None = 0.0
    delays: Counter[int] = field(default_factory=Counter)

    def __add__(self, more: Outcomes) -> Outcomes:
        return Outcomes(
            self.labelled + more.labelled,
            self.positives + more.positives,
            sum_if_known([self.value, more.value]),
            self.delays + more.delays,
        )


@dataclass(frozen=True, slots=True)
class LabelProfile:
    """The labelled predictions of one model version in one window.

    Args:
        profile_key: Window, and model name, version and baseline as its series.
        watermark: What it was made from: outcomes of the window's predictions (repeated ones
            included, so that any that comes is more), and when the last was joined.
        revision: 1, and one more each time labels came.
        scores: Scores by label over the baseline's edges, None without a baseline with scores.
        approved: What became of the predictions the model approved.
        rejected: What became of those it rejected.
        threshold: From which score on it approved (the most frequent threshold).
        errors: Whether the decision was wrong, `1` or `0` each, in order of prediction: of all, or
            of `MOST_ERRORS` chosen by their ids where there are more.
        repeated: Predictions that more than one outcome was logged for.
        contradicted: Of them, those whose outcomes differ; the last one counts.
        service: The service that predicted.
        segments: Labels by the features that divide the traffic, where the baseline has such; of a
            feature that was declared after all of them were joined, nothing.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    scores: LabeledScores | None = None
    approved: Outcomes = field(default_factory=Outcomes)
    rejected: Outcomes = field(default_factory=Outcomes)
    threshold: float | None = None
    errors: str = ""
    repeated: int = 0
    contradicted: int = 0
    service: str | None = None
    segments: Mapping[str, FeatureOutcomes] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time of the predictions."""
        return self.profile_key.window

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model."""
        name, version, *_ = self.profile_key.series
        return name, version

    @property
    def baseline_id(self) -> str:
        """The baseline whose edges were used, "" for none."""
        return self.profile_key.series[2]

    @property
    def labelled(self) -> int:
        """Labelled predictions."""
        return self.approved.labelled + self.rejected.labelled

    @property
    def delays(self) -> Counter[int]:
        """Labels by hours from prediction to label, rounded up to one of `DELAYS`."""
        return self.approved.delays + self.rejected.delays

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {
            "scores": encode_labelled(self.scores) if self.scores else None,
            "approved": _encode(self.approved),
            "rejected": _encode(self.rejected),
            "threshold": self.threshold,
            "errors": self.errors,
            "repeated": self.repeated,
            "contradicted": self.contradicted,
            "service": self.service,
            "segments": label_segments.encode(self.segments),
        }


def in_hours(delays: Mapping[int, int]) -> Buckets:
    """Return delays as buckets, ready for percentiles; one before its prediction counts as none."""
    return Buckets(DELAY_EDGES, tuple(delays.get(hours, 0) for hours in DELAYS), minimum=0.0)


def from_body(
    profile_key: ProfileKey,
    watermark: SourceWatermark,
    revision: int,
    body: dict[str, Any],
    baseline: Baseline | None,
) -> LabelProfile:
    """Read what `LabelProfile.body` wrote; `baseline` is the one of the profile key."""
    scores = body["scores"]
    return LabelProfile(
        profile_key,
        watermark,
        revision,
        scores=decode_labelled(baseline.score.edges, scores)
        if scores and baseline and baseline.score
        else None,
        approved=_decode(body["approved"]),
        rejected=_decode(body["rejected"]),
        threshold=body["threshold"],
        errors=body["errors"],
        repeated=body["repeated"],
        contradicted=body["contradicted"],
        service=body["service"],
        # Profiles stored before there were segments hold none: their labels name none either.
        segments=label_segments.decode(body.get("segments", {})),
    )


def total(profiles: Iterable[LabelProfile]) -> LabelProfile:
    """Return the sum of one or more profiles that were made over one baseline's edges.

    The profile_key and revision are those of the first; errors are joined in order of time.
    """
    parts = sorted(profiles, key=lambda profile: (profile.window, profile.profile_key.series))
    scores = [part.scores for part in parts if part.scores is not None]
    return replace(
        parts[0],
        watermark=reduce(SourceWatermark.__add__, (part.watermark for part in parts)),
        scores=reduce(type(scores[0]).__add__, scores) if scores else None,
        approved=sum((part.approved for part in parts), Outcomes()),
        rejected=sum((part.rejected for part in parts), Outcomes()),
        threshold=next((part.threshold for part in parts if part.threshold is not None), None),
        errors="".join(part.errors for part in parts),
        repeated=sum(part.repeated for part in parts),
        contradicted=sum(part.contradicted for part in parts),
        service=next((part.service for part in parts if part.service), None),
        segments=label_segments.total(part.segments for part in parts),
    )


def _encode(outcomes: Outcomes) -> dict[str, Any]:
    return {
        "labelled": outcomes.labelled,
        "positives": outcomes.positives,
        "value": outcomes.value,
        "delays": {str(hours): n for hours, n in sorted(outcomes.delays.items())},
    }


def _decode(body: dict[str, Any]) -> Outcomes:
    delays = Counter({int(hours): n for hours, n in body["delays"].items()})
    return Outcomes(body["labelled"], body["positives"], body["value"], delays)
