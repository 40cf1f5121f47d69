"""Segment drift: distance of the scores of each segment from training.

A baseline may divide the traffic by categorical features (`mlmon baseline create --segment`). Each
segment's scores of the day before are compared with the same segment's of the training set, by the
Kolmogorov-Smirnov distance over a fifth of the edges, judged every six hours. Severity uses the
lower bound of the distance less the sampling error, after control of the false discovery rate over
all segments of a model (Benjamini and Hochberg). A small segment needs a larger distance to alarm.
A distance above the limit that does not alarm is `unknown`. A segment without an alarm and with too
few predictions to detect a critical distance with a power of 0.9 is counted, not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.drift.moved import distance_sentence, numbers_moved
from mlmon.analyzers.drift.segment_comparison import SEGMENT_LIMITS, compare
from mlmon.analyzers.profiles.kinds.prediction import SCORE
from mlmon.analyzers.profiles.kinds.segment import SegmentProfile, segments_of
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.formatting import count, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.segment_comparison import SegmentShift

METRIC = "ks.distance"


class SegmentDrift(Analyzer[SegmentProfile]):
    """Distance of each segment's scores from the training set's."""

    name = "segment_drift"
    question = "In which segments do the scores differ from training?"
    advice = (
        "If one segment moved and the others did not, look at what is special to it: a source "
        "that feeds it, a release for it, a market that changed; `feature_drift` over all traffic "
        "may not show it. Read its predictions with `mlmon logs --dataset prediction --field "
        "ml.features.categorical.FEATURE=VALUE --since 7d`. If all moved, see `score_shift`."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            "A source, a release or a market of this segment only.",
            "Look at what feeds the segment; where all segments moved, see `score_shift`.",
        )
    }
    needs = (Needs("segment", DAY),)
    metrics = (
        Metric(
            METRIC,
            "Segment drift",
            "How large is the KS distance of each segment's scores from training (0 to 1)?",
            SEGMENT_LIMITS,
            breakdown="finding.segment",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="score", step=EVALUATION_INTERVAL)

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the segment of the training set; a finding about several has none."""
        return ReferencePart("segment", identity.segment) if identity.segment else None

    def evaluate(self, context: AnalysisContext[SegmentProfile]) -> Iterator[Finding]:
        """Yield a finding per model version in service and segment, every six hours."""
        for window in context.windows(DAY, EVALUATION_INTERVAL):
            profiles = context.within(window)
            for model, baseline in _in_service(profiles, context, window.end):
                own = [profile for profile in profiles if profile.baseline_id == baseline.id]
                yield from self._judge(window, model, baseline, own)

    def _judge(
        self,
        window: Window,
        model: tuple[str, str],
        baseline: Baseline,
        profiles: Sequence[SegmentProfile],
    ) -> Iterator[Finding]:
        about = {
            "service": next((profile.service for profile in profiles if profile.service), None),
            "model_name": model[0],
            "model_version": model[1],
            "baseline_id": baseline.id,
        }
        compared, small = compare(segments_of(profiles), baseline)
        corrected = q_values([segment.drift.p_value for segment in compared])
        for segment, q_value in zip(compared, corrected, strict=True):
            severity = _severity(segment, q_value)
            if segment.enough or severity.alarming:
                yield self._finding(window, baseline, segment, severity, q_value, about)
            else:
                small.append(segment.segment)
        if small:
            reason = (
                f"{count(len(small), 'segment')} had too few predictions {span(window)} to be "
                f"judged, such as {min(small)}."
            )
            yield self.unknown(METRIC, SCORE, window, reason, **about)

    def _finding(
        self,
        window: Window,
        baseline: Baseline,
        compared: SegmentShift,
        severity: Severity,
        q_value: float,
        about: Mapping[str, str | None],
    ) -> Finding:
        drift = compared.drift
        sample = f"{count(drift.sample_count, 'prediction')} {span(window)}"
        scores = f"Scores of {about['model_name']} {about['model_version']} for {compared.segment}"
        note = baseline.accepted_note(ReferencePart("segment", compared.segment))
        if severity.alarming:
            moved = numbers_moved(compared.scores, compared.reference)
            limit = drift.limits.critical if severity is Severity.CRITICAL else drift.limits.warning
            reason = (
                f"{scores} drifted: {moved}; KS {number(drift.value)} in {sample}; at least "
                f"{number(drift.low)} is certain, limit {number(limit)}{note}."
            )
        else:
            distance = f"KS {number(drift.value)}"
            reason = f"{scores}{distance_sentence(drift, q_value, distance, sample)}{note}."
        return self.finding(
            METRIC,
            SCORE,
            window,
            severity,
            segment=compared.segment,
            reason=reason,
            q_value=q_value,
            **about,
            **drift.measured(),
        )


def _severity(compared: SegmentShift, q_value: float) -> Severity:
    """Return what the distance shows at any size of the sample."""
    severity = compared.drift.severity
    insignificant = severity.alarming and q_value > FALSE_DISCOVERY_RATE
    return Severity.UNKNOWN if insignificant else severity


def _in_service(
    profiles: Sequence[SegmentProfile], context: AnalysisContext[SegmentProfile], end: datetime
) -> list[tuple[tuple[str, str], Baseline]]:
    """Return the versions that predicted in the last hour of their model, with their baselines."""
    last = {profile.model[0]: profile.window.start for profile in profiles}
    models = {
        profile.model
        for profile in profiles
        if profile.window.start >= last[profile.model[0]] - HOUR
    }
    found = ((model, context.baseline(model, end)) for model in sorted(models))
    return [(model, baseline) for model, baseline in found if baseline is not None]
