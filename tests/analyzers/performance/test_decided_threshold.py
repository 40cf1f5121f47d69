"""The threshold that logged decisions follow, where none is logged."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.live_performance.live_performance import LivePerformance
from mlmon.analyzers.performance.labeled_window import thresholds

MEASURES = {"success.rate", "precision", "recall", "f1"}


def judged(
    traffic: Callable[..., object], baseline: Baseline, start: datetime, *, follows: bool
) -> dict[str, Finding]:
    """Judge a day whose decisions are logged and whose threshold is not."""
    made = traffic(24, 200)
    predictions = []
    for hour, profile in enumerate(made.predictions):  # type: ignore[attr-defined]
        scores = made.rows["score"][made.rows["hour"] == hour]  # type: ignore[attr-defined]
        approved = scores[scores >= 0.3]
        low = float(approved.min()) if follows else float(scores.min())
        predictions.append(
            replace(
                profile,
                threshold=None,
                approved_from=low,
                rejected_to=float(scores[scores < 0.3].max()),
            )
        )
    context = replace(made, predictions=predictions).context(  # type: ignore[type-var]
        baseline, Window(start + DAY - HOUR, start + DAY)
    )
    return {finding.metric: finding for finding in LivePerformance().evaluate(context)}


def test_decisions_that_are_logged_are_used(
    traffic: Callable[..., object], baseline: Baseline, start: datetime
) -> None:
    """Without a threshold, success rate, precision, recall and F1 are judged by the decisions."""
    found = judged(traffic, baseline, start, follows=True)
    reasons = {metric: found[metric].reason for metric in found.keys() & MEASURES}
    assert {found[metric].severity for metric in reasons} == {Severity.OK}, reasons
    assert np.all([found[metric].value is not None for metric in reasons])


def test_the_true_reason_is_given(
    traffic: Callable[..., object], baseline: Baseline, start: datetime
) -> None:
    """Where decisions do not follow the score, that is said, and not that labels lack."""
    found = judged(traffic, baseline, start, follows=False)
    for metric in ("precision", "recall", "f1"):
        assert found[metric].severity is Severity.UNKNOWN
        assert "do not follow the score" in found[metric].reason
        assert "has no labels" not in found[metric].reason


@pytest.mark.parametrize("logged", [0.4, None])
def test_a_logged_threshold_counts_first(
    traffic: Callable[..., object], logged: float | None
) -> None:
    """What is logged is not overruled by the decisions."""
    (profile,) = traffic(1, 50).predictions  # type: ignore[attr-defined]
    known = replace(profile, threshold=logged, approved_from=0.31, rejected_to=0.29)
    assert thresholds([known]) == (logged or 0.31,)
