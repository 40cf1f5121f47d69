"""What approved bids brought, against the same weekdays before."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.business_value import BusinessValue, value_of

Make = Callable[..., Any]
DAYS = 16
LAST = (DAYS - 1) * 24


def judge(traffic: Any, baseline: Baseline, start: datetime, days: tuple[float, float]) -> Any:
    """Return the findings of the windows that end in some days after the start."""
    period = Window(start + days[0] * DAY, start + days[1] * DAY)
    return list(BusinessValue().evaluate(traffic.context(baseline, period)))


def last(traffic: Any, baseline: Baseline, start: datetime) -> Finding:
    """Return the finding of the last day."""
    finding: Finding = judge(traffic, baseline, start, (DAYS - 0.25, DAYS))[-1]
    return finding


def brought(traffic: Any, first: int, hours: int = 24) -> float:
    """Add up what the approved bids of some hours brought."""
    begin = traffic.labels[0].window.start + first * timedelta(hours=1)
    end = begin + hours * timedelta(hours=1)
    return sum(
        label.approved.value for label in traffic.labels if begin <= label.window.start < end
    )


def test_usual_days_are_ok(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Value is the sum over approved bids, the usual one the mean of the same weekdays before."""
    known = traffic(DAYS * 24)
    finding = last(known, baseline, start)
    assert finding.severity is Severity.OK
    assert finding.value == pytest.approx(brought(known, LAST))
    weeks = [brought(known, LAST - 7 * 24), brought(known, LAST - 14 * 24)]
    assert finding.baseline_value == pytest.approx(np.mean(weeks))
    assert finding.baseline_count == 2
    assert finding.warning == pytest.approx(0.8 * np.mean(weeks))
    assert {finding.severity for finding in judge(known, baseline, start, (8, DAYS))} == {
        Severity.OK
    }


@pytest.mark.parametrize(
    ("success", "severity"), [(0.3, Severity.CRITICAL), (0.7, Severity.WARNING)]
)
def test_bids_that_fail_cost(
    traffic: Make, baseline: Baseline, start: datetime, success: float, severity: Severity
) -> None:
    """A day at 30 % of its successes is critical, at 70 % a warning; the sentence says how much."""
    known = traffic(
        DAYS * 24,
        300,
        chance=lambda hour, scores: scores * success if hour >= LAST else scores,
    )
    finding = last(known, baseline, start)
    assert finding.severity is severity
    assert "2 weeks before" in finding.reason


def test_the_week_before_counts_with_its_own_weekdays(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """A Tuesday that is always poor is compared with poor Tuesdays."""
    known = traffic(
        DAYS * 24, chance=lambda hour, scores: scores * 0.2 if hour // 24 % 7 == 1 else scores
    )
    assert last(known, baseline, start).severity is Severity.OK


def test_missing_labels_leave_it_open(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Half of the labels bring half of the value, and the other half may bring the rest."""
    known = traffic(DAYS * 24, known=lambda hour: 0.5 if hour >= LAST else 1.0)
    finding = last(known, baseline, start)
    assert finding.severity is Severity.UNKNOWN
    assert finding.value is not None
    assert finding.baseline_value is not None
    assert finding.high is not None
    assert finding.value < 0.7 * finding.baseline_value
    assert finding.high > finding.baseline_value
    assert "more are expected" in finding.reason


def test_a_first_week_has_nothing_to_compare_with(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Until a week is over it says so; a part of a day a week ago is none."""
    found = judge(traffic(8 * 24), baseline, start, (6, 8))
    assert {finding.severity for finding in found if finding.end < start + 7.75 * DAY} == {
        Severity.UNKNOWN
    }
    assert "no earlier week is known for a baseline" in found[0].reason
    assert found[-1].severity is Severity.OK


def test_a_day_without_labels(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Approved bids of which nothing is known yet: unknown, and how many labels it takes."""
    known = traffic(DAYS * 24, known=lambda hour: 0.0 if hour >= LAST else 1.0)
    finding = last(known, baseline, start)
    assert finding.severity is Severity.UNKNOWN
    assert "30 labels are needed" in finding.reason


def test_the_error_is_the_scatter_of_such_days(traffic: Make) -> None:
    """The standard error of a day's value is the deviation of 60 days' values, within a quarter."""
    known = traffic(60 * 24, 40)
    days = [known.labels[first : first + 24] for first in range(0, 60 * 24, 24)]
    values = [value_of(day) for day in days]
    deviation = float(np.std([value.total for value in values], ddof=1))
    mean_error = math.sqrt(np.mean([value.error**2 for value in values]))
    assert mean_error == pytest.approx(deviation, rel=0.25)


def test_versions_add_up(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """The value is the model's: what another version brought in the same hours is part of it."""
    known = traffic(DAYS * 24)
    second = [
        replace(label, profile_key=replace(label.profile_key, series=("autobid", "2", "")))
        for label in known.labels
    ]
    both = replace(known, labels=sorted([*known.labels, *second], key=lambda label: label.window))
    alone, together = (last(labels, baseline, start) for labels in (known, both))
    assert together.value == pytest.approx(2 * (alone.value or 0))


def test_rare_successes_do_not_alarm_where_there_are_none(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Usually some six labels a day succeed: a day of none has no scatter, and is not proven."""
    known = traffic(
        DAYS * 24, 7, chance=lambda hour, scores: np.full(len(scores), 0.1 * (hour < LAST))
    )
    past = [brought(known, LAST - 7 * 24 * week) for week in (1, 2)]
    finding = last(known, baseline, start)
    assert finding.value == 0
    assert min(past) > 0
    assert not finding.severity.alarming, finding.reason
