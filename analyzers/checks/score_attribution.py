"""Score attribution: effect of each feature's shift on the mean score.

A large shift of a feature may not matter to the model, and a small one may matter much. The
training set gives the mean out-of-fold score per bucket or category of a feature, and of missing
values. With the day's shares in place of the training set's, the mean score changes by the
feature's effect. Every sixth hour the features of the day before are ranked by it.

Limits of the method. Effects are marginal: of features that move together, each carries what they
share, so effects do not add up. They are associations in the training set: a model may use another
feature that goes with this one. Within a bucket the mean score is interpolated linearly between the
middles of neighbouring buckets, and where training has no rows it may be any of training's scores;
that, and sampling error on both sides, is the interval. Severity uses its conservative end.

Paper: Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50, 1168-1194.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.drift.attribution import attribute
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.daily_window import (
    DAILY_LOOKBACK,
    EVALUATION_INTERVAL,
    DailyWindow,
    daily_windows,
)
from mlmon.analyzers.statistics.moments import Moments
from mlmon.formatting import count, signed, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.baseline import Baseline

METRIC = "score.effect"
MIN_PREDICTIONS = 100


class ScoreAttribution(Analyzer[PredictionProfile]):
    """Effect of each feature's shift on the mean score."""

    name = "score_attribution"
    question = "Which features moved the scores, and by how much?"
    advice = (
        "Begin with the feature of the largest effect: it is where a correction changes most. Its "
        "findings in `feature_drift` and `data_quality` show what moved. If no feature has an "
        "effect although `score_shift` alarms, the model scores the same inputs differently: "
        "compare the version in service with the one meant to be."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            "The feature with the largest effect moved (`feature_drift`, `data_quality`).",
            "Correct that feature first.",
        )
    }
    needs = (Needs("prediction", DAILY_LOOKBACK),)
    metrics = (
        Metric(
            METRIC,
            "Effect on the mean score",
            "By how much does each feature move the mean score?",
            Limits(
                0.25,
                0.5,
                meaning="standard deviations of training's scores, either way",
                two_sided=True,
            ),
            pivot=0.0,
        ),
    )
    alert_policy = AlertPolicy(
        on="critical", after=2, of=2, layer="feature", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per sixth hour, model version in service, and feature."""
        for day in daily_windows(context, EVALUATION_INTERVAL):
            skip_reason = day.skip_reason() or day.incomplete() or _skip_reason(day)
            if skip_reason or day.baseline is None:
                yield self.unknown(METRIC, None, day.window, str(skip_reason), **day.about)
            else:
                yield from self._judge(day, day.baseline)

    def _judge(self, day: DailyWindow, baseline: Baseline) -> Iterator[Finding]:
        sample = merge(day.own)
        attribution = attribute(sample, baseline)
        deviation = Moments.of(baseline.score).deviation().middle if baseline.score else 0.0
        declared = self.limits[METRIC]
        limits = replace(
            declared,
            warning=declared.warning * deviation,
            critical=declared.critical * deviation,
        )
        whole = f"{count(sample.rows, 'prediction')} {span(day.window)}{_whole(attribution.change)}"
        features = len(attribution.effects)
        for rank, (feature, effect) in enumerate(attribution.effects.items(), start=1):
            low, high = effect.interval.low, effect.interval.high
            yield self.finding(
                METRIC,
                feature,
                day.window,
                limits.judge(low, high),
                value=effect.value,
                low=low,
                high=high,
                warning=limits.warning,
                critical=limits.critical,
                baseline_value=0.0,
                sample_count=sample.rows,
                baseline_count=baseline.rows,
                reason=(
                    f"{feature}, rank {rank} of {features}: its shift alone changes the mean score "
                    f"by {signed(effect.value)} ({signed(low)} to {signed(high)}) in {whole}."
                ),
                **day.about,
            )


def _skip_reason(day: DailyWindow) -> str | None:
    if day.baseline and not day.baseline.score_sums:
        return f"The training set of {day.title} holds no scores: effects are unknown."
    rows = sum(profile.rows for profile in day.own)
    if rows >= MIN_PREDICTIONS:
        return None
    return (
        f"{count(rows, 'prediction')} of {day.title} with features {span(day.window)}; "
        f"{MIN_PREDICTIONS} are needed for a verdict."
    )


def _whole(change: float | None) -> str:
    return "" if change is None else f"; in all it changed by {signed(change)}"
