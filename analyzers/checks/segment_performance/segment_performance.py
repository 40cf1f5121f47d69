"""Segment performance: success rate and ROC AUC of each segment, against its training rows.

A baseline may divide the traffic by categorical features (`mlmon baseline create --segment`). Over
the day before, every six hours, each segment's success rate of approved predictions (with Wilson's
interval) is compared with the rate expected from its own scores: by score, the success rate
among the training set's rows of the same segment. Severity uses the conservative end of the
difference's interval, after control of the false discovery rate over all segments of a model
(Benjamini and Hochberg). ROC AUC of each segment is
compared likewise with that of its training rows, once its labels are there.

While labels of a segment are missing its interval covers every possible outcome of them; where
that leaves the verdict open it is `unknown`. Segments with too few labels, values that are no
segment, and labels joined before a feature was declared are counted, not judged.
`live_performance` names the worst segments in its own sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import OUTCOME_LINES, Runbook
from mlmon.analyzers.checks.segment_performance import segment_ranking
from mlmon.analyzers.checks.segment_performance.segment_ranking import rankings
from mlmon.analyzers.performance.label_maturity import MATURITY_REACH
from mlmon.analyzers.performance.labeled_window import LabeledDays
from mlmon.analyzers.performance.segment_success import SUCCESS_LIMITS, SegmentSuccesses
from mlmon.analyzers.profiles.kinds.label import LabelProfile
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.formatting import count, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.checks.segment_performance.segment_ranking import SegmentRanking
    from mlmon.analyzers.performance.labeled_window import LabeledWindow
    from mlmon.analyzers.performance.segment_success import SegmentVerdict, SegmentVerdicts

METRIC, AUC = "approved.success_rate", "roc_auc"


class SegmentPerformance(Analyzer[LabelProfile]):
    """Success rate and ROC AUC of each segment, against its training rows."""

    name = "segment_performance"
    question = "In which segments do approved predictions succeed less often than expected?"
    advice = (
        "If one segment is below expectation and the others are not, check what is special: a "
        "market that changed, a source that feeds it (`fallback_rate`), a release for it. See "
        "`segment_drift` for the same segment: where its scores have moved too, its inputs broke; "
        "where they have not, the scores mean something else there, and a retrained model needs "
        "its recent labels. Read its predictions with `mlmon logs --dataset prediction --field "
        "ml.features.categorical.FEATURE=VALUE --since 7d`."
    )
    runbooks: ClassVar = {
        "": Runbook(
            OUTCOME_LINES,
            "A source, a release or a market of this segment only; scores that mean something "
            "else there.",
            "Where `segment_drift` names it too, fix its inputs; else retrain on its labels.",
        )
    }
    needs = (
        Needs("label", MATURITY_REACH),
        Needs("prediction", MATURITY_REACH),
        Needs("segment", MATURITY_REACH),
    )
    metrics = (
        Metric(
            METRIC,
            "Success rate of approved bids by segment",
            "Which share of the approved bids of each segment succeeds?",
            SUCCESS_LIMITS,
            unit="ratio",
            breakdown="finding.segment",
        ),
        Metric(
            AUC,
            "ROC AUC by segment",
            "What is the ROC AUC of each segment, by the known labels?",
            segment_ranking.LIMITS,
            breakdown="finding.segment",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="performance", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[LabelProfile]) -> Iterator[Finding]:
        """Yield a finding per model version in service and segment, every six hours."""
        successes = SegmentSuccesses(context)
        for day in LabeledDays(context).judged():
            verdicts = successes.of(day)
            for verdict in verdicts.judged:
                yield self._finding(day, verdict)
            yield from self._rankings(day, successes, verdicts)
            if verdicts.left_out:
                why = "; ".join(verdicts.left_out)
                reason = f"Not judged of {day.day.title} {span(day.day.window)}: {why}."
                yield self.unknown(METRIC, None, day.day.window, reason, **day.about)

    def _rankings(
        self, day: LabeledWindow, successes: SegmentSuccesses, verdicts: SegmentVerdicts
    ) -> Iterator[Finding]:
        """Yield ROC AUC of the segments with mature labels; others' would be biased."""
        if day.baseline is None or day.labels is None:
            return
        mature = {
            verdict.success.segment
            for verdict in verdicts.judged
            if verdict.success.coverage.mature
        }
        predictions = successes.predictions(day.day.window, day.baseline)
        found = rankings(day.baseline, day.labels.segments, predictions, day.threshold, mature)
        for ranking, q_value in found:
            yield self._ranking(day, ranking, q_value)

    def _ranking(self, day: LabeledWindow, ranking: SegmentRanking, q_value: float) -> Finding:
        comparison = ranking.comparison
        limits, offline = segment_ranking.LIMITS, comparison.offline.value
        return self.finding(
            AUC,
            None,
            day.day.window,
            ranking.severity(q_value),
            **day.about
            | {
                "segment": ranking.segment,
                "sample_count": ranking.labels,
                "baseline_count": ranking.training_rows,
                "value": comparison.current.value,
                "low": comparison.current.interval.low,
                "high": comparison.current.interval.high,
                "p_value": ranking.p_value,
                "q_value": q_value,
                "baseline_value": offline,
                "warning": offline + limits.warning,
                "critical": offline + limits.critical,
                "reason": f"ROC AUC of {day.day.title} for {ranking.segment} is "
                f"{comparison.describe()}; {count(ranking.labels, 'label')} "
                f"{span(day.day.window)}.",
            },
        )

    def _finding(self, day: LabeledWindow, judged: SegmentVerdict) -> Finding:
        success, expected = judged.success, judged.success.expected.value
        coverage = success.coverage
        known = f"{coverage.labeled:,} labels of {coverage.predictions:,} approved predictions"
        if not coverage.mature:
            known += (
                f", {percent(coverage.maturity)} of the expected ones: the interval covers the "
                "missing labels"
            )
        return self.finding(
            METRIC,
            None,
            day.day.window,
            judged.severity,
            **day.about
            | {
                "segment": success.segment,
                "sample_count": coverage.labeled,
                "maturity": coverage.immature,
                "baseline_count": success.training_rows,
                "value": success.current.value,
                "low": success.current.interval.low,
                "high": success.current.interval.high,
                "p_value": success.p_value,
                "q_value": judged.q_value,
                "baseline_value": expected,
                "warning": expected + SUCCESS_LIMITS.warning,
                "critical": expected + SUCCESS_LIMITS.critical,
                "reason": f"{percent(success.current.value)} of the predictions {day.day.title} "
                f"approved for {success.segment} succeeded; {percent(expected)} "
                f"expected from scores; {known} {span(day.day.window)}.",
            },
        )
