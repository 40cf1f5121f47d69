"""Performance estimated from scores alone comes true where a score means what it meant."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sklearn import metrics

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.estimated_performance import MEASURES, EstimatedPerformance

Make = Callable[..., Any]
THRESHOLD = 0.3


def judge(
    profiles: list[Any], baseline: Baseline | None, start: datetime, days: tuple[float, float]
) -> list[Finding]:
    """Return the findings of the windows that end in some days after the start."""
    baselines = {baseline.model: baseline} if baseline else {}
    period = Window(start + days[0] * DAY, start + days[1] * DAY)
    return list(EstimatedPerformance().evaluate(AnalysisContext(period, profiles, baselines)))


def lower(since: int) -> Callable[[int, dict[str, Any]], None]:
    """Let the scores of an hour and later fall to a third."""

    def change(hour: int, rows: dict[str, Any]) -> None:
        if hour >= since:
            rows["score"] /= 3

    return change


def test_the_labels_show_what_was_estimated(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Without one label each interval holds sklearn's value of all rows, once these are known."""
    known = traffic(24)
    found = judge(known.predictions, baseline, start, (0.75, 1))
    scores, labels = known.rows["score"], known.rows["label"]
    decided = scores >= THRESHOLD
    truth = {
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "precision": metrics.precision_score(labels, decided),
        "recall": metrics.recall_score(labels, decided),
        "f1": metrics.f1_score(labels, decided),
        "success.rate": labels.mean(),
    }
    assert {finding.metric for finding in found} == set(MEASURES)
    for finding in found:
        assert finding.severity is Severity.OK
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= truth[finding.metric] <= finding.high, finding.metric


def test_another_traffic_is_expected_to_succeed_less(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """When scores fall, fewer successes are expected within hours, without a label."""

    def threshold(profiles: list[Any]) -> list[Any]:
        return [replace(profile, threshold=THRESHOLD) for profile in profiles]

    profiles = threshold(steady_hours(48, change=lower(24)))
    found = judge(profiles, baseline, start, (1, 2))
    rates = [finding for finding in found if finding.metric == "success.rate"]
    assert [rate.severity for rate in rates][-1] is Severity.CRITICAL
    assert rates[-1].value == pytest.approx(2 / 7 / 3, abs=0.03)
    assert rates[0].end > start + DAY
    assert rates[1].severity.alarming
    assert "is expected to be" in rates[-1].reason


def test_a_reversal_is_not_seen(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """What the docstring says: where labels go against scores, the estimate stays as it was."""
    known = traffic(24, chance=lambda _hour, scores: 1 - scores)
    found = judge(known.predictions, baseline, start, (0.75, 1))
    assert {finding.severity for finding in found} == {Severity.OK}


def test_without_a_threshold_decisions_are_unknown(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A log that shows no threshold leaves ROC AUC and the success rate."""
    found = {
        finding.metric: finding for finding in judge(steady_hours(24), baseline, start, (0.75, 1))
    }
    assert found["roc_auc"].severity is Severity.OK
    assert found["success.rate"].severity is Severity.OK
    for metric in ("precision", "recall", "f1"):
        assert found[metric].severity is Severity.UNKNOWN
        assert "threshold" in found[metric].reason


@pytest.mark.parametrize(
    ("per_hour", "bare", "text"),
    [(100, True, "no scores with labels"), (2, False, "100 are needed")],
)
def test_what_it_needs(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    per_hour: int,
    *,
    bare: bool,
    text: str,
) -> None:
    """Without labels in the training set, or with few scores, it says what is missing."""
    of = replace(baseline, labeled=None) if bare else baseline
    found = judge(steady_hours(24, per_hour, baseline=of), of, start, (0.75, 1))
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert text in found[0].reason


def test_no_baseline(steady_hours: Make, start: datetime) -> None:
    """Without a baseline the command that makes one is named."""
    found = judge(steady_hours(24, baseline=None), None, start, (0.75, 1))
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "mlmon baseline create" in found[0].reason
