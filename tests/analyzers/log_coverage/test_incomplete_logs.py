"""No verdict says more than the lines that arrived can bear."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.checks.live_performance.live_performance import LivePerformance
from mlmon.analyzers.log_coverage.incomplete_logs import REQUIRED_COMPLETENESS, with_completeness
from mlmon.analyzers.log_coverage.log_completeness import Completeness
from mlmon.analyzers.statistics.wilson import wilson_interval

START = datetime(2026, 3, 2, tzinfo=UTC)
RATE = Limits(0.02, 0.10, measures="rate")
COVERAGE = Limits(0.90, 0.50, "below", measures="rate")
DISTANCE = Limits(0.10, 0.20, measures="distance")
COUNT = Limits(3, 10)


def finding(value: float | None, severity: Severity, limits: Limits, **known: Any) -> Finding:
    """Return a finding of an hour of 100 rows whose interval is its value."""
    return Finding.of(
        analyzer="service_health",
        metric="m",
        subject=None,
        service="api",
        start=START,
        end=START + HOUR,
        severity=severity,
        reason="It is so.",
        value=value,
        warning=limits.warning,
        critical=limits.critical,
        **({"sample_count": 100, "low": value, "high": value} | known),
    )


def test_nothing_is_known_of_the_logs() -> None:
    """Logs without numbers leave a finding as it is."""
    seen = finding(0.5, Severity.CRITICAL, RATE)
    assert with_completeness(seen, RATE, None) == seen


def test_all_lines_arrived() -> None:
    """The finding says so and is the same else."""
    seen = finding(0.5, Severity.CRITICAL, RATE)
    assert with_completeness(seen, RATE, Completeness(354, 0)) == replace(seen, completeness=1.0)


def test_an_unknown_finding_keeps_its_reason() -> None:
    """What is unknown for another reason carries the share only."""
    seen = finding(None, Severity.UNKNOWN, RATE, sample_count=3)
    assert with_completeness(seen, RATE, Completeness(300, 100)) == replace(seen, completeness=0.75)


@pytest.mark.parametrize(
    ("value", "severity", "limits", "lost", "expected"),
    [
        # One lost line in 101 cannot bring a rate of 0 to 2 %; five can.
        (0.0, Severity.OK, RATE, 1, Severity.OK),
        (0.0, Severity.OK, RATE, 5, Severity.UNKNOWN),
        # Half of the rows failed: five good ones more change nothing, 500 do.
        (0.5, Severity.CRITICAL, RATE, 5, Severity.CRITICAL),
        (0.5, Severity.CRITICAL, RATE, 500, Severity.WARNING),
        (0.5, Severity.CRITICAL, RATE, 5_000, Severity.UNKNOWN),
        (0.021, Severity.WARNING, RATE, 6, Severity.UNKNOWN),
        # Small is bad: 92 % seen is 90 % at the least with two lost, and 89 % with three.
        (0.92, Severity.OK, COVERAGE, 2, Severity.OK),
        (0.92, Severity.OK, COVERAGE, 3, Severity.UNKNOWN),
        (0.20, Severity.CRITICAL, COVERAGE, 10, Severity.CRITICAL),
        # 0.05 is 0.097 at most with five lost of 105, 0.0981 - 0.0566 with six of 106.
        (0.05, Severity.OK, DISTANCE, 5, Severity.OK),
        (0.05, Severity.OK, DISTANCE, 6, Severity.UNKNOWN),
        (0.40, Severity.CRITICAL, DISTANCE, 5, Severity.CRITICAL),
        (0.21, Severity.CRITICAL, DISTANCE, 5, Severity.WARNING),
        # A count may have been anything: it stands while nine in ten lines are there.
        (4.0, Severity.WARNING, COUNT, 100, Severity.WARNING),
        (4.0, Severity.WARNING, COUNT, 101, Severity.UNKNOWN),
        (0.0, Severity.OK, COUNT, 101, Severity.UNKNOWN),
    ],
)
def test_what_becomes_of_a_verdict(
    value: float, severity: Severity, limits: Limits, lost: int, expected: Severity
) -> None:
    """Of 900 lines that arrived, 100 measured, and some lost, the verdict follows by hand."""
    found = with_completeness(finding(value, severity, limits), limits, Completeness(900, lost))
    assert found.severity is expected
    assert found.completeness == pytest.approx(900 / (900 + lost), abs=1e-6)
    assert found.value == value
    if expected is Severity.UNKNOWN:
        assert "logs are incomplete" in found.reason
        assert f"{lost:,} lost line" in found.reason
    assert found.reason.endswith(".")


def test_below_the_share_required_calm_is_not_reported() -> None:
    """With a tenth of the lines lost, `ok` is withheld even where the rows measured are many."""
    seen = finding(0.0, Severity.OK, RATE, sample_count=10**6)
    assert with_completeness(seen, RATE, Completeness(901, 100)).severity is Severity.OK
    assert REQUIRED_COMPLETENESS > 899 / 999
    assert with_completeness(seen, RATE, Completeness(899, 100)).severity is Severity.UNKNOWN


def test_without_limits_of_its_own_a_finding_is_not_widened() -> None:
    """A metric whose limits are not known is withheld below the share, and kept above."""
    seen = replace(finding(0.0, Severity.OK, RATE), warning=None)
    assert with_completeness(seen, RATE, Completeness(99, 1)).severity is Severity.OK
    assert with_completeness(seen, None, Completeness(80, 20)).severity is Severity.UNKNOWN


ROWS = st.tuples(st.floats(0.01, 0.99), st.booleans())


def measured(metric: str, scores: Any, labels: Any) -> tuple[float, int]:
    """A measure of decisions from 0.5 on as sklearn has it, and the rows it is taken of."""
    decided = scores >= 0.5
    if metric == "precision":
        return float(metrics.precision_score(labels, decided)), int(decided.sum())
    if metric == "recall":
        return float(metrics.recall_score(labels, decided)), int(labels.sum())
    if metric == "brier":
        return float(metrics.brier_score_loss(labels, scores)), len(labels)
    gaps = np.bincount((scores * 10).astype(int), weights=labels - scores)
    return float(np.abs(gaps).sum() / len(labels)), len(labels)


@pytest.mark.parametrize("metric", ["precision", "recall", "brier", "calibration.error"])
@given(seen=st.lists(ROWS, min_size=2, max_size=40), lost=st.lists(ROWS, max_size=20))
def test_performance_holds_for_any_lost_rows(
    metric: str, seen: list[tuple[float, bool]], lost: list[tuple[float, bool]]
) -> None:
    """The measure over all rows, seen and lost, lies within what is left of the interval."""
    limits = LivePerformance.limits[metric]
    arrived, all_rows = np.array(seen), np.array([*seen, *lost])
    if not arrived[:, 1].any() or not (arrived[:, 0] >= 0.5).any():
        return
    value, rows = measured(metric, arrived[:, 0], arrived[:, 1])
    found = finding(value, Severity.OK, limits, sample_count=rows)
    known = with_completeness(found, limits, Completeness(len(seen), len(lost)))
    true, _ = measured(metric, all_rows[:, 0], all_rows[:, 1])
    assert known.low is not None
    assert known.high is not None
    assert known.low - 1e-9 <= true <= known.high + 1e-9


@given(
    seen=st.lists(st.booleans(), min_size=1, max_size=60),
    lost=st.lists(st.booleans(), max_size=30),
    limit=st.floats(0.01, 0.9),
)
def test_no_verdict_is_refuted_by_the_lines_that_are_missing(
    seen: list[bool], lost: list[bool], limit: float
) -> None:
    """For any lost rows: an alarm is true of all rows, and so is a calm value."""
    limits = Limits(limit, 0.95, measures="rate")
    rate, interval = sum(seen) / len(seen), wilson_interval(sum(seen), len(seen), 0.999)
    found = finding(
        rate,
        limits.judge(interval.low, interval.high),
        limits,
        sample_count=len(seen),
        low=interval.low,
        high=interval.high,
    )
    weighted = with_completeness(found, limits, Completeness(len(seen) + 40, len(lost)))
    true = sum([*seen, *lost]) / (len(seen) + len(lost))
    assert weighted.low is not None
    assert weighted.high is not None
    assert weighted.low - 1e-9 <= true <= weighted.high + 1e-9
    if weighted.severity.alarming:
        assert true >= limit - 1e-9
    if weighted.severity is Severity.OK and rate < limit:
        assert true < limit
