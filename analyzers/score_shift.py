"""Score shift: have the scores a model gives moved away from those of its training set?

The distance is that of Kolmogorov and Smirnov between the scores of the day before and the
out-of-fold scores of the training set, judged every hour. It is known within the interval that
buckets leave open; a verdict is taken from that interval's lower end less what chance may add.
Where the interval holds a limit, the day is counted again over ten times as many buckets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from analyzers.alert import Alert
from analyzers.analyzer import Analyzer
from analyzers.attribution import attribute
from analyzers.drift import LIMITS, numbers_moved, onset, rows_needed
from analyzers.panel import Panel
from analyzers.profile.prediction_query import SCORE
from analyzers.profile.predictions import PredictionProfile, total
from analyzers.profile.refinements import KIND as REFINEMENT
from analyzers.profile.segments import SegmentProfile
from analyzers.profile.segments import total as segment_total
from analyzers.recent_day import LOOKBACK, RecentDay, recent_days
from analyzers.refinement import Refinements, still_open
from analyzers.segment_comparison import most_of_all
from analyzers.statistics.buckets import Buckets, merged
from analyzers.window import HOUR
from analyzers.wording import count, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzers.evidence import Evidence
    from analyzers.finding import Finding

METRIC = "ks.distance"


class ScoreShift(Analyzer[PredictionProfile]):
    """Distance of a day's scores from the training set's."""

    name = "score_shift"
    question = "Have the scores a model gives moved away from those of its training set?"
    advice = (
        "Look for findings of `feature_drift`, `data_quality` and `fallback_rate` from the same "
        "hour: inputs that moved explain scores that moved. Without any, compare the model "
        "version in service with the one meant to be. If the change is real and wanted, retrain "
        "and make a baseline of the new version."
    )
    reads = "prediction"
    also = (REFINEMENT, "segment")
    lookback = LOOKBACK
    limits: ClassVar = {METRIC: LIMITS}
    panels = (
        Panel(
            "Score shift",
            METRIC,
            "",
            "How far have the scores moved from the training set's: 0 not at all, 1 wholly?",
            breakdown="ml.model.version",
        ),
    )
    alert = Alert(on="warning", after=2, of=3, layer="score", step=HOUR)

    def evaluate(self, evidence: Evidence[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per hour and model version in service."""
        segments, refinements = evidence.of("segment"), Refinements(evidence)
        for day in recent_days(evidence):
            yield self._judge(day, segments, refinements)

    def _judge(
        self, day: RecentDay, segments: Evidence[SegmentProfile], refinements: Refinements
    ) -> Finding:
        reference = day.baseline.score if day.baseline else None
        obstacle = day.obstacle()
        if obstacle or reference is None or day.baseline is None:
            reason = obstacle or f"The training set of {day.title} holds no scores."
            return self.unknown(METRIC, SCORE, day.window, reason, **day.about)
        scores = merged(each.score for each in day.own if each.score is not None)
        needed = rows_needed(LIMITS.critical, reference.n)
        if needed is None or scores.n < needed:
            return self._too_few(day, scores, reference, needed)
        drift = refinements.drift(SCORE, scores, day.own, day.baseline)
        severity = LIMITS.judge(drift.low, drift.high)
        sample = f"{count(scores.n, 'prediction')} {span(day.window)}"
        if severity.alarming:
            reason = (
                f"Scores of {day.title} moved: {numbers_moved(scores, reference)}; "
                f"distance {number(drift.value)} in {sample}, since about {_since(day, reference)}"
                f"{_where(day, segments)}{_why(day)}{still_open(drift)}."
            )
        else:
            reason = (
                f"Scores are as in training: distance {number(drift.value)} in "
                f"{sample}{still_open(drift)}."
            )
        return self.finding(
            METRIC, SCORE, day.window, severity, reason=reason, **day.about, **drift.measured()
        )

    def _too_few(
        self, day: RecentDay, scores: Buckets, reference: Buckets, needed: int | None
    ) -> Finding:
        reason = (
            f"{count(scores.n, 'score')} {span(day.window)}; {needed} are needed to find a "
            f"distance of {LIMITS.critical} nine times in ten."
            if needed is not None
            else f"The baseline of {day.title} has {count(reference.n, 'score')}, too few to find "
            f"a distance of {LIMITS.critical}: make one from more rows."
        )
        return self.unknown(METRIC, SCORE, day.window, reason, sample_count=scores.n, **day.about)


def _where(day: RecentDay, segments: Evidence[SegmentProfile]) -> str:
    if day.baseline is None:
        return ""
    own = [each for each in segments.within(day.window) if each.baseline_id == day.baseline.id]
    told = most_of_all(segment_total(own), day.baseline)
    return f", {told}" if told else ""


def _why(day: RecentDay) -> str:
    if day.baseline is None:
        return ""
    told = attribute(total(day.own), day.baseline).sentence()
    return f"; {told}" if told else ""


def _since(day: RecentDay, reference: Buckets) -> str:
    hours = [each for each in day.own if each.score is not None]
    counts = [each.score.counts for each in hours if each.score]
    return moment(hours[onset(counts, reference.counts, ordered=True)].window.start)
