"""Live performance on rows whose every outcome is known to the test, if not to the analyzer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.live_performance.live_performance import MEASURES, LivePerformance

Make = Callable[..., Any]
THRESHOLD = 0.3
DAYS = 9
LAST = (DAYS - 1) * 24


def judge(
    traffic: Any,
    baseline: Baseline,
    start: datetime,
    days: tuple[float, float] = (DAYS - 0.25, DAYS),
) -> list[Finding]:
    """Return the findings of the windows that end in some days after the start."""
    period = Window(start + days[0] * DAY, start + days[1] * DAY)
    return list(LivePerformance().evaluate(traffic.context(baseline, period)))


def by_metric(findings: list[Finding], end: datetime) -> dict[str, Finding]:
    """The findings of the window that ends then, without the tenths."""
    return {
        finding.metric: finding
        for finding in findings
        if finding.end == end and finding.subject is None
    }


def test_it_measures_all_predictions(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Each interval holds sklearn's value over all rows, though of most no label is known."""
    known = traffic(DAYS * 24, explored=0.1)
    found = by_metric(judge(known, baseline, start), start + DAYS * DAY)
    rows = known.rows["hour"] >= LAST
    scores, labels = known.rows["score"][rows], known.rows["label"][rows]
    decided = scores >= THRESHOLD
    truth = {
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "precision": metrics.precision_score(labels, decided),
        "recall": metrics.recall_score(labels, decided),
        "f1": metrics.f1_score(labels, decided),
        "log_loss": metrics.log_loss(labels, scores),
        "brier": metrics.brier_score_loss(labels, scores),
        "approved.success_rate": labels[decided].mean(),
    }
    for metric, value in truth.items():
        finding = found[metric]
        assert finding.severity is Severity.OK, finding.reason
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= value <= finding.high, metric
        assert finding.baseline_value == pytest.approx(value, abs=0.06)


def test_traffic_as_in_training_is_ok(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Two days every six hours: not one alarm of any metric, of any tenth."""
    found = judge(traffic(DAYS * 24), baseline, start, (DAYS - 2, DAYS))
    assert {finding.severity for finding in found} <= {Severity.OK, Severity.UNKNOWN}
    assert sum(finding.subject is None for finding in found) == 8 * 8


def test_a_score_without_meaning(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """When any bid succeeds as often as another, ranking, success and calibration are critical."""
    known = traffic(
        DAYS * 24, chance=lambda hour, scores: scores * 0 + 0.15 if hour >= LAST else scores
    )
    found = by_metric(judge(known, baseline, start), start + DAYS * DAY)
    for metric in ("roc_auc", "precision", "approved.success_rate"):
        assert found[metric].severity is Severity.CRITICAL, found[metric].reason
    assert found["calibration.error"].severity.alarming
    assert found["roc_auc"].value == pytest.approx(0.5, abs=0.05)
    assert "offline" in found["roc_auc"].reason
    tenths = {
        finding.subject: finding
        for finding in judge(known, baseline, start)
        if finding.metric == "calibration.gap" and finding.end == start + DAYS * DAY
    }
    assert tenths["0.5-0.6"].severity is Severity.CRITICAL
    assert tenths["0.5-0.6"].value == pytest.approx(0.15 - 0.55, abs=0.1)
    assert tenths["0.1-0.2"].severity is Severity.OK


@pytest.mark.parametrize("share", [0.75, 0.3])
def test_immature_labels_leave_a_sound_day_open(
    traffic: Make, baseline: Baseline, start: datetime, share: float
) -> None:
    """While labels are missing nothing is called sound that they could still overturn."""
    known = traffic(DAYS * 24, known=lambda hour: share if hour >= LAST else 1.0)
    found = by_metric(judge(known, baseline, start), start + DAYS * DAY)
    for metric in MEASURES:
        assert found[metric].severity is Severity.UNKNOWN
        assert f"{100 * share:.0f}"[0] in found[metric].reason.split(" of the expected ones")[0]
    narrow = by_metric(judge(traffic(DAYS * 24), baseline, start), start + DAYS * DAY)["roc_auc"]
    wide = found["roc_auc"]
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)  # type: ignore[operator]


def test_missing_labels_cannot_fix_a_broken_day(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """With nine in ten labels known and hardly a success, the last tenth changes no verdict."""
    known = traffic(
        DAYS * 24,
        known=lambda hour: 0.9 if hour >= LAST else 1.0,
        chance=lambda hour, scores: scores * 0.1 if hour >= LAST else scores,
    )
    found = by_metric(judge(known, baseline, start), start + DAYS * DAY)
    assert found["approved.success_rate"].severity is Severity.CRITICAL
    assert "the interval covers the missing labels" in found["approved.success_rate"].reason


def test_late_labels_settle_the_day(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """The same day, open while three in ten labels are missing, is ok once they have come."""

    def day(share: float) -> Finding:
        known = traffic(DAYS * 24, known=lambda hour: share if hour >= LAST else 1.0)
        return by_metric(judge(known, baseline, start), start + DAYS * DAY)["precision"]

    assert [day(share).severity for share in (0.7, 1.0)] == [Severity.UNKNOWN, Severity.OK]
    assert day(0.7).key == day(1.0).key


@pytest.mark.parametrize("per_hour", [1, 3])
def test_too_few_labels(traffic: Make, baseline: Baseline, start: datetime, per_hour: int) -> None:
    """A handful of labels says nothing, and the reason says how many it takes."""
    found = judge(traffic(DAYS * 24, per_hour), baseline, start)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "100 are needed" in found[0].reason


def test_no_labels_at_all(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Without any outcome each metric is unknown, not absent."""
    found = judge(traffic(48, known=lambda _hour: 0.0), baseline, start, (1, 2))
    assert len(found) == 4 * 8
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}


