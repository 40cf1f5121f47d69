"""Business value: value of the bids the model approved, against past weeks.

Over the day before, every six hours, per model: the value of approved bids that succeeded, of all
its versions, against the mean of the same hours of the same weekdays one to four weeks before. The
interval covers the scatter of values from bid to bid and of the number of bids (a ratio estimator's
residuals by hour), on both sides; severity uses the conservative end of the ratio.

While labels of the day are missing (`label_maturity.py`), its value lies between no further success
and all of them succeeding at the usual value; where that leaves the verdict open it is `unknown`.

Paper: Cochran, W. G. (1977). Sampling Techniques, 3rd ed., chapter 6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import OUTCOME_LINES, Runbook
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.performance.label_maturity import MATURITY_REACH, LabelHistory
from mlmon.analyzers.performance.labeled_window import LABEL_CONFIDENCE
from mlmon.analyzers.profiles.kinds.label import LabelProfile
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.references.daily_window import COVERED, EVALUATION_INTERVAL
from mlmon.analyzers.statistics.ratio import ratio
from mlmon.formatting import count, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.analyzers.base.finding import Finding

METRIC = "approved.value"
WEEKS = 4
WEEK = timedelta(days=7)
MIN_LABELS = 30
Z = float(special.ndtri(0.5 + LABEL_CONFIDENCE / 2))


@dataclass(frozen=True, slots=True)
class BusinessAmount:
    """Value of the approved bids of a window.

    Args:
        total: Sum of the values of those that succeeded, in the service's currency.
        error: Standard error of the total as a measure of what such a time brings.
        labeled: Approved predictions whose label is known.
        positives: Of them, those that succeeded.
    """

    total: float
    error: float
    labeled: int
    positives: int


class BusinessValue(Analyzer[LabelProfile]):
    """Value of successful bids the model approved."""

    name = "business_value"
    question = "Is the value of the bids that the model approved as in past weeks?"
    advice = (
        "Check the earlier layers of the chain of causes: `service_health` (requests that got no "
        "prediction), `feature_drift` and `score_shift` (fewer approvals), `live_performance` "
        "(approved bids that fail). Without any of these the market pays less: compare prices and "
        "traffic with the weeks before."
    )
    runbooks: ClassVar = {
        "": Runbook(
            OUTCOME_LINES,
            "Requests without a prediction (`service_health`); fewer approvals (`score_shift`); "
            "approved bids that fail (`live_performance`); lower prices.",
            "Follow the earliest of these. Without any, compare prices and traffic with the weeks "
            "before.",
        )
    }
    needs = (
        Needs("label", WEEKS * WEEK + DAY),
        Needs("prediction", MATURITY_REACH),
    )
    metrics = (
        Metric(
            METRIC,
            "Value of approved bids",
            "What is the value of the bids that the model approved in the day before?",
            Limits(0.8, 0.6, "below", "times the mean of the same weekdays of past weeks"),
            unit="currency",
            draw="area",
            breakdown="ml.model.name",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=3, layer="business", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[LabelProfile]) -> Iterator[Finding]:
        """Yield a finding per six hours and model."""
        predictions = context.of("prediction")
        names = {profile.model[0] for profile in (*context.profiles, *predictions.profiles)}
        chosen = one_per_version(context.profiles, context.baselines)
        for name in sorted(names):
            own = [profile for profile in chosen if profile.model[0] == name]
            history = LabelHistory(predictions, context, name)
            for window in context.windows(DAY, EVALUATION_INTERVAL):
                approved = history.approved(window)
                if approved:
                    yield self._judge(
                        name, window, approved, history, AnalysisContext(context.period, own)
                    )

    def _judge(
        self,
        name: str,
        window: Window,
        approved: int,
        history: LabelHistory,
        labels: AnalysisContext[LabelProfile],
    ) -> Finding:
        profiles = labels.within(window)
        now, past = value_of(profiles), list(_past(labels, window))
        labeled = sum(profile.approved.labeled for profile in profiles)
        known: dict[str, Any] = {
            "model_name": name,
            "service": next((profile.service for profile in profiles if profile.service), None),
            "sample_count": labeled,
            "baseline_count": len(past),
        }
        usual = sum(value.total for value in past) / len(past) if past else 0.0
        missing = _skip_reason(labeled, now, past, usual)
        if missing or now is None:
            reason = (
                f"Of {count(approved, 'approved prediction')} {span(window)} "
                f"{count(labeled, 'label')} are known; {missing}."
            )
            return self.unknown(METRIC, None, window, reason, **known)
        error = math.sqrt(sum(value.error**2 for value in past)) / len(past)
        chance = max(now.error, _usual_error(past, now.labeled))
        coverage = history.coverage(window, (approved, now.labeled), (0, 0)).approved
        awaited = 0 if coverage.mature else round(coverage.missing_share * approved)
        most = now.total + awaited * _per_success(now, past)
        # Bids that cost more than they brought are no less of the usual than none of it.
        shares = [
            ratio(max(0.0, total), chance, usual, error, LABEL_CONFIDENCE)
            for total in (now.total, most)
        ]
        limits = self.limits[METRIC]
        judge = limits.judge if coverage.mature else limits.judge_bounds
        reach = Z * chance
        waiting = f", {awaited:,} more are expected" if awaited else ""
        return self.finding(
            METRIC,
            None,
            window,
            judge(shares[0].low, shares[1].high),
            **known,
            value=now.total,
            low=min(now.total, max(0.0, now.total - reach)),
            high=most + reach,
            maturity=coverage.immature,
            baseline_value=usual,
            warning=limits.warning * usual,
            critical=limits.critical * usual,
            reason=f"Bids that {name} approved {span(window)} brought {number(now.total)}, "
            f"{percent(now.total / usual)} of the mean of the same "
            f"hours of {count(len(past), 'week')} before ({number(usual)}); "
            f"{count(now.labeled, 'label')} are known{waiting}.",
        )


def _usual_error(past: Sequence[BusinessAmount], labeled: int) -> float:
    """Return the error of so many labels of a usual day.

    A day without a single success shows none of its own.
    """
    variance = sum(value.error**2 for value in past) / sum(value.labeled for value in past)
    return math.sqrt(variance * labeled)


def _skip_reason(
    labeled: int, now: BusinessAmount | None, past: Sequence[BusinessAmount], usual: float
) -> str | None:
    """Return why a day cannot be compared with past weeks, None if it can."""
    if labeled < MIN_LABELS:
        return f"{MIN_LABELS} labels are needed"
    if now is None:
        return "the values of successes are too large to be summed"
    if not past:
        return "no earlier week is known for a baseline"
    if usual <= 0:
        return f"the same hours of {count(len(past), 'week')} before brought {number(usual)}"
    return None


def value_of(profiles: Sequence[LabelProfile]) -> BusinessAmount | None:
    """Return what approved bids brought, with the error that its hours' scatter shows.

    With the value v_h and the number a_h of the approved bids of an hour and their ratio r, the
    variance is that of the values, sum of (v_h - r a_h)^2, and that of the number, r^2 sum of a_h.
    None where a sum passes the greatest double.
    """
    hours: dict[Window, tuple[float, int]] = {}
    for profile in profiles:
        if profile.approved.value is None:
            return None
        value, labeled = hours.get(profile.window, (0.0, 0))
        hours[profile.window] = (
            value + profile.approved.value,
            labeled + profile.approved.labeled,
        )
    labeled = sum(profile.approved.labeled for profile in profiles)
    positives = sum(profile.approved.positives for profile in profiles)
    if not labeled:
        return BusinessAmount(0.0, 0.0, 0, 0)
    values, numbers = np.array(list(hours.values())).T
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
        per_bid = total / labeled
        variance = ((values - per_bid * numbers) ** 2).sum() + per_bid**2 * labeled
    if not np.isfinite(variance):
        return None
    return BusinessAmount(float(total), math.sqrt(variance), labeled, positives)


def _past(labels: AnalysisContext[LabelProfile], window: Window) -> Iterator[BusinessAmount]:
    """Yield the same hours of the same weekdays before, where labels cover the day."""
    for week in range(1, WEEKS + 1):
        before = Window(window.start - week * WEEK, window.end - week * WEEK)
        profiles = labels.within(before)
        if profiles and profiles[0].window.start <= before.end - COVERED:
            value = value_of(profiles)
            if value and value.labeled >= MIN_LABELS:
                yield value


def _per_success(now: BusinessAmount, past: Sequence[BusinessAmount]) -> float:
    """Return what a success brings; where there was none, in the weeks before."""
    known = [now] if now.positives else past
    positives = sum(value.positives for value in known)
    return sum(value.total for value in known) / positives if positives else 0.0
