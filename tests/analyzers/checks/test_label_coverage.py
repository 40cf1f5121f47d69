"""Coverage, delay and soundness of labels against what the raw rows say."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.label_coverage.label_coverage import LabelCoverage
from mlmon.analyzers.profiles.kinds.label import DELAYS
from tests.support.labeled_rows import Row, context, rounded, rows

DAYS = 24
PER_HOUR = 40


@pytest.fixture
def usual(rng: np.random.Generator) -> Callable[[int], Any]:
    """Delays as usual: of nine predictions in ten, 8 hours in the mean, at most five days."""

    def delays(_hour: int) -> Any:
        known = np.minimum(rng.exponential(8.0, PER_HOUR), 119.0)
        return np.where(rng.random(PER_HOUR) < 0.9, known, np.nan)

    return delays


def judged(
    of: list[Row], start: datetime, hours: float, **more: Any
) -> dict[tuple[str, str | None], Finding]:
    """Return the findings of the day that ends so many hours after the start."""
    end = start + timedelta(hours=hours)
    found = LabelCoverage().evaluate(context(of, Window(end - 6 * HOUR, end), **more))
    return {(finding.metric, finding.subject): finding for finding in found}


def in_bucket(value: float | None, delay: float) -> bool:
    """Whether a value lies in the bucket that a delay is counted in."""
    upper = DELAYS.index(rounded(delay))
    return value is not None and DELAYS[upper - 1] <= value <= DELAYS[upper]


def test_shares_and_delays_are_those_of_the_rows(
    start: datetime, usual: Callable[[int], Any]
) -> None:
    """Coverage at the learned age, its past, and both percentiles, counted from the raw rows."""
    of = rows(start, DAYS * 24, PER_HOUR, usual)
    found = judged(of, start, DAYS * 24)
    end = start + DAYS * DAY
    labeled = [row for row in of if row.delay is not None]
    joined_at = {
        "now": [r.delay for r in labeled if end - DAY <= r.at + r.delay * HOUR < end],
        "past": [r.delay for r in labeled if end - 15 * DAY <= r.at + r.delay * HOUR < end - DAY],
    }
    for metric, share in (("label.coverage", 0.95), ("label.coverage_early", 0.5)):
        ages = rounded(float(np.quantile(joined_at["past"], share, method="inverted_cdf")))
        then = Window(end - DAY - ages * HOUR, end - ages * HOUR)
        cohort = [row for row in of if then.start <= row.at < then.end]
        known = [row for row in cohort if row.delay is not None and row.delay <= ages]
        finding = found[metric, "autobid"]
        assert finding.sample_count == len(cohort)
        assert finding.value == pytest.approx(len(known) / len(cohort))
        before = [row for row in of if then.start - 14 * DAY <= row.at < then.start]
        soon = [row for row in before if row.delay is not None and row.delay <= ages]
        assert finding.baseline_value == pytest.approx(len(soon) / len(before))
        assert finding.severity is Severity.OK
    for metric, share in (("label.delay_p50", 0.5), ("label.delay_p95", 0.95)):
        finding = found[metric, "autobid"]
        exact = float(np.quantile(joined_at["now"], share, method="inverted_cdf"))
        assert in_bucket(finding.value, exact)
        assert finding.sample_count == len(joined_at["now"])
        usually = float(np.quantile(joined_at["past"], share, method="inverted_cdf"))
        assert in_bucket(finding.baseline_value, usually)
        assert finding.severity is Severity.OK
    assert found["label.contradicted", "autobid"].value == 0.0
    assert found["outcome.unmatched", "ml.outcome"].value == 0.0
    assert {finding.model_name for key, finding in found.items() if key[1] == "autobid"} == {
        "autobid"
    }


def test_labels_that_stop_are_noticed_within_half_a_day(
    start: datetime, usual: Callable[[int], Any]
) -> None:
    """Early coverage alarms soon after the last label, coverage when labels should be there."""
    stop = start + 20 * DAY
    of = [
        row
        if row.delay is None or row.at + row.delay * HOUR < stop
        else Row(row.at, None, row.contradicted)
        for row in rows(start, DAYS * 24, PER_HOUR, usual)
    ]
    first: dict[str, float] = {}
    for hours in range(6, 49, 6):
        for (metric, _), finding in judged(of, start, 20 * 24 + hours).items():
            if finding.severity.alarming:
                first.setdefault(metric, hours)
    assert first["label.coverage_early"] <= 18
    assert first["label.coverage"] <= 48
    assert judged(of, start, 20 * 24)["label.coverage", "autobid"].severity is Severity.OK
    late = judged(of, start, 24 * 24)["label.coverage", "autobid"]
    assert late.severity is Severity.CRITICAL
    assert "0 % of 960 predictions that autobid approved" in late.reason


def test_labels_that_take_longer_are_noticed(start: datetime, usual: Callable[[int], Any]) -> None:
    """Three times the usual delay alarms in both percentiles, once such labels come."""

    def slow(hour: int) -> Any:
        return usual(hour) * (3.0 if hour >= 21 * 24 else 1.0)

    found = judged(rows(start, DAYS * 24, PER_HOUR, slow), start, DAYS * 24)
    for metric in ("label.delay_p50", "label.delay_p95"):
        finding = found[metric, "autobid"]
        assert finding.severity is Severity.WARNING
        assert finding.value is not None
        assert finding.baseline_value is not None
        assert 1.5 <= finding.value / finding.baseline_value < 4
    assert found["label.coverage_early", "autobid"].severity.alarming


def test_contradicted_labels_are_noticed(start: datetime, usual: Callable[[int], Any]) -> None:
    """Four contradictions an hour of some thirty-six labels are critical."""
    of = rows(
        start,
        DAYS * 24,
        PER_HOUR,
        usual,
        lambda hour: 4 if hour >= 21 * 24 else int(hour % 50 == 0),
    )
    before = judged(of, start, 19 * 24)["label.contradicted", "autobid"]
    assert before.severity is Severity.OK
    finding = judged(of, start, DAYS * 24)["label.contradicted", "autobid"]
    assert finding.severity is Severity.CRITICAL
    assert finding.value == pytest.approx(4 / 36, rel=0.15)


def test_unmatched_outcomes_are_noticed(start: datetime, usual: Callable[[int], Any]) -> None:
    """Outcomes without predictions are a share of all, and said to be given up where they are."""
    of = rows(start, DAYS * 24, PER_HOUR, usual)
    since = start + (DAYS - 1) * DAY
    found = judged(of, start, DAYS * 24, orphans=lambda hour: 9 if hour >= since else 0)
    finding = found["outcome.unmatched", "ml.outcome"]
    assert finding.value == pytest.approx(9 / 45, rel=0.1)
    assert finding.severity is Severity.CRITICAL
    assert "216 of them given up" in finding.reason


def test_without_enough_labels_what_to_do_is_shown(
    start: datetime, usual: Callable[[int], Any]
) -> None:
    """Predictions without outcomes are no verdict but an advice; so is a short past."""
    never = rows(start, 72, PER_HOUR, lambda _hour: np.full(PER_HOUR, np.nan))
    found = judged(never, start, 72)
    assert {finding.severity for finding in found.values()} == {Severity.UNKNOWN}
    assert "Check that outcomes are logged" in found["label.coverage", "autobid"].reason
    early = judged(rows(start, 30, PER_HOUR, usual), start, 30)
    assert early["label.delay_p95", "autobid"].severity is Severity.UNKNOWN


def test_a_small_share_that_is_usual_is_no_alarm(start: datetime, rng: np.random.Generator) -> None:
    """Where three predictions in ten are ever labeled, three in ten are enough."""

    def few(_hour: int) -> Any:
        return np.where(rng.random(PER_HOUR) < 0.3, rng.exponential(8.0, PER_HOUR), np.nan)

    found = judged(rows(start, DAYS * 24, PER_HOUR, few), start, DAYS * 24)
    assert found["label.coverage", "autobid"].severity is Severity.OK
    assert found["label.coverage_early", "autobid"].severity is Severity.OK