def test_without_baseline_or_offline_value(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """No baseline, or one that knows neither evaluation nor labels: said, with what is known."""
    known = traffic(48)
    period = Window(start + DAY, start + 2 * DAY)
    without = AnalysisContext(period, known.labels, {}, {"prediction": known.predictions})
    found = list(LivePerformance().evaluate(without))
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "mlmon baseline create" in found[0].reason
    bare = replace(baseline, metrics={}, labeled=None)
    relabeled = replace(known, labels=[_over(label, bare) for label in known.labels])
    relabeled = replace(
        relabeled, predictions=[_over(prediction, bare) for prediction in known.predictions]
    )
    last = by_metric(judge(relabeled, bare, start, (1, 2)), period.end)
    assert last["roc_auc"].severity is Severity.UNKNOWN
    assert last["roc_auc"].value is not None
    assert "was not measured offline" in last["roc_auc"].reason
    assert last["approved.success_rate"].severity is Severity.UNKNOWN


def _over(profile: Any, baseline: Baseline) -> Any:
    """The profile as one over another baseline with the same edges."""
    name, version, _ = profile.profile_key.series
    return replace(
        profile, profile_key=replace(profile.profile_key, series=(name, version, baseline.id))
    )


def test_two_versions_are_judged_separately(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Each version in service has its findings, of its own predictions and labels."""
    first, second = traffic(24, model=("autobid", "1")), traffic(24, 50, model=("autobid", "2"))
    newer = replace(baseline, model_version="2")
    second = replace(
        second,
        labels=[_over(label, newer) for label in second.labels],
        predictions=[_over(prediction, newer) for prediction in second.predictions],
    )
    period = Window(start + 0.75 * DAY, start + DAY)
    labels = sorted([*first.labels, *second.labels], key=lambda label: label.window)
    predictions = sorted(
        [*first.predictions, *second.predictions], key=lambda prediction: prediction.window
    )
    both = AnalysisContext(
        period,
        labels,
        {baseline.model: baseline, newer.model: newer},
        {"prediction": predictions},
    )
    counts = {
        finding.model_version: finding.sample_count
        for finding in LivePerformance().evaluate(both)
        if finding.metric == "roc_auc"
    }
    assert counts.keys() == {"1", "2"}
    assert counts["1"] == sum(label.labeled for label in first.labels)
    assert counts["2"] == sum(label.labeled for label in second.labels)


def test_the_tenths_hold_what_the_rows_show(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """The gap of scores near 0.4 is that of all rows scored so, within its interval."""
    known = traffic(DAYS * 24, chance=lambda _hour, scores: scores**1.5)
    (finding,) = [
        finding
        for finding in judge(known, baseline, start)
        if finding.subject == "0.4-0.5" and finding.end == start + DAYS * DAY
    ]
    rows = (known.rows["hour"] >= LAST) & (np.abs(known.rows["score"] - 0.45) < 0.05)
    gap = known.rows["label"][rows].mean() - known.rows["score"][rows].mean()
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low - 0.02 <= gap <= finding.high + 0.02
    assert f"Of {finding.sample_count:,} labeled predictions of autobid 1" in finding.reason
    assert finding.baseline_value == pytest.approx(0.45, abs=0.02)
