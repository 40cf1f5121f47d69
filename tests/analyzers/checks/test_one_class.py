"""Performance where every outcome is alike, or one class is rare: evidence, not a lack of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.concept_drift.concept_drift import ConceptDrift
from mlmon.analyzers.checks.live_performance.live_performance import LivePerformance
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

Make = Callable[..., Any]
PER_HOUR = 180
"""A day of 4,320 predictions."""


def judge(analyzer: Any, traffic: Any, baseline: Baseline, start: datetime) -> list[Finding]:
    """Return the findings of the first day's end."""
    return list(
        analyzer.evaluate(traffic.context(baseline, Window(start + 0.75 * DAY, start + DAY)))
    )


def by_metric(found: list[Finding]) -> dict[str, Finding]:
    """Return the findings by metric, without the tenths of the score."""
    return {finding.metric: finding for finding in found if finding.subject is None}


@pytest.fixture
def all_fail(traffic: Make) -> Any:
    """A new version's first day, of whose 4,320 predictions every outcome is a failure."""
    return traffic(24, PER_HOUR, chance=lambda _hour, scores: scores * 0)


def test_a_new_version_whose_outcomes_all_fail(
    all_fail: Any, baseline: Baseline, start: datetime
) -> None:
    """Success rate, precision and calibration are critical; only AUC, F1 and recall wait."""
    found = by_metric(judge(LivePerformance(), all_fail, baseline, start))
    for metric in ("approved.success_rate", "precision", "calibration.error"):
        assert found[metric].severity is Severity.CRITICAL, found[metric].reason
    assert found["approved.success_rate"].value == 0.0
    # All outcomes fail, so that the error is the mean score, that of Beta(2, 5).
    assert found["calibration.error"].value == pytest.approx(2 / 7, abs=0.02)
    for metric in ("roc_auc", "f1", "recall"):
        assert found[metric].severity is Severity.UNKNOWN
        assert "are positive; 20 are needed" in found[metric].reason
    for metric in ("brier", "log_loss"):
        assert found[metric].severity is not Severity.UNKNOWN, found[metric].reason
    scores = all_fail.rows["score"]
    brier = found["brier"]
    assert brier.low is not None
    assert brier.high is not None
    assert brier.low <= np.mean(scores**2) <= brier.high


def test_a_new_version_whose_outcomes_all_succeed(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Log-loss, Brier score and calibration are critical without a single failure."""
    lucky = traffic(24, PER_HOUR, chance=lambda _hour, scores: scores * 0 + 1)
    found = by_metric(judge(LivePerformance(), lucky, baseline, start))
    for metric in ("log_loss", "brier", "calibration.error"):
        assert found[metric].severity is Severity.CRITICAL, found[metric].reason
    assert found["roc_auc"].severity is Severity.UNKNOWN
    assert "are negative; 20 are needed" in found["roc_auc"].reason


def test_post_stratified_against_expected_does_not_wait(
    all_fail: Any, baseline: Baseline, start: datetime
) -> None:
    """Concept drift: success rate and precision far below those expected from scores alarm."""
    found = {
        finding.subject: finding
        for finding in judge(ConceptDrift(), all_fail, baseline, start)
        if finding.metric == "estimate.gap"
    }
    for subject in ("precision", "positive_rate"):
        assert found[subject].severity is Severity.CRITICAL, found[subject].reason
    assert found["roc_auc"].severity is Severity.UNKNOWN
    assert "20 are needed" in found["roc_auc"].reason


def over(profiles: list[Any], baseline: Baseline) -> list[Any]:
    """Return profiles as counted over another baseline with the same edges."""
    return [
        replace(
            profile,
            profile_key=replace(
                profile.profile_key, series=(*profile.profile_key.series[:2], baseline.id)
            ),
        )
        for profile in profiles
    ]


def test_few_of_a_rare_class_do_not_alarm(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Of 60 calm days with about a dozen successes in 100 labels at most one alarms."""
    assert baseline.score is not None
    rng = np.random.default_rng(8)
    scores = rng.beta(2.0, 5.0, 20_000) ** 2
    labels = rng.random(20_000) < scores
    labeled = LabeledScores.from_rows(scores, labels, baseline.score.edges)
    rare = replace(baseline, metrics={}, labeled=labeled)

    def square(_hour: int, rows: dict[str, Any]) -> None:
        rows["score"] = rows["score"] ** 2
        rows["chance"] = rows["score"]

    days, alarmed, judged = 60, 0, 0
    for _ in range(days):
        day = traffic(24, 6, explored=0.8, change=square)
        day = replace(day, predictions=over(day.predictions, rare), labels=over(day.labels, rare))
        found = by_metric(judge(LivePerformance(), day, rare, start))
        alarmed += any(finding.severity.alarming for finding in found.values())
        judged += found["brier"].severity is Severity.OK and "20 are" in found["roc_auc"].reason
    assert alarmed <= 1
    # Days that the gate on the rarer class kept silent before.
    assert judged >= days / 2
