"""Segments: a shift in a part of the traffic is found there, and named in the whole's sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.checks.segment_drift import SegmentDrift

Hours = Callable[..., list[Any]]


def germany_falls(hour: int, rows: dict[str, Any]) -> None:
    """From the third day on, scores of one country fall to a third."""
    if hour >= 48:
        rows["score"][rows["country"] == "DE"] /= 3


def judge(profiles: list[Any], baseline: Baseline, day: int) -> dict[str | None, Finding]:
    """Judge the last six-hour step of a day; findings by segment."""
    start = profiles[0].window.start
    period = Window(start + day * DAY - DAY / 24, start + day * DAY)
    context = AnalysisContext(period, profiles, {baseline.model: baseline})
    return {finding.segment: finding for finding in SegmentDrift().evaluate(context)}


def test_the_segment_that_moved_is_found_and_no_other(
    segment_hours: Hours, baseline: Baseline
) -> None:
    """Of three countries one is critical on its bad day, and all were well the day before."""
    profiles = segment_hours(72, per_hour=300, change=germany_falls)
    before, after = judge(profiles, baseline, 2), judge(profiles, baseline, 3)
    assert {finding.severity for finding in before.values()} == {Severity.OK}
    assert {segment: finding.severity for segment, finding in after.items()} == {
        "country=DE": Severity.CRITICAL,
        "country=FR": Severity.OK,
        "country=US": Severity.OK,
    }
    assert "Scores of autobid 1 for country=DE" in after["country=DE"].reason


def test_the_interval_holds_scipys_distance(
    segment_hours: Hours, baseline: Baseline, draw_rows: Callable[..., dict[str, Any]]
) -> None:
    """The distance on the raw rows of the segment lies within the finding's low and high."""
    scores: list[float] = []

    def noted(hour: int, rows: dict[str, Any]) -> None:
        germany_falls(hour + 48, rows)
        scores.extend(rows["score"][rows["country"] == "DE"].tolist())

    profiles = segment_hours(24, per_hour=300, change=noted)
    training = draw_rows(np.random.default_rng(1), 20_000)
    reference = training["score"][training["country"] == "DE"]
    exact = stats.ks_2samp(scores, reference).statistic
    found = judge(profiles, baseline, 1)["country=DE"]
    assert found.low is not None
    assert found.high is not None
    assert found.low <= exact <= found.high
    assert found.sample_count == len(scores)


def test_small_segments_are_counted_not_judged(segment_hours: Hours, baseline: Baseline) -> None:
    """With two predictions an hour no country can be judged, and one finding says so."""
    found = judge(segment_hours(24, per_hour=2), baseline, 1)
    assert list(found) == [None]
    assert found[None].severity is Severity.UNKNOWN
    assert "3 segments" in found[None].reason


def test_many_looks_raise_no_false_alarm(segment_hours: Hours, baseline: Baseline) -> None:
    """Twenty days as in training, judged every six hours: not one segment alarms."""
    profiles = segment_hours(20 * 24, per_hour=100)
    period = Window(profiles[0].window.end, profiles[-1].window.end)
    context = AnalysisContext(period, profiles, {baseline.model: baseline})
    findings = list(SegmentDrift().evaluate(context))
    assert len(findings) > 200
    assert not [finding for finding in findings if finding.severity.alarming]


@pytest.mark.parametrize("divided", [True, False])
def test_the_overall_finding_names_the_segment(
    steady_hours: Hours, segment_hours: Hours, baseline: Baseline, *, divided: bool
) -> None:
    """A score shift says which country moved most, where the traffic is divided."""

    def all_fall(_hour: int, rows: dict[str, Any]) -> None:
        rows["score"] /= 2
        rows["score"][rows["country"] == "FR"] /= 4

    profiles = steady_hours(24, per_hour=300, change=all_fall)
    segments = segment_hours(24, per_hour=300, change=all_fall) if divided else []
    end = profiles[-1].window.end
    context = AnalysisContext(
        Window(end - DAY / 24, end),
        profiles,
        {baseline.model: baseline},
        {"segment": segments},
    )
    (found,) = ScoreShift().evaluate(context)
    assert found.severity is Severity.CRITICAL
    assert ("most for country=FR" in found.reason) is divided
    assert ("3 of 3 segments moved" in found.reason) is divided
