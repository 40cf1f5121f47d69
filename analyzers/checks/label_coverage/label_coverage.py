"""Label coverage: coverage, delay and consistency of labels.

Without labels performance is unknown, so their flow is monitored itself. Per model, every six
hours:

- coverage: the share of approved predictions that are labeled once labels should have arrived:
  after as many hours as 95 % of the past two weeks' labels took. The predictions of the day that is
  now so old are judged. Early coverage uses the hours that half of the labels took: it detects
  within hours that labels stop.
- delay: the median and the 95th percentile of the hours from prediction to label, of the labels
  that arrived within the day.
- contradicted labels: predictions with outcomes that differ. The last outcome counts.
- unmatched outcomes: the share of the day's outcomes whose prediction is not in the logs. They are
  looked up again for 30 days, then given up as orphans.

Shares carry Wilson's interval, percentiles that of their order statistics
(`statistics/percentiles.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import OUTCOME_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.label_coverage.labels_by_age import (
    LABEL_REACH,
    MIN_DELAYS,
    PAST_LABELS,
    LabelsByAge,
)
from mlmon.analyzers.profiles.kinds.label import LabelProfile
from mlmon.analyzers.references.daily_window import EVALUATION_INTERVAL
from mlmon.analyzers.statistics.percentiles import (
    percentile,
    percentile_confidence,
    relative_middle,
)
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, moment, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.profiles.kinds.outcome import OutcomeProfile
    from mlmon.analyzers.statistics.buckets import Buckets

COVERAGE, EARLY = "label.coverage", "label.coverage_early"
P50, P95 = "label.delay_p50", "label.delay_p95"
CONTRADICTED, UNMATCHED = "label.contradicted", "outcome.unmatched"
OUTCOMES = "ml.outcome"
MIN_LABELS = 50
MIN_HISTORY = timedelta(days=3)
"""Predictions must be known for so long before the judged day: at first, the labels of the first
days are the quick ones."""


@dataclass(frozen=True, slots=True)
class _ShareHistory:
    """A part of a whole, now and in the past."""

    part: int
    whole: int
    past: tuple[int, int]

    @property
    def usual(self) -> float | None:
        """The share in the past, None without enough history."""
        part, whole = self.past
        return part / whole if whole >= MIN_LABELS else None


class LabelCoverage(Analyzer[LabelProfile]):
    """Coverage, delay and consistency of labels, per model."""

    name = "label_coverage"
    question = "Are coverage, delay and consistency of labels as in the past weeks?"
    advice = (
        "Coverage that falls, or delays that grow: look at what logs outcomes (a job that polls, a "
        "feed that delivers), in `job_health` first; until it is fixed, live performance is late "
        "or unknown; use `estimated_performance`. Unmatched outcomes: "
        "the predictions' logs did not arrive (`completeness`), or ids are not passed on as they "
        "were logged; compare one outcome's `ml.prediction.id` with the service's log. "
        "Contradicted labels: two writers log outcomes, or one logs them before they are final."
    )
    runbooks: ClassVar = {
        "outcome.unmatched": Runbook(
            OUTCOME_LINES,
            "The predictions' lines did not arrive (`completeness`); ids changed on the way.",
            "Compare one outcome's `ml.prediction.id` with the service's log, and pass it on as "
            "it was logged.",
        ),
        "label.contradicted": Runbook(
            OUTCOME_LINES,
            "Two writers log outcomes; one logs them before they are final.",
            "Let one writer log outcomes, once they are final.",
        ),
        "": Runbook(
            OUTCOME_LINES,
            "The job or feed that logs outcomes is down or late; ids are not passed on as they "
            "were logged; outcomes really take longer.",
            "Start the job that logs outcomes (see `job_health`) and let it deliver what it "
            "missed: late labels are judged again. Until then use `estimated_performance`.",
        ),
    }
    needs = (
        Needs("label", LABEL_REACH),
        Needs("prediction", LABEL_REACH),
        Needs("outcome", PAST_LABELS + DAY),
    )
    metrics = (
        Metric(
            COVERAGE,
            "Label coverage",
            "Which share of approved predictions gets a label?",
            Limits(
                0.8,
                0.5,
                "below",
                measures="rate",
                multiples=Multiples(0.9, 0.6, "the share of the 2 weeks before"),
            ),
            unit="ratio",
        ),
        Metric(
            EARLY,
            "Early label coverage",
            "Which share of labels arrives within the usual median delay?",
            Limits(
                0.4,
                0.2,
                "below",
                measures="rate",
                multiples=Multiples(0.7, 0.4, "the share of the 2 weeks before"),
            ),
            unit="ratio",
        ),
        Metric(
            P50,
            "Median label delay",
            "After how many hours does half of the labels arrive?",
            Limits(
                2.0,
                8.0,
                meaning="hours",
                multiples=Multiples(1.5, 3, "those of the 2 weeks before"),
            ),
            unit="h",
        ),
        Metric(
            P95,
            "95th percentile label delay",
            "After how many hours do 95 % of the labels arrive?",
            Limits(
                4.0,
                16.0,
                meaning="hours",
                multiples=Multiples(1.5, 3, "those of the 2 weeks before"),
            ),
            unit="h",
        ),
        Metric(
            CONTRADICTED,
            "Contradicted labels",
            "Which share of labels was contradicted by another outcome?",
            Limits(0.01, 0.05, measures="rate", multiples=Multiples(3, 6, "the 2 weeks before")),
            unit="ratio",
        ),
        Metric(
            UNMATCHED,
            "Unmatched outcomes",
            "Which share of outcomes has no prediction in the logs?",
            Limits(0.02, 0.1, measures="rate", multiples=Multiples(3, 6, "the 2 weeks before")),
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="labels", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[LabelProfile]) -> Iterator[Finding]:
        """Yield the findings of the day before every sixth hour."""
        predicted = context.of("prediction")
        models = sorted({profile.model[0] for profile in (*predicted.profiles, *context.profiles)})
        known = {model: LabelsByAge(model, context) for model in models}
        for window in context.windows(DAY, EVALUATION_INTERVAL):
            yield from self._unmatched(window, context.of("outcome"))
            for of in known.values():
                if of.begin(window) is not None:
                    yield from _Day(self, window, of).findings()

    def _unmatched(
        self, window: Window, outcomes: AnalysisContext[OutcomeProfile]
    ) -> Iterator[Finding]:
        def counted(of: Window) -> tuple[int, int]:
            profiles = outcomes.within(of)
            unmatched = sum(profile.unmatched for profile in profiles)
            return unmatched, unmatched + sum(profile.labels for profile in profiles)

        profiles = outcomes.within(window)
        part, whole = counted(window)
        if not whole:
            return
        share = _ShareHistory(
            part, whole, counted(Window(window.start - PAST_LABELS, window.start))
        )
        orphans = sum(profile.orphans for profile in profiles)
        given_up = f", {orphans:,} of them given up," if orphans else ""
        reason = (
            f"{percent(part / whole)} of {count(whole, 'outcome')} logged {span(window)}{given_up} "
            f"name a prediction that is not in the logs{_usually(share)}."
        )
        about = {
            "service": next((profile.service for profile in profiles if profile.service), None)
        }
        yield self.share(UNMATCHED, OUTCOMES, window, share, reason, about)

    def share(
        self,
        metric: str,
        subject: str,
        window: Window,
        share: _ShareHistory,
        reason: str,
        about: dict[str, Any],
    ) -> Finding:
        """Return the finding of a share, judged by its own past too."""
        known = {"sample_count": share.whole, **about}
        if share.whole < MIN_LABELS:
            return self.unknown(metric, subject, window, f"{reason[:-1]}: too few.", **known)
        limits = _limits(self.limits[metric], share.usual)
        if limits is None:
            sentence = f"{reason[:-1]}; not enough history for a baseline."
            return self.unknown(metric, subject, window, sentence, **known)
        interval = wilson_interval(share.part, share.whole, CONFIDENCE)
        return self.finding(
            metric,
            subject,
            window,
            limits.judge(interval.low, interval.high),
            value=share.part / share.whole,
            low=interval.low,
            high=interval.high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=share.usual,
            baseline_count=share.past[1],
            reason=reason,
            **known,
        )


class _Day:
    """The labels of a model at the end of a day.

    Args:
        analyzer: Whose findings they are.
        window: The day.
        of: The model's labels.
    """

    def __init__(self, analyzer: LabelCoverage, window: Window, of: LabelsByAge) -> None:
        self.analyzer = analyzer
        self.window = window
        self.of = of
        service = (profile.service for profile in of.predictions.within(window) if profile.service)
        older = (profile.service for profile in of.predictions.profiles if profile.service)
        self.about = {"service": next(service, next(older, None)), "model_name": of.model}

    def findings(self) -> Iterator[Finding]:
        """Yield every finding of the day."""
        yield self._coverage(COVERAGE, 0.95)
        yield self._coverage(EARLY, 0.5)
        yield self._delay(P50, 0.5)
        yield self._delay(P95, 0.95)
        yield from self._contradicted()

    def _unknown(self, metric: str, reason: str, **known: Any) -> Finding:
        return self.analyzer.unknown(
            metric, self.of.model, self.window, reason, **self.about, **known
        )

    def _coverage(self, metric: str, part: float) -> Finding:
        hours = self.of.age(self.window, part)
        if hours is None:
            return self._unknown(
                metric,
                f"Fewer than {MIN_DELAYS} labels of {self.of.model} arrived in the 14 days "
                f"before {moment(self.window.start)}: not enough history for a baseline of label "
                "delays. Check that outcomes are logged.",
            )
        then = _aged(self.window, hours)
        begin = self.of.begin(self.window)
        if begin is None or then.start - begin < MIN_HISTORY:
            since = "not at all" if begin is None else f"since {moment(begin)}"
            return self._unknown(
                metric,
                f"Predictions of {self.of.model} are known {since}: not enough history for a "
                "baseline of label delays.",
            )
        labeled, approved = self.of.labeled(then, hours)
        past = self.of.labeled(Window(then.start - PAST_LABELS, then.start), hours)
        share = _ShareHistory(labeled, approved, past)
        if not approved:
            return self._unknown(metric, f"{self.of.model} approved nothing {span(then)}.")
        reason = (
            f"{percent(labeled / approved)} of {count(approved, 'prediction')} that "
            f"{self.of.model} approved {span(then)} had a label after {hours} h, the time "
            f"that {percent(part)} of labels took before{_usually(share)}."
        )
        return self.analyzer.share(metric, self.of.model, self.window, share, reason, self.about)

    def _delay(self, metric: str, part: float) -> Finding:
        window, of = self.window, self.of
        arrived, past = (
            of.arrived(window),
            of.arrived(Window(window.start - PAST_LABELS, window.start)),
        )
        if arrived.n < MIN_LABELS or past.n < MIN_DELAYS:
            return self._unknown(
                metric,
                f"{count(arrived.n, 'label')} of {of.model} arrived {span(window)} and {past.n:,} "
                f"in the 14 days before; {MIN_LABELS} and {MIN_DELAYS} are needed.",
                sample_count=arrived.n,
            )
        value, usual = _hours(arrived, part), _hours(past, part)
        begin = of.begin(window)
        if begin is None or window.start - begin < 2 * value * HOUR:
            return self._unknown(
                metric,
                f"Predictions are known since {moment(begin or window.start)} only, so labels "
                f"that take longer than {number(usual)} h may be missing, and delays grow "
                "with the history.",
                sample_count=arrived.n,
            )
        interval = percentile_confidence(arrived, part, CONFIDENCE)
        limits = self.analyzer.limits[metric].relative_to(usual)
        return self.analyzer.finding(
            metric,
            of.model,
            window,
            limits.judge(interval.low, interval.high),
            value=value,
            low=max(0.0, interval.low),
            high=interval.high,
            warning=limits.warning,
            critical=limits.critical,
            baseline_value=usual,
            baseline_count=past.n,
            sample_count=arrived.n,
            reason=f"{percent(part)} of the {count(arrived.n, 'label')} of {of.model} that arrived "
            f"{span(window)} took about {number(value)} h or less; {number(usual)} h in the 14 "
            "days before.",
            **self.about,
        )

    def _contradicted(self) -> Iterator[Finding]:
        hours = self.of.age(self.window, 0.95)
        if hours is None:
            return
        then = _aged(self.window, hours)
        part, whole = self.of.contradicted(then)
        if not whole:
            return
        past = self.of.contradicted(Window(then.start - PAST_LABELS, then.start))
        share = _ShareHistory(part, whole, past)
        reason = (
            f"{percent(part / whole)} of {count(whole, 'label')} of the predictions of "
            f"{self.of.model} {span(then)} were contradicted by another outcome{_usually(share)}."
        )
        yield self.analyzer.share(
            CONTRADICTED, self.of.model, self.window, share, reason, self.about
        )


def _aged(window: Window, hours: int) -> Window:
    """Return the day whose predictions are so old at a window's end."""
    return Window(window.start - hours * HOUR, window.end - hours * HOUR)


def _hours(delays: Buckets, part: float) -> float:
    """Return within about how many hours such a part of labels came: the middle of a bucket."""
    interval = percentile(delays, part)
    return interval.low if math.isinf(interval.high) else relative_middle(interval)


def _limits(declared: Limits, usual: float | None) -> Limits | None:
    """Return the limits by the past; None where a metric has none without a past."""
    if declared.bad == "above":
        return declared.relative_to(usual or 0.0)
    return None if usual is None else declared.relative_to(usual)


def _usually(share: _ShareHistory) -> str:
    return "" if share.usual is None else f"; {percent(share.usual)} in the 14 days before"
