"""Segment quality: missing, out-of-range, unseen and drifted features within one segment.

A fault in a small part of the traffic is diluted in the whole: 80 % of a feature missing in a
country with 5.8 % of the traffic is 4.6 % of all predictions. Where a baseline divides the traffic
(`mlmon baseline create --segment`), the features of each large segment are compared with those of
the same segment in training, over the day before, every six hours: at most eight segments of a
dividing feature, those with at least 2 % of the training rows and 200 of them.

There is one finding for each segment and kind of fault, about the feature that lies farthest beyond
its limits. A feature that alarms in all traffic is left to `data_quality` and `feature_drift`.

False alarms stay within the budget of all traffic: with s segments, each interval holds with a
confidence of 1 - 0.001 / s, and a distance must be significant after Benjamini-Hochberg over the
features of its segment with p-values multiplied by s (Bonferroni). Limits of distances are those of
segments, for numbers are counted in a dozen buckets. A segment needs 50 predictions in the day for
a verdict; to be called free of drift, some 300 (the sentence names how many). An alarm needs only
evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.checks.data_quality import (
    MISSING,
    OUTSIDE,
    UNSEEN,
    FeatureFault,
    faults,
)
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.feature_comparison import compare_features
from mlmon.analyzers.drift.methods import kolmogorov_smirnov, total_variation
from mlmon.analyzers.drift.moved import categories_moved, distance_sentence, numbers_moved
from mlmon.analyzers.drift.segment_comparison import SEGMENT_LIMITS
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.kinds.segment_feature import KIND
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.feature_comparison import ComparedFeature

NUMBERS, CATEGORIES = kolmogorov_smirnov.METHOD.metric, total_variation.METHOD.metric
MIN_PREDICTIONS = 50
"""Predictions of a segment in a day from which on it is judged."""


@dataclass(frozen=True, slots=True)
class SegmentFault:
    """One fault of one feature in a segment.

    Args:
        metric: The fault.
        feature: The feature.
        severity: The verdict.
        value, low, high: The rate or distance, and its interval.
        limits: Those that count.
        usual: The rate in training, None of a distance.
        rows: Predictions it was measured on.
        sentence: What was measured, to follow the segment.
    """

    metric: str
    feature: str
    severity: Severity
    value: float
    low: float
    high: float
    limits: Limits
    usual: float | None
    rows: int
    sentence: str

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Place among the faults of a segment: alarms first, then the nearest to the limit."""
        limit = self.limits.warning
        return self.severity.alarming, self.low / limit, self.value / limit


