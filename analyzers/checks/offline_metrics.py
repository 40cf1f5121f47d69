"""Offline metrics: test-set metrics of each retrained model, against the versions before it.

A version is judged in the hour in which its evaluation is logged. Each metric is compared with the
median of up to ten versions before it: a drop must pass its limit beyond sampling error and, from
four versions on, be large relative to the versions' own spread. The sampling error follows from the
labels of both training sets, where baselines hold them: metrics of test sets of a few hundred rows
differ by several percent at random. (For that, precision, recall and F1 are taken at 0.5: the
threshold of a version that does not serve yet is not known.)

A steady decline despite retraining is found by Mann-Kendall's test over up to ten versions, with
Benjamini-Hochberg over the version's metrics, and measured by the Theil-Sen slope; it takes five
versions if all metrics decline, six if one does alone: fewer can fall at each step at random. Of
losses (log-loss, Brier score, calibration error) a rise is the decline. Metrics of other names are
kept and not judged: the direction that is worse is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.out_of_fold import DEFAULT_THRESHOLD
from mlmon.analyzers.event_logs.hits import EVENT_STEP
from mlmon.analyzers.performance.model_versions import ModelVersion, versions
from mlmon.analyzers.performance.reference_metrics import TITLES, offline_performance
from mlmon.analyzers.profiles.kinds.model import EVALUATE, TRAIN, ModelEvent, ModelProfile
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.analyzers.statistics.mann_kendall import falling_p, fewest
from mlmon.formatting import count, excerpt, moment, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.baseline import Baseline

Baselines: TypeAlias = "Mapping[tuple[str, str], Baseline]"

VALUE, TREND = "offline.value", "offline.trend"
GAINS = frozenset(
    {"accuracy", "average_precision", "f1", "pr_auc", "precision", "recall", "roc_auc"}
)
LOSSES = frozenset({"brier", "ece", "expected_calibration_error", "log_loss"})
COMPARED = 10
KNOWN_SPREAD = 4
MIN_VERSIONS = fewest(FALSE_DISCOVERY_RATE)
EVALUATED_WITHIN = 6 * HOUR
CONFIDENCE = 0.99
PAST = 365 * DAY


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """One metric over the versions that have it, the judged one last.

    Args:
        metric: Its name.
        of: The versions.
        values: Its value for each.
    """

    metric: str
    of: tuple[ModelVersion, ...]
    values: tuple[float, ...]

    @property
    def sign(self) -> int:
        """Direction of worse values: 1 for losses, -1 for gains."""
        return 1 if self.metric in LOSSES else -1

    @property
    def earlier(self) -> tuple[float, ...]:
        """The values of the versions before."""
        return self.values[:-1]

    @property
    def median(self) -> float:
        """Their median."""
        return float(np.median(self.earlier))

    @property
    def best(self) -> tuple[float, ModelVersion]:
        """The best of them and its version."""
        pairs = zip(self.earlier, self.of[:-1], strict=True)
        return min(pairs, key=lambda pair: self.sign * pair[0])

    @property
    def quality(self) -> tuple[float, ...]:
        """The values, turned so that larger is better."""
        return tuple(-self.sign * value for value in self.values)


class OfflineMetrics(Analyzer[ModelProfile]):
    """Each offline metric of a new version against the versions before it."""

    name = "offline_metrics"
    question = "Are test-set metrics of retrained models as good as before?"
    advice = (
        "Compare the training sets first: their rows, their dates, the share of successes, and "
        "the findings of `data_quality` and `feature_drift` over the time they cover. A sudden "
        "drop points to the data of this training: keep the version before it in service. A "
        "steady decline points to a market that has become harder to predict, or to features that "
        "lost their information: retraining alone will not fix it."
    )
    runbooks: ClassVar = {
        "": Runbook(
            "--dataset model --field event.action=evaluate",
            "The data of this training: fewer rows, other dates, broken features; a market that "
            "became harder.",
            "Keep the version before it in service; compare the training sets and train again.",
        )
    }
    needs = (Needs("model", PAST),)
    metrics = (
        Metric(
            VALUE,
            "Offline metrics",
            "What is each test-set metric of each version?",
            Limits(
                0.05,
                0.10,
                meaning="relative drop beyond sampling error from the median of up to 10 versions "
                "before",
                multiples=Multiples(3, 6, "their robust standard deviation"),
            ),
            draw="bar",
        ),
        Metric(
            TREND,
            "Decline of offline metrics",
            "By how much have the metrics declined despite retraining?",
            Limits(
                0.03,
                0.10,
                meaning="relative decline over 5 to 10 versions, with a q-value of at most 0.01",
            ),
            unit="ratio",
        ),
    )
    # A version is judged once: its finding holds for a week.
    alert_policy = AlertPolicy(on="warning", after=1, of=1, layer="training", silence=7 * DAY)

    def evaluate(self, context: AnalysisContext[ModelProfile]) -> Iterator[Finding]:
        """Yield the findings of each version in the hour of its evaluation."""
        events = [
            event
            for profile in context.profiles
            for event in profile.events
            if event.action in {TRAIN, EVALUATE}
        ]
        for window in context.windows(EVENT_STEP):
            seen = [event for event in events if window.end - PAST <= event.at < window.end]
            by_model = versions(seen)
            evaluations = [
                event for event in seen if event.at >= window.start and event.action == EVALUATE
            ]
            for known in by_model.values():
                yield from self._judge(known, evaluations, window, context.baselines)
            failed = [evaluation for evaluation in evaluations if not evaluation.succeeded]
            if failed:
                yield self._failed(failed, window)

    def _judge(
        self,
        known: Sequence[ModelVersion],
        evaluations: Sequence[ModelEvent],
        window: Window,
        baselines: Baselines,
    ) -> Iterator[Finding]:
        evaluated = {
            (evaluation.model, evaluation.version)
            for evaluation in evaluations
            if evaluation.succeeded
        }
        for place, version in enumerate(known):
            if _model(version) in evaluated:
                yield from self._version(version, known[:place], window, baselines)
            waited = window.end - version.made
            overdue = EVALUATED_WITHIN <= waited < EVALUATED_WITHIN + EVENT_STEP
            if (
                overdue
                and not version.evaluation
                and any(known_version.evaluation for known_version in known)
            ):
                reason = (
                    f"{version.title} was trained {moment(version.made)}, and "
                    f"{EVALUATED_WITHIN // HOUR} h later no evaluation of it is logged: its "
                    "performance is unknown."
                )
                yield self.unknown(VALUE, None, window, reason, **_about(version))

    def _version(
        self,
        judged: ModelVersion,
        earlier: Sequence[ModelVersion],
        window: Window,
        baselines: Baselines,
    ) -> Iterator[Finding]:
        judgeable = GAINS | LOSSES
        names = {name for version in (*earlier, judged) for name in version.evaluation} & judgeable
        found = []
        for name in sorted(names):
            having = [version for version in earlier if name in version.evaluation]
            if name in judged.evaluation:
                of = (*having[-COMPARED:], judged)
                found.append(
                    MetricHistory(name, of, tuple(version.evaluation[name] for version in of))
                )
                continue
            reason = (
                f"The evaluation of {judged.title} does not hold {name}, which that of "
                f"{having[-1].title} did."
            )
            yield self.unknown(VALUE, name, window, reason, **_about(judged))
        for series in found:
            yield self._value(series, window, baselines)
        yield from self._trends(found, window)

    def _value(self, series: MetricHistory, window: Window, baselines: Baselines) -> Finding:
        metric, value, judged = series.metric, series.values[-1], series.of[-1]
        known: dict[str, Any] = {"value": value, "sample_count": 1, **_about(judged)}
        if not series.earlier:
            reason = (
                f"{metric} of {judged.title} is {number(value)}; no earlier version is known "
                "for a baseline."
            )
            return self.unknown(VALUE, metric, window, reason, **known)
        median, (best, of) = series.median, series.best
        limits = _beyond_spread(self.limits[VALUE], series)
        lost = _share(series.sign * (value - median), median)
        own, error = _sampling_errors(series, baselines)
        margin = _share(error, median)
        explained = f" Sampling error: {number(error)}." if error else ""
        reason = (
            f"{metric} of {judged.title} is {number(value)}, {_compared(lost)} the median of "
            f"{count(len(series.earlier), 'version')} before it ({number(median)}); the best was "
            f"version {of.version} with {number(best)}.{explained}"
        )
        return self.finding(
            VALUE,
            metric,
            window,
            limits.judge(lost - margin, lost + margin),
            low=value - own if own else None,
            high=value + own if own else None,
            baseline_value=median,
            baseline_count=len(series.earlier),
            warning=median + series.sign * limits.warning * abs(median),
            critical=median + series.sign * limits.critical * abs(median),
            reason=reason,
            **known,
        )

    def _trends(self, found: Sequence[MetricHistory], window: Window) -> Iterator[Finding]:
        judged = [series for series in found if len(series.values) >= MIN_VERSIONS]
        p_values = [falling_p(series.quality[-COMPARED:]) for series in judged]
        for series, p, q in zip(judged, p_values, q_values(p_values), strict=True):
            yield self._trend(series, window, p, q)
        for series in found:
            if len(series.values) < MIN_VERSIONS:
                reason = (
                    f"{count(len(series.values), 'version')} with {series.metric} known; the trend "
                    f"test needs {MIN_VERSIONS}."
                )
                about = _about(series.of[-1])
                yield self.unknown(TREND, series.metric, window, reason, **about)

    def _trend(self, series: MetricHistory, window: Window, p: float, q: float) -> Finding:
        from scipy import stats

        quality = series.quality[-COMPARED:]
        change = -float(stats.theilslopes(quality).slope) * (len(quality) - 1)
        value = _share(change, float(np.median(quality)))
        severity = self.limits[TREND].judge(value, value)
        # A decline that is not significant is ok, however large.
        severity = severity if q <= FALSE_DISCOVERY_RATE else Severity.OK
        first, last = series.of[-len(quality)], series.of[-1]
        verb = "declined steadily" if severity.alarming else "did not decline steadily"
        reason = (
            f"{series.metric} {verb} over {count(len(quality), 'version')} from {first.title} "
            f"({number(series.values[-len(quality)])}) to {last.version} "
            f"({number(series.values[-1])}): {_compared(value)} what it was by the Theil-Sen "
            f"slope, p {number(p)}."
        )
        return self.finding(
            TREND,
            series.metric,
            window,
            severity,
            value=value,
            p_value=p,
            q_value=q,
            sample_count=len(quality),
            reason=reason,
            **_about(last),
        )

    def _failed(self, failed: Sequence[ModelEvent], window: Window) -> Finding:
        last = failed[-1]
        error = f" ({excerpt(last.error)})" if last.error else ""
        reason = (
            f"{count(len(failed), 'evaluation')} failed{error}, the last {moment(last.at)}: the "
            "performance of that version is unknown."
        )
        return self.unknown(VALUE, None, window, reason, service=last.service)


def _sampling_errors(series: MetricHistory, baselines: Baselines) -> tuple[float, float]:
    """Return the sampling error of the judged version's value, and that of a difference of two.

    Both are 0 where no labels are known.
    """
    *earlier, judged = (
        _error(series.metric, baselines.get(_model(version))) for version in series.of
    )
    known = [error for error in earlier if error]
    return judged, math.hypot(judged, float(np.median(known))) if judged and known else 0.0


def _error(metric: str, baseline: Baseline | None) -> float:
    """Return half of the metric's confidence interval, by the labels it was measured on."""
    if baseline is None or metric not in TITLES:
        return 0.0
    found = offline_performance(baseline, metric, DEFAULT_THRESHOLD, CONFIDENCE)
    return found.interval.width / 2 if found else 0.0


def _beyond_spread(limits: Limits, series: MetricHistory) -> Limits:
    if len(series.earlier) < KNOWN_SPREAD:
        return limits
    deviations = np.abs(np.array(series.earlier) - series.median)
    spread = _share(1.4826 * float(np.median(deviations)), series.median)
    return limits.relative_to(spread)


def _share(part: float, whole: float) -> float:
    """Return part / |whole|; of zero, 0 or 1."""
    return part / abs(whole) if whole else float(part > 0)


def _compared(lost: float) -> str:
    return f"{percent(abs(lost))} {'worse' if lost > 0 else 'better'} than"


def _model(version: ModelVersion) -> tuple[str, str]:
    return version.model, version.version


def _about(version: ModelVersion) -> dict[str, Any]:
    return {
        "service": version.service,
        "model_name": version.model,
        "model_version": version.version,
    }
