"""Performance by segment: one that collapses is named though the whole looks sound."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.live_performance.live_performance import SUCCESS, LivePerformance
from mlmon.analyzers.checks.segment_performance.segment_performance import (
    AUC,
    METRIC,
    SegmentPerformance,
)
from mlmon.formatting import percent

Make = Callable[..., Any]
Rows = dict[str, Any]
DAYS = 9
LAST = (DAYS - 1) * 24
THRESHOLD = 0.3


def judge(
    known: Any,
    baseline: Baseline,
    start: datetime,
    days: float = DAYS,
    metric: str = METRIC,
) -> dict[str | None, Finding]:
    """Judge the last six-hour step of a day; a metric's findings by segment."""
    period = Window(start + days * DAY - HOUR, start + days * DAY)
    judged = SegmentPerformance().evaluate(known.context(baseline, period))
    findings = [finding for finding in judged if finding.metric == metric]
    found = {finding.segment: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def overall(known: Any, baseline: Baseline, start: datetime, days: float = DAYS) -> Finding:
    """The finding of the whole's success rate at the end of a day."""
    period = Window(start + days * DAY - HOUR, start + days * DAY)
    found = LivePerformance().evaluate(known.context(baseline, period))
    return next(finding for finding in found if finding.metric == SUCCESS)


def counted(known: Any, first: int, end: int) -> Any:
    """Which rows of the hours from `first` to before `end` were approved: all of them labeled."""
    rows = known.rows
    return (rows["hour"] >= first) & (rows["hour"] < end) & (rows["score"] >= THRESHOLD)


def severities(found: dict[str | None, Finding]) -> dict[str | None, Severity]:
    """The verdicts by segment."""
    return {segment: finding.severity for segment, finding in found.items()}


def one_falls_the_others_rise(hour: int, rows: Rows) -> None:
    """On the last day one country hardly succeeds, and the others make up for it."""
    if hour >= LAST:
        fallen = rows["country"] == "US"
        approved = rows["score"] >= THRESHOLD
        lost = (rows["chance"] * 0.9)[fallen & approved].sum()
        rows["chance"][fallen] *= 0.1
        others = ~fallen & approved
        rows["chance"][others] += lost / max(1, others.sum())


def test_the_whole_is_sound_and_one_segment_collapses(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """That segment alone is critical, and the sound whole's sentence names it."""
    known = traffic(DAYS * 24, 200, change=one_falls_the_others_rise)
    found = judge(known, baseline, start)
    assert severities(found) == {
        "country=DE": Severity.OK,
        "country=FR": Severity.OK,
        "country=US": Severity.CRITICAL,
    }
    whole = overall(known, baseline, start)
    assert whole.severity is Severity.OK
    labels = found["country=US"].sample_count
    assert "1 of 3 segments below expectation, first country=US (" in whole.reason
    assert f" of {labels}, " in whole.reason
    assert "expected from scores)" in whole.reason
    assert "country=DE" not in whole.reason
    before = overall(known, baseline, start, DAYS - 1)
    assert "segment" not in before.reason
    assert set(severities(judge(known, baseline, start, DAYS - 1)).values()) == {Severity.OK}


def test_its_numbers_are_those_of_the_rows(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Share, Wilson's interval as scipy has it, the mean score as the promise, and rows."""
    known = traffic(DAYS * 24, 200, change=one_falls_the_others_rise)
    rows = known.rows
    mine = counted(known, LAST, DAYS * 24) & (rows["country"] == "US")
    found = judge(known, baseline, start)["country=US"]
    won, n = int(rows["label"][mine].sum()), int(mine.sum())
    ends = stats.binomtest(won, n).proportion_ci(0.99, "wilson")
    assert found.value == pytest.approx(won / n)
    assert (found.low, found.high) == (pytest.approx(ends.low), pytest.approx(ends.high))
    # In training a row succeeds as often as its score says.
    assert found.baseline_value == pytest.approx(rows["score"][mine].mean(), abs=0.03)
    assert found.sample_count == n
    assert found.p_value is not None
    assert found.p_value == pytest.approx(
        stats.binomtest(won, n, found.baseline_value, alternative="less").pvalue, abs=1e-6
    )
    assert found.warning == pytest.approx(found.baseline_value - 0.05)


def test_every_part_falls_though_the_whole_stands(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Simpson's paradox: each country's rate falls, while more traffic is of the best one."""

    def better_mix(hour: int, rows: Rows) -> None:
        best = rows["country"] == "US"
        if hour >= LAST:
            best |= np.arange(len(best)) % 4 > 0
        rows["country"][best] = "US"
        rows["score"] = np.where(best, 0.55, 0.3) + 0.05 * rows["score"]
        rows["chance"] = rows["score"] * (0.65 if hour >= LAST else 1.0)

    def rates(known: Any, where: Any) -> list[float]:
        times = (counted(known, 0, LAST), counted(known, LAST, DAYS * 24))
        return [float(known.rows["label"][of & where].mean()) for of in times]

    known = traffic(DAYS * 24, 500, change=better_mix)
    before, after = rates(known, known.rows["score"] > 0)
    assert abs(after - before) < 0.05
    for country in ("DE", "FR", "US"):
        before, after = rates(known, known.rows["country"] == country)
        assert after < before - 0.08
    assert not overall(known, baseline, start, DAYS - 1).severity.alarming
    assert all(finding.severity.alarming for finding in judge(known, baseline, start).values())


def test_the_whole_falls_though_every_part_stands(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """The paradox's other side: more of the poorer scores lower the whole's rate, and no one."""

    def poorer_mix(hour: int, rows: Rows) -> None:
        if hour >= LAST:
            poor = rows["score"] < 0.4
            rows["country"][poor] = "US"
            rows["score"][~poor] = 0.3 + (rows["score"][~poor] - 0.3) / 4
            rows["chance"] = rows["score"].copy()

    known = traffic(DAYS * 24, 200, change=poorer_mix)
    rates = [
        known.rows["label"][counted(known, *hours)].mean()
        for hours in ((0, LAST), (LAST, DAYS * 24))
    ]
    assert rates[1] < rates[0] - 0.08
    found = judge(known, baseline, start)
    assert not [finding for finding in found.values() if finding.severity.alarming]


def test_one_part_is_ranked_by_nothing(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Where scores of one country lose their meaning its ROC AUC says so, and holds sklearn's."""

    def at_random(hour: int, rows: Rows) -> None:
        if hour >= LAST:
            rows["chance"][rows["country"] == "FR"] = 0.3

    known = traffic(DAYS * 24, 300, change=at_random)
    found = judge(known, baseline, start, metric=AUC)
    assert severities(found) == {
        "country=DE": Severity.OK,
        "country=FR": Severity.CRITICAL,
        "country=US": Severity.OK,
    }
    for segment, finding in found.items():
        assert segment is not None
        rows = (known.rows["hour"] >= LAST) & (known.rows["country"] == segment[-2:])
        exact = roc_auc_score(known.rows["label"][rows], known.rows["score"][rows])
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= exact <= finding.high


def test_ranking_waits_for_the_labels(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """While labels of a country are missing its ROC AUC is not told: those known are not any."""
    known = traffic(DAYS * 24, 200, known=lambda hour: (1, 1, 0.5 if hour >= LAST else 1))
    assert set(judge(known, baseline, start, metric=AUC)) == {"country=DE", "country=FR"}


def test_labels_of_one_part_come_later(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """A segment whose successes are still to come is left open, and settled when they are there."""

    def make(of_us: float) -> Any:
        return traffic(DAYS * 24, 200, known=lambda hour: (1, 1, of_us if hour >= LAST else 1))

    early, late = judge(make(0.5), baseline, start), judge(make(1.0), baseline, start)
    assert early["country=US"].severity is Severity.UNKNOWN
    assert "the interval covers the missing labels" in early["country=US"].reason
    assert early["country=DE"].severity is Severity.OK
    assert late["country=US"].severity is Severity.OK
    assert early["country=US"].key == late["country=US"].key


def test_a_part_of_which_fewer_labels_ever_come(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Where a segment never knew more than half of its labels, half is all there is to wait for."""
    known = traffic(DAYS * 24, 200, known=lambda _hour: (1, 1, 0.5))
    assert judge(known, baseline, start)["country=US"].severity is Severity.OK


def test_values_that_are_no_segment_are_reported(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Labels of an unknown country are counted as such, and neither judged nor added to others."""

    def unknown(hour: int, rows: Rows) -> None:
        if hour >= LAST:
            rows["country"][:40] = "XX"
            rows["chance"][:40] = 0.0

    known = traffic(DAYS * 24, 200, change=unknown)
    found = judge(known, baseline, start)
    assert set(found) == {None, "country=DE", "country=FR", "country=US"}
    assert found[None].severity is Severity.UNKNOWN
    of_last = known.rows["country"][counted(known, LAST, DAYS * 24)]
    share = percent((of_last == "XX").mean())
    assert f"{share} of the labels are of another country" in found[None].reason
    assert {found[segment].severity for segment in found if segment} == {Severity.OK}


def test_labels_joined_before_the_declaration_are_reported(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Half of the day without a country: said as such, and the rest is held open, not guessed."""
    known = traffic(DAYS * 24, 200, divided=lambda hour: hour >= LAST + 12)
    found = judge(known, baseline, start)
    early, day = counted(known, LAST, LAST + 12).sum(), counted(known, LAST, DAYS * 24).sum()
    text = f"{percent(early / day)} of the labels were joined before country divided the traffic"
    assert text in found[None].reason
    assert {found[segment].severity for segment in found if segment} == {Severity.UNKNOWN}
    none = judge(traffic(DAYS * 24, 200, divided=lambda _hour: False), baseline, start)
    assert set(none) == {None}
    assert "100 % of the labels were joined before" in none[None].reason


@pytest.mark.parametrize("per_hour", [4, 15])
def test_small_samples_never_alarm(
    traffic: Make, baseline: Baseline, start: datetime, per_hour: int
) -> None:
    """Ten days of few predictions, as in training, judged every six hours: not one alarm."""
    known = traffic((DAYS + 10) * 24, per_hour)
    period = Window(start + DAYS * DAY, start + (DAYS + 10) * DAY)
    found = list(SegmentPerformance().evaluate(known.context(baseline, period)))
    assert found
    assert not [finding for finding in found if finding.severity.alarming]


def test_few_labels_are_counted_not_judged(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """With no success at all in a handful of labels nothing is reported but that they are few."""
    known = traffic(DAYS * 24, 4, chance=lambda _hour, scores: scores * 0)
    found = judge(known, baseline, start)
    assert set(found) == {None}
    assert "3 segments had fewer than 50 labels" in found[None].reason


def test_many_looks_raise_no_false_alarm(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Twelve days as in training, judged every six hours: not one segment alarms."""
    known = traffic((DAYS + 12) * 24, 100)
    period = Window(start + DAYS * DAY, start + (DAYS + 12) * DAY)
    found = list(SegmentPerformance().evaluate(known.context(baseline, period)))
    assert min(Counter(finding.metric for finding in found).values()) >= 12 * 4 * 3
    assert not [finding for finding in found if finding.severity.alarming]


def test_a_training_set_that_promises_nothing(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Without its labels no segment is judged, and without segments nothing is reported."""
    known = traffic(DAYS * 24)
    unlabeled = {
        "country": {
            value: replace(counts, positives=None, negatives=None)
            for value, counts in baseline.segments["country"].items()
        }
    }
    for segments, text in ((unlabeled, {None}), ({}, set())):
        other = replace(baseline, segments=segments)
        moved = replace(
            known,
            **{
                kind: [over(profile, other) for profile in getattr(known, kind)]
                for kind in ("predictions", "labels", "segments")
            },
        )
        found = judge(moved, other, start)
        assert set(found) == text
        assert all("hold no labels" in finding.reason for finding in found.values())


def over(profile: Any, baseline: Baseline) -> Any:
    """The profile as one over another baseline with the same edges."""
    name, version, _ = profile.profile_key.series
    return replace(
        profile, profile_key=replace(profile.profile_key, series=(name, version, baseline.id))
    )