class SegmentQuality(Analyzer[PredictionProfile]):
    """Missing, out-of-range, unseen and drifted features within one segment."""

    name = "segment_quality"
    question = "In which segments are features wrong although all traffic looks right?"
    advice = (
        "Look for what only this segment has: a source that feeds it, a client, a release for it. "
        "Read its predictions with `mlmon logs --dataset prediction --field "
        "ml.features.categorical.FEATURE=VALUE --since 2d`."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            "A source, a client or a release that only this segment has.",
            "Correct the source of the segment. If the new values are right, retrain on them.",
        ),
    }
    needs = (Needs(KIND, DAY), Needs("prediction", DAY))
    metrics = (
        Metric(
            MISSING,
            "Missing values by segment",
            "Which share of a segment's predictions lacks a feature?",
            Limits(0.05, 0.20, meaning="above the segment's share in training", measures="rate"),
            unit="ratio",
            breakdown="finding.segment",
        ),
        Metric(
            OUTSIDE,
            "Out-of-range values by segment",
            "Which share of a segment's values lies outside the training range?",
            Limits(
                0.01,
                0.05,
                multiples=Multiples(3, 6, "the rate expected by chance"),
                measures="rate",
            ),
            unit="ratio",
            breakdown="finding.segment",
        ),
        Metric(
            UNSEEN,
            "Unseen categories by segment",
            "Which share of a segment's values is a category training has not seen?",
            Limits(
                0.01,
                0.05,
                multiples=Multiples(3, 6, "the rate expected of rare categories"),
                measures="rate",
            ),
            unit="ratio",
            breakdown="finding.segment",
        ),
        Metric(
            NUMBERS,
            "Drift of numeric features by segment",
            "How large is the KS distance of a segment's numbers from training (0 to 1)?",
            SEGMENT_LIMITS,
            breakdown="finding.segment",
        ),
        Metric(
            CATEGORIES,
            "Drift of categorical features by segment",
            "Which share of a segment's predictions would need another category to match training?",
            SEGMENT_LIMITS,
            unit="ratio",
            breakdown="finding.segment",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="feature", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per model version in service, segment and kind of fault."""
        everything: AnalysisContext[PredictionProfile] = context.of("prediction")
        for window in context.windows(DAY, EVALUATION_INTERVAL):
            profiles, all_traffic = context.within(window), everything.within(window)
            for model in _in_service(profiles):
                baseline = context.baseline(model, window.end)
                if baseline is None:
                    continue
                own = [profile for profile in profiles if profile.baseline_id == baseline.id]
                whole = [profile for profile in all_traffic if profile.baseline_id == baseline.id]
                yield from self._judge(window, baseline, own, whole)

    def _judge(
        self,
        window: Window,
        baseline: Baseline,
        profiles: Sequence[PredictionProfile],
        whole: Sequence[PredictionProfile],
    ) -> Iterator[Finding]:
        by_segment: dict[str, list[PredictionProfile]] = {}
        for profile in profiles:
            by_segment.setdefault(profile.profile_key.series[3], []).append(profile)
        about = {
            "service": next((profile.service for profile in profiles if profile.service), None),
            "model_name": baseline.model_name,
            "model_version": baseline.model_version,
            "baseline_id": baseline.id,
        }
        known = sorted(baseline.segment_features)
        samples = {name: merge(of) for name, of in by_segment.items() if name in known}
        judged = {name: of for name, of in samples.items() if of.rows >= MIN_PREDICTIONS}
        elsewhere = self._alarming(merge(whole), baseline) if whole else set()
        for segment, sample in sorted(judged.items()):
            reference = baseline.of_segment(segment)
            if reference is None:
                continue
            worst: dict[str, SegmentFault] = {}
            small: dict[str, str] = {}
            for fault in self._faults(window, sample, reference, len(judged), small):
                other = worst.get(fault.metric)
                if (fault.metric, fault.feature) not in elsewhere and (
                    other is None or fault.rank > other.rank
                ):
                    worst[fault.metric] = fault
            for fault in worst.values():
                yield self._finding(window, segment, fault, reference.rows, about)
            for metric in sorted(small.keys() - worst.keys()):
                reason = f"{segment}: {small[metric]} {span(window)}."
                yield self.unknown(
                    metric, None, window, reason, segment=segment, sample_count=sample.rows, **about
                )
        if few := [name for name in known if name not in judged]:
            reason = (
                f"{count(len(few), 'segment')} had fewer than {MIN_PREDICTIONS} predictions "
                f"{span(window)} and cannot be judged, such as {few[0]}."
            )
            yield self.unknown(MISSING, None, window, reason, **about)

    def _finding(
        self,
        window: Window,
        segment: str,
        fault: SegmentFault,
        rows: int,
        about: Mapping[str, Any],
    ) -> Finding:
        limits = fault.limits
        limit = limits.critical if fault.severity is Severity.CRITICAL else limits.warning
        shown = number(limit) if fault.usual is None else percent(limit)
        most = "" if fault.severity.alarming else "no feature is certain to pass; nearest: "
        named = "" if f"limit of {shown}" in fault.sentence else f", limit {shown}"
        return self.finding(
            fault.metric,
            None,
            window,
            fault.severity,
            segment=segment,
            value=fault.value,
            low=fault.low,
            high=fault.high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=fault.usual,
            sample_count=fault.rows,
            baseline_count=rows,
            reason=f"{segment}: {most}{fault.sentence}{named}.",
            **about,
        )

    def _faults(
        self,
        window: Window,
        sample: PredictionProfile,
        reference: Baseline,
        segments: int,
        small: dict[str, str],
    ) -> Iterator[SegmentFault]:
        """Yield what is measured of a segment's features, at a confidence for so many segments.

        What is too small a sample to be called unchanged is noted in `small`, by metric.
        """
        confidence = 1 - (1 - CONFIDENCE) / segments
        for fault in _countable(sample, reference):
            limits = fault.limits(self.limits[fault.metric], reference.rows)
            interval = wilson_interval(fault.count, fault.rows, confidence)
            yield SegmentFault(
                fault.metric,
                fault.feature,
                limits.judge(interval.low, interval.high),
                fault.count / fault.rows,
                interval.low,
                interval.high,
                limits,
                fault.usual,
                fault.rows,
                fault.sentence(window),
            )
        for compared in compare_features(ChosenTests(), sample, reference):
            drifted = _drifted(window, sample, reference, compared, segments)
            if drifted is not None and (drifted.severity.alarming or not compared.skip_reason):
                yield drifted
            elif compared.feature not in sample.hidden:
                small[compared.method.metric] = compared.skip_reason

    def _alarming(self, sample: PredictionProfile, baseline: Baseline) -> set[tuple[str, str]]:
        """Return the metrics and features that alarm in all traffic."""
        found = {
            (compared.method.metric, compared.feature)
            for compared in compare_features(ChosenTests(), sample, baseline)
            if compared.severity.alarming
        }
        for fault in _countable(sample, baseline):
            limits = fault.limits(self.limits[fault.metric], baseline.rows)
            interval = wilson_interval(fault.count, fault.rows, CONFIDENCE)
            if limits.judge(interval.low, interval.high).alarming:
                found.add((fault.metric, fault.feature))
        return found


def _countable(sample: PredictionProfile, baseline: Baseline) -> Iterator[FeatureFault]:
    """Yield the faults of features of which enough values are known, each one of a prediction."""
    for fault in faults(sample, baseline):
        seen = fault.feature not in sample.hidden and fault.rows >= MIN_PREDICTIONS
        if seen and fault.count >= 0:
            yield fault


def _drifted(
    window: Window,
    sample: PredictionProfile,
    reference: Baseline,
    compared: ComparedFeature,
    segments: int,
) -> SegmentFault | None:
    """Return a feature's distance, judged by the limits of segments; None without one."""
    feature = compared.feature
    if compared.drift is None:
        return None
    drift = replace(compared.drift, limits=SEGMENT_LIMITS)
    q_value = min(1.0, compared.q_value * segments)
    severity = drift.severity
    where = f"{count(drift.sample_count, 'prediction')} {span(window)}"
    distance = f"{compared.method.title} {number(drift.value)}"
    if severity.alarming and q_value <= FALSE_DISCOVERY_RATE:
        sentence = f"{feature} drifted: {_moved(sample, reference, feature)}; {distance} in {where}"
    else:
        severity = Severity.UNKNOWN if severity.alarming else severity
        sentence = f"{feature}{distance_sentence(drift, q_value, distance, where)}"
    return SegmentFault(
        compared.method.metric,
        feature,
        severity,
        drift.value,
        drift.low,
        drift.high,
        SEGMENT_LIMITS,
        None,
        drift.sample_count,
        sentence,
    )


def _moved(sample: PredictionProfile, reference: Baseline, feature: str) -> str:
    if feature in reference.numeric:
        return numbers_moved(sample.numeric[feature], reference.numeric[feature])
    known = reference.categorical[feature]
    return categories_moved(sample.categorical[feature].counted(known.counts), known.counted)


def _in_service(profiles: Sequence[PredictionProfile]) -> list[tuple[str, str]]:
    """Return the versions that predicted in the last hour of their model."""
    last = {profile.model[0]: profile.window.start for profile in profiles}
    return sorted(
        {
            profile.model
            for profile in profiles
            if profile.window.start >= last[profile.model[0]] - HOUR
        }
    )
