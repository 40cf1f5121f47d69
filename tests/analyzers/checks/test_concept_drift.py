"""Concept drift is found in labels where inputs and scores show nothing, and dated."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window, parse_time
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.concept_drift.concept_drift import ConceptDrift

Make = Callable[..., Any]
DAYS = 8
SINCE = 7 * 24


def judge(
    traffic: Any,
    baseline: Baseline,
    start: datetime,
    days: tuple[float, float] = (DAYS - 0.25, DAYS),
) -> list[Finding]:
    """Return the findings of the windows that end in some days after the start."""
    period = Window(start + days[0] * DAY, start + days[1] * DAY)
    return list(ConceptDrift().evaluate(traffic.context(baseline, period)))


def of(findings: list[Finding], metric: str, subject: str | None = None) -> Finding:
    """Return the last finding of a metric and subject."""
    return [
        finding for finding in findings if (finding.metric, finding.subject) == (metric, subject)
    ][-1]


def meaningless(since: int) -> Callable[[int, Any], Any]:
    """From an hour on every bid succeeds alike, regardless of its score."""
    return lambda hour, scores: scores * 0 + 0.08 if hour >= since else scores


def test_a_steady_world_is_ok(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Eight days of scores that mean what they say: no alarm of any of the signals."""
    found = judge(traffic(DAYS * 24), baseline, start, (1, DAYS))
    assert {finding.severity for finding in found} <= {Severity.OK, Severity.UNKNOWN}
    last = [finding for finding in found if finding.end == start + DAYS * DAY]
    assert {finding.severity for finding in last} == {Severity.OK}
    assert len(last) == 7


