"""Live performance: performance of a model version on live labels, against its evaluation.

Over the day before, every six hours, per model version in service. Labels are chosen, not random:
all approved predictions are bid on and a share of the rejected. ROC AUC, precision, recall, F1,
log-loss and Brier score are therefore those of *all* predictions: within a score bucket the
labeled ones stand for all (`statistics/post_stratified.py`), each with its interval. They are
compared with `evaluation_metrics.json` of that version. Severity uses the conservative end of the
difference's interval, which includes the offline value's own sampling error.

The success rate of approved predictions is compared with the rate expected from their scores and
the training set's labels. Calibration is judged by tenths of the score: the error over all bins,
and each bin's gap of observed and predicted share. Where the baseline divides the traffic, the
sentence of the success rate names the segments below the rate expected from their own scores
(`segment_performance`), even on a day on which the total is as expected.

A verdict needs 100 labels. ROC AUC and F1 also need 20 of either class, recall 20 positives,
precision 20 of approved predictions. The other measures need no class: where every outcome is a
failure, that is evidence, not a lack of it.

A day is judged by `label_maturity.py` as mature or not. While labels are missing, every interval
covers every possible outcome of them; where that leaves the verdict open it is `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import BROKEN_INPUTS, OUTCOME_LINES, Runbook
from mlmon.analyzers.checks.live_performance.reliability import Tenth, calibration_error, tenths
from mlmon.analyzers.performance.label_maturity import MATURITY_REACH
from mlmon.analyzers.performance.labeled_window import LABEL_CONFIDENCE, LabeledDays, LabeledWindow
from mlmon.analyzers.performance.reference_metrics import (
    TITLES,
    MetricName,
    compare,
    offline_performance,
)
from mlmon.analyzers.performance.segment_success import SegmentSuccesses
from mlmon.analyzers.profiles.kinds.label import LabelProfile
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding, Severity
    from mlmon.analyzers.base.identity import FindingIdentity

SUCCESS, ERROR, GAP = "approved.success_rate", "calibration.error", "calibration.gap"
DECIDED, LOSSES = frozenset({"precision", "recall", "f1"}), frozenset({"log_loss", "brier"})
MIN_LABELS_PER_BIN, MOST_NAMED = 30, 3
OFFLINE = "difference to the version's offline value"
MEASURES: Mapping[MetricName, Limits] = {
    "roc_auc": Limits(-0.03, -0.08, "below", OFFLINE),
    "precision": Limits(-0.05, -0.10, "below", OFFLINE, "rate"),
    "recall": Limits(-0.05, -0.10, "below", OFFLINE, "rate"),
    "f1": Limits(-0.05, -0.10, "below", OFFLINE),
    "log_loss": Limits(0.05, 0.10, meaning=OFFLINE),
    # The mean of what is between 0 and 1 of each row moves as a rate does.
    "brier": Limits(0.02, 0.04, meaning=OFFLINE, measures="rate"),
}


class LivePerformance(Analyzer[LabelProfile]):
    """Measures of a version's predictions by their labels, against those of its evaluation."""

    name = "live_performance"
    question = "Is performance on live labels as in the version's evaluation?"
    advice = (
        "Look at `feature_drift`, `data_quality` and `fallback_rate` of the same day: inputs that "
        "broke explain performance that fell; fix them first. Where inputs are unchanged and "
        "`concept_drift` reports a gap between live and estimated performance, the relation "
        "between scores and labels has changed: retrain on recent labels. Where calibration alone "
        "is off, recalibrate on recent labels."
    )
    runbooks: ClassVar = {
        "calibration.error": Runbook(
            OUTCOME_LINES,
            f"{BROKEN_INPUTS}; a market that changed.",
            "Recalibrate on recent labels.",
        ),
        "calibration.gap": Runbook(
            OUTCOME_LINES,
            f"{BROKEN_INPUTS}; a market that changed.",
            "Recalibrate on recent labels.",
        ),
        "": Runbook(
            OUTCOME_LINES,
            f"{BROKEN_INPUTS}; the market changed (`concept_drift`).",
            "Fix inputs that broke first. Where they are sound, retrain on recent labels; until "
            "then raise the threshold or bid by rule where money is at stake.",
        ),
    }
    needs = (
        Needs("label", MATURITY_REACH),
        Needs("prediction", MATURITY_REACH),
        Needs("segment", MATURITY_REACH),
    )
    metrics = (
        Metric(
            SUCCESS,
            "Success rate of approved bids",
            "Which share of the approved bids succeeds?",
            Limits(-0.05, -0.10, "below", "difference to the rate expected from scores", "rate"),
            unit="ratio",
            breakdown="ml.model.version",
        ),
        Metric(
            ERROR,
            "Calibration error",
            "How far are scores from observed success rates on average?",
            # Observed minus predicted is a measure over the bins; the error is its total variation.
            Limits(0.05, 0.10, measures="distance"),
            unit="ratio",
            breakdown="ml.model.version",
        ),
        Metric(
            GAP,
            "Calibration by score",
            "By how much does the success rate exceed the score, per tenth of the score?",
            Limits(0.10, 0.20, meaning="in either direction", two_sided=True),
            unit="ratio",
            pivot=0.0,
        ),
        *(
            Metric(
                measure,
                f"{TITLES[measure]}, live",
                f"What is the {TITLES[measure]} of all predictions, by the known labels?",
                limits,
                breakdown="ml.model.version",
            )
            for measure, limits in MEASURES.items()
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="performance", step=EVALUATION_INTERVAL
    )

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the version's offline value of a measure."""
        return ReferencePart("metric", identity.metric) if identity.metric in MEASURES else None

    def evaluate(self, context: AnalysisContext[LabelProfile]) -> Iterator[Finding]:
        """Yield a finding per metric, six hours and version in service, and one per tenth."""
        segments = SegmentSuccesses(context)
        for day in LabeledDays(context).judged():
            skip_reason = day.skip_reason()
            if skip_reason:
                for metric in (*MEASURES, SUCCESS, ERROR):
                    yield self._unknown(day, metric, skip_reason)
                continue
            for measure in MEASURES:
                yield self._against_offline(day, measure)
            yield self._success(day, segments)
            yield from self._calibration(day)

    def _against_offline(self, day: LabeledWindow, measure: MetricName) -> Finding:
        if skip_reason := day.measure_skip_reason(measure):
            return self._unknown(day, measure, skip_reason)
        title = f"{TITLES[measure]} of {day.day.title}"
        current: Estimate | None = getattr(day.performance, measure)
        if current is None:
            reason = f"{title} has no value: {_skip_reason(day, measure)}; {day.known()}."
            return self._unknown(day, measure, reason)
        offline = day.baseline and offline_performance(
            day.baseline, measure, day.threshold, LABEL_CONFIDENCE
        )
        if not offline:
            reason = f"{title} was not measured offline; the baseline has no such metric."
            return self._unknown(day, measure, reason, current)
        comparison = compare(current, offline)
        return self._finding(
            day,
            measure,
            current,
            self._severity(day, measure, comparison.change.interval),
            baseline_value=offline.value,
            **self._absolute(measure, offline.value),
            sample_count=_rows(day, measure),
            reason=f"{title} is {comparison.describe()}{_by_threshold(day, measure)}; "
            f"{day.known()}{_accepted(day, measure)}.",
        )

    def _success(self, day: LabeledWindow, segments: SegmentSuccesses) -> Finding:
        approved = day.labels.approved if day.labels else None
        reference = day.baseline.labeled if day.baseline else None
        if approved is None or not approved.labeled or day.scores is None:
            reason = f"No label of a prediction that {day.day.title} approved is known."
            return self._unknown(day, SUCCESS, reason)
        expected = (
            reference
            and reference.n
            and estimate_performance(
                day.scores, reference, day.threshold, LABEL_CONFIDENCE
            ).precision
        )
        current = _success_rate(day, approved.positives, approved.labeled)
        if not expected:
            reason = f"The training set of {day.day.title} has no labels to calibrate scores by."
            if reference and reference.n:
                why = _skip_reason(day, "precision")
                reason = f"What to expect of {day.day.title} is not known: {why}."
            return self._unknown(day, SUCCESS, reason, current)
        comparison, worst = compare(current, expected), segments.of(day).worst()
        return self._finding(
            day,
            SUCCESS,
            current,
            self._severity(day, SUCCESS, comparison.change.interval),
            baseline_value=expected.value,
            **self._absolute(SUCCESS, expected.value),
            sample_count=approved.labeled,
            reason=f"{percent(current.value)} of the predictions {day.day.title} approved "
            f"succeeded; {percent(expected.value)} expected from scores; {day.known()}"
            f"{f'; {worst}' if worst else ''}.",
        )

    def _calibration(self, day: LabeledWindow) -> Iterator[Finding]:
        if day.scores is None or day.labels is None or day.labels.scores is None:
            return
        try:
            bins = tenths(day.scores, day.labels.scores, day.missing, LABEL_CONFIDENCE)
        except ValueError as error:
            reason = f"The calibration of {day.day.title} cannot be judged: {error}."
            yield self._unknown(day, ERROR, reason)
            return
        error_of = calibration_error(bins)
        worst = max(bins, key=lambda bin_: bin_.share * abs(bin_.gap.value))
        yield self._finding(
            day,
            ERROR,
            error_of,
            self._severity(day, ERROR, error_of.interval),
            reason=f"Calibration error of {day.day.title} is {number(error_of.value)} "
            f"({number(error_of.interval.low)} to {number(error_of.interval.high)}), largest for "
            f"scores {worst.name}: {_observed(worst)}; "
            f"{day.known()}.",
        )
        for bin_ in bins:
            yield self._tenth(day, bin_)

    def _tenth(self, day: LabeledWindow, tenth: Tenth) -> Finding:
        labeled = f"{count(tenth.rows, 'labeled prediction')} of {day.day.title}"
        observed = f"Of {labeled} with scores {tenth.name}, {_observed(tenth)}"
        known: dict[str, Any] = {
            "subject": tenth.name,
            "sample_count": tenth.rows,
            "baseline_value": tenth.predicted,
        }
        if tenth.rows < MIN_LABELS_PER_BIN:
            waiting = "" if day.coverage.mature else f"; {day.known()}"
            reason = f"{observed}; {MIN_LABELS_PER_BIN} are needed for a verdict{waiting}."
            return self._unknown(day, GAP, reason, tenth.gap, **known)
        severity = self.limits[GAP].judge(tenth.gap.interval.low, tenth.gap.interval.high)
        reason = f"{observed}; {day.known()}."
        return self._finding(day, GAP, tenth.gap, severity, **known, reason=reason)

    def _severity(self, day: LabeledWindow, metric: str, interval: Interval) -> Severity:
        limits = self.limits[metric]
        judge = limits.judge if day.coverage.mature else limits.judge_bounds
        return judge(interval.low, interval.high)

    def _absolute(self, metric: str, reference: float) -> dict[str, float]:
        """Return the limits as values of the metric, for they are declared as differences."""
        limits = self.limits[metric]
        return {"warning": reference + limits.warning, "critical": reference + limits.critical}

    def _finding(
        self,
        day: LabeledWindow,
        metric: str,
        estimate: Estimate,
        severity: Severity,
        **known: Any,
    ) -> Finding:
        about = day.about | {
            "subject": None,
            "value": estimate.value,
            "low": estimate.interval.low,
            "high": estimate.interval.high,
        }
        about |= known
        return self.finding(metric, about.pop("subject"), day.day.window, severity, **about)

    def _unknown(
        self,
        day: LabeledWindow,
        metric: str,
        reason: str,
        estimate: Estimate | None = None,
        **known: Any,
    ) -> Finding:
        about = day.about | {"subject": None} | known
        if estimate is not None:
            ends = estimate.interval
            about |= {"value": estimate.value, "low": ends.low, "high": ends.high}
        return self.unknown(metric, about.pop("subject"), day.day.window, reason, **about)


def _skip_reason(day: LabeledWindow, measure: MetricName) -> str:
    """Return why a measure has no value on a day with enough labels."""
    if measure in LOSSES and day.scores:
        low, high = day.scores.minimum or 0.0, day.scores.maximum or 0.0
        return f"scores reach from {number(low)} to {number(high)} and are no probabilities"
    if day.threshold is None:
        return (
            "no threshold is logged (`ml.prediction.threshold`), and the logged decisions do not "
            "follow the score"
        )
    return "no prediction was approved"


def _by_threshold(day: LabeledWindow, measure: MetricName) -> str:
    """Sentence part about the threshold used, where the day had several."""
    taken, *others = day.thresholds or (None,)
    if measure not in DECIDED or taken is None or not others:
        return ""
    also = ", ".join(map(number, sorted(others)[:MOST_NAMED]))
    return f", by the most frequent threshold {number(taken)} (also seen: {also})"


def _rows(day: LabeledWindow, measure: MetricName) -> int:
    """Return the labeled rows that a measure is computed from; lost lines are a share of them."""
    labels = day.labels
    if labels is None:
        return 0
    if measure == "precision":
        return labels.approved.labeled
    if measure == "recall":
        return labels.approved.positives + labels.rejected.positives
    return labels.labeled


def _success_rate(day: LabeledWindow, positives: int, labeled: int) -> Estimate:
    """The success rate of approved predictions, with every possible outcome of missing labels."""
    approved = day.coverage.approved
    missing = 0 if day.coverage.mature else round(approved.missing_share * approved.predictions)
    low = wilson_interval(positives, labeled + missing, LABEL_CONFIDENCE).low
    high = wilson_interval(positives + missing, labeled + missing, LABEL_CONFIDENCE).high
    return Estimate(positives / labeled, Interval(low, high))


def _observed(tenth: Tenth) -> str:
    return f"{percent(tenth.observed)} succeeded, {percent(tenth.predicted)} were predicted"


def _accepted(day: LabeledWindow, measure: MetricName) -> str:
    """Return what the sentence adds where another value than the offline one was accepted."""
    part = ReferencePart("metric", measure)
    return day.baseline.accepted_note(part) if day.baseline else ""