def test_a_changed_world_is_found(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """A day without meaning: gap, errors and decline are alarming; the change is dated."""
    known = traffic(DAYS * 24, chance=meaningless(SINCE))
    found = judge(known, baseline, start)
    gap = of(found, "estimate.gap", "roc_auc")
    assert gap.severity.alarming
    assert gap.value == pytest.approx(0.5 - (gap.baseline_value or 0), abs=0.08)
    assert of(found, "estimate.gap", "precision").severity is Severity.CRITICAL
    assert of(found, "auc.decline").severity.alarming
    rise = of(found, "error.rise", "ADWIN")
    assert rise.severity.alarming, rise.reason
    dated = parse_time(rise.reason.split(" at about ")[1][:16])
    assert abs(dated - (start + SINCE * HOUR)) <= 6 * HOUR


def test_the_error_rates_are_those_of_the_rows(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """The rise is the day's error rate since the change less the rate before it."""
    known = traffic(DAYS * 24, explored=1.0, chance=meaningless(SINCE))
    wrong = (known.rows["score"] >= 0.3) != known.rows["label"]
    after = known.rows["hour"] >= SINCE
    rise = of(judge(known, baseline, start), "error.rise", "ADWIN")
    assert rise.value == pytest.approx(wrong[after].mean() - wrong[~after].mean(), abs=0.02)
    assert rise.baseline_value == pytest.approx(wrong[~after].mean(), abs=0.02)


def test_an_error_rate_that_falls_again_ends_the_alarm(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Two days after the world is as before, no detector alarms any more."""
    known = traffic(
        DAYS * 24,
        chance=lambda hour, scores: scores * 0 + 0.08 if 100 <= hour < 124 else scores,
    )
    during = judge(known, baseline, start, (4.75, 5))
    after = judge(known, baseline, start)
    for detector in ("ADWIN", "DDM"):
        assert of(during, "error.rise", detector).severity.alarming
        assert of(after, "error.rise", detector).severity is Severity.OK


def test_shifted_inputs_are_no_concept_drift(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Other scores that still mean what they say leave no gap between estimate and labels."""
    known = traffic(DAYS * 24)
    moved = traffic(DAYS * 24)
    # From day seven on only requests with low scores come: the others are left out.
    for index, (predicted, labeled) in enumerate(zip(moved.predictions, moved.labels, strict=True)):
        if index < SINCE or predicted.score is None or labeled.scores is None:
            continue
        keep = np.array(predicted.score.lowest()) < 0.25
        moved.predictions[index] = replace(predicted, score=_kept(predicted.score, keep))
        moved.labels[index] = replace(
            labeled,
            scores=replace(
                labeled.scores,
                positives=_kept(labeled.scores.positives, keep),
                negatives=_kept(labeled.scores.negatives, keep),
            ),
        )
    assert of(judge(known, baseline, start), "estimate.gap", "roc_auc").severity is Severity.OK
    gap = of(judge(moved, baseline, start), "estimate.gap", "roc_auc")
    assert gap.severity is Severity.OK, gap.reason
    assert gap.baseline_value is not None
    assert gap.baseline_value < 0.65


def _kept(sample: Any, keep: Any) -> Any:
    return replace(sample, counts=tuple(np.where(keep, sample.counts, 0).tolist()))


def test_a_steady_decline_has_a_slope(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """ROC AUC that falls a little every day has a slope that lies in its interval, and alarms."""

    def fading(hour: int, scores: Any) -> Any:
        weight = 1 - hour / (DAYS * 24)
        return weight * scores + (1 - weight) * 2 / 7

    known = traffic(DAYS * 24, 300, chance=fading)
    slope = of(judge(known, baseline, start), "auc.slope")
    assert slope.severity is Severity.CRITICAL
    assert slope.high is not None
    assert slope.high < -0.05
    steady = of(judge(traffic(DAYS * 24), baseline, start), "auc.slope")
    assert steady.low is not None
    assert steady.high is not None
    assert steady.low < 0 < steady.high


def test_immature_labels_leave_the_gap_open(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """With half of the labels missing, a small gap may yet become a large one."""
    known = traffic(DAYS * 24, known=lambda hour: 0.5 if hour >= SINCE else 1.0)
    found = judge(known, baseline, start)
    assert of(found, "estimate.gap", "precision").severity is Severity.UNKNOWN
    assert of(found, "auc.decline").severity is Severity.UNKNOWN
    assert of(found, "error.rise", "DDM").severity is Severity.OK


def test_a_young_version(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """In its first days a version has a gap and errors, but no decline and no trend."""
    found = judge(traffic(36), baseline, start, (1.25, 1.5))
    assert of(found, "estimate.gap", "roc_auc").severity is Severity.OK
    assert of(found, "error.rise", "ADWIN").severity is Severity.OK
    assert "has no reference yet" in of(found, "auc.decline").reason
    assert "5 are needed" in of(found, "auc.slope").reason


@pytest.mark.parametrize("per_hour", [1])
def test_too_few_labels(traffic: Make, baseline: Baseline, start: datetime, per_hour: int) -> None:
    """Where a day has a handful of labels every signal is unknown, with its reason."""
    found = judge(traffic(DAYS * 24, per_hour), baseline, start)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "30 are needed" in of(found, "error.rise", "DDM").reason


def test_without_labels_in_training(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Nothing to estimate by: the gap is unknown, errors and ROC AUC are judged all the same."""
    bare = replace(baseline, labeled=None)
    known = traffic(DAYS * 24)
    name, version, _ = known.predictions[0].profile_key.series

    def over(profile: Any) -> Any:
        return replace(
            profile, profile_key=replace(profile.profile_key, series=(name, version, bare.id))
        )

    known = replace(
        known,
        predictions=[over(prediction) for prediction in known.predictions],
        labels=[over(label) for label in known.labels],
    )
    found = judge(known, bare, start)
    assert "has no labels" in of(found, "estimate.gap", "roc_auc").reason
    assert of(found, "auc.decline").severity is Severity.OK
    assert of(found, "error.rise", "DDM").severity is Severity.OK


def certain(findings: list[Finding]) -> list[Finding]:
    """Return the findings that leave no doubt."""
    return [finding for finding in findings if finding.certain]


def test_a_gap_of_the_last_hours_is_certain_before_a_day_is_full_of_it(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Six hours without meaning: one window is enough for an alert, and it says why."""
    known = traffic(SINCE + 24, chance=meaningless(SINCE))
    found = certain(judge(known, baseline, start, (6.0, 7.25)))
    assert {finding.metric for finding in found} == {"estimate.gap"}
    assert {finding.window for finding in found} == {
        Window(start + SINCE * HOUR, start + (SINCE + 6) * HOUR)
    }
    rates = [finding for finding in found if finding.subject == "positive_rate"]
    assert rates
    assert all(finding.severity.alarming for finding in found)
    assert "at a confidence of" in rates[0].reason


def test_hours_whose_labels_are_missing_are_not_certain(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Where a fifth of the labels has come, the others may turn out otherwise."""
    known = traffic(
        SINCE + 24,
        chance=meaningless(SINCE),
        known=lambda hour: 0.2 if hour >= SINCE else 1.0,
    )
    assert not certain(judge(known, baseline, start, (6.0, 7.25)))


def test_a_version_that_always_differs_is_not_certain(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """A gap of every day since the start is no news of the last hours."""
    known = traffic(DAYS * 24, chance=lambda _hour, scores: scores * 0.6)
    assert not certain(judge(known, baseline, start, (5, DAYS)))
