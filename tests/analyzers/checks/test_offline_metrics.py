"""Offline metrics over versions with a known answer."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.offline_metrics import OfflineMetrics
from mlmon.analyzers.profiles.kinds.model import profiles
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

ModelEvents = Callable[..., list[dict[str, Any]]]
WEEK = 168.0


def judge(
    events: Iterable[Mapping[str, Any]],
    start: datetime,
    days: float,
    baselines: Iterable[Baseline] = (),
) -> list[Finding]:
    """Return the findings of the days from the start."""
    period = Window(start, start + days * DAY)
    known = {baseline.model: baseline for baseline in baselines}
    return list(OfflineMetrics().evaluate(AnalysisContext(period, list(profiles(events)), known)))


def trained_on(rows: int, version: str, start: datetime) -> tuple[Baseline, float]:
    """Return a version's baseline of labeled rows, and the standard error of their Brier score."""
    random = np.random.default_rng(rows + int(version))
    scores = random.beta(2, 3, rows)
    labels = random.random(rows) < scores
    known = LabeledScores.from_rows(scores, labels, quantile_edges(scores))
    error = np.square(scores - labels).std() / math.sqrt(rows)
    baseline = Baseline("autobid", version, rows, start, "t", known.all(), known)
    return baseline, float(error)


def weekly(
    events: ModelEvents, metric: str, values: Iterable[float], **others: float
) -> list[dict[str, Any]]:
    """Return the trainings and evaluations of a version a week."""
    return [
        event
        for week, value in enumerate(values)
        for event in (
            *events("train", WEEK * week, str(week + 1)),
            *events("evaluate", WEEK * week, str(week + 1), {metric: value, **others}),
        )
    ]


def of(findings: list[Finding], metric: str) -> dict[str | None, Finding]:
    """Return a metric's findings by version."""
    return {finding.model_version: finding for finding in findings if finding.metric == metric}


def test_versions_as_good_as_ever(model_events: ModelEvents, start: datetime) -> None:
    """Values that differ by chance alarm nobody, whichever way is worse."""
    aucs = [0.812, 0.803, 0.818, 0.806, 0.815, 0.801, 0.811, 0.809]
    found = judge(weekly(model_events, "roc_auc", aucs), start, 60)
    found += judge(weekly(model_events, "log_loss", [1 - auc for auc in aucs]), start, 60)
    assert {finding.severity for finding in found} == {Severity.OK, Severity.UNKNOWN}
    assert {finding.metric for finding in found} == set(OfflineMetrics.limits)


@pytest.mark.parametrize(("metric", "sign"), [("roc_auc", -1), ("f1", -1), ("log_loss", 1)])
def test_a_version_that_is_worse(
    model_events: ModelEvents, start: datetime, metric: str, sign: int
) -> None:
    """A tenth worse than the median of those before is critical, in the hour it is evaluated."""
    values = [0.60, 0.62, 0.61, 0.61 * (1 + sign * 0.11), 0.61]
    found = of(judge(weekly(model_events, metric, values), start, 60), "offline.value")
    bad = found["4"]
    assert bad.severity is Severity.CRITICAL
    assert (bad.start, bad.end) == (start + 21 * DAY, start + 21 * DAY + HOUR)
    assert (bad.subject, bad.model_name, bad.model_version) == (metric, "autobid", "4")
    assert bad.baseline_value == pytest.approx(0.61)
    assert bad.warning == pytest.approx(0.61 * (1 + sign * 0.05))
    assert "11 % worse than the median of 3 versions before it (0.61)" in bad.reason
    assert {found[version].severity for version in "235"} == {Severity.OK}
    better = [0.60, 0.62, 0.61, 0.61 * (1 - sign * 0.11)]
    found = of(judge(weekly(model_events, metric, better), start, 60), "offline.value")
    assert found["4"].severity is Severity.OK


def test_what_chance_explains_is_no_decline(model_events: ModelEvents, start: datetime) -> None:
    """15 % worse on 400 rows is not proven, on 40,000 it is; the interval is that of numpy."""
    events = weekly(model_events, "brier", [0.2, 0.23])
    for rows, severity in ((400, Severity.UNKNOWN), (40_000, Severity.CRITICAL)):
        (first, _), (second, error) = (trained_on(rows, version, start) for version in "12")
        found = of(judge(events, start, 14, [first, second]), "offline.value")["2"]
        assert found.severity is severity
        assert found.low is not None
        assert found.high is not None
        assert (found.high - found.low) / 2 == pytest.approx(stats.norm.ppf(0.995) * error, rel=0.1)
        assert "Sampling error: 0.0" in found.reason
    assert of(judge(events, start, 14), "offline.value")["2"].severity is Severity.CRITICAL


def test_the_first_version_has_nothing_to_be_compared_with(
    model_events: ModelEvents, start: datetime
) -> None:
    """It is unknown, with its value."""
    found = judge(weekly(model_events, "roc_auc", [0.8]), start, 3)
    first = of(found, "offline.value")["1"]
    assert (first.severity, first.value) == (Severity.UNKNOWN, 0.8)
    assert "1 version with roc_auc known; the trend test needs 5" in found[1].reason


def test_versions_that_always_scatter(model_events: ModelEvents, start: datetime) -> None:
    """Where versions differ by a tenth among themselves, a tenth below their median is usual."""
    values = [0.50, 0.58, 0.47, 0.61, 0.54, 0.485]
    found = of(judge(weekly(model_events, "f1", values), start, 60), "offline.value")
    assert found["6"].severity is Severity.OK
    steady = [0.54, 0.541, 0.539, 0.54, 0.54, 0.485]
    found = of(judge(weekly(model_events, "f1", steady), start, 60), "offline.value")
    assert found["6"].severity is Severity.CRITICAL


def test_a_steady_decline(model_events: ModelEvents, start: datetime) -> None:
    """A decline too small to be a drop is found over versions, when there are enough of them."""
    values = [0.80 - 0.006 * week for week in range(8)]
    found = judge(weekly(model_events, "roc_auc", values), start, 60)
    drops, trends = of(found, "offline.value"), of(found, "offline.trend")
    assert {drop.severity for drop in drops.values()} == {Severity.OK, Severity.UNKNOWN}
    assert [trends[str(version)].severity for version in range(1, 9)] == [
        *[Severity.UNKNOWN] * 4,
        *[Severity.WARNING] * 4,
    ]
    last = trends["8"]
    assert last.p_value == pytest.approx(
        stats.kendalltau(range(8), values, method="exact", alternative="less").pvalue
    )
    assert last.value == pytest.approx(7 * 0.006 / 0.779)
    assert "declined steadily over 8 versions from autobid 1 (0.8) to 8 (0.758)" in last.reason


def test_a_decline_of_one_metric_among_six(model_events: ModelEvents, start: datetime) -> None:
    """Five falling values of one metric of six are within chance; six are not."""
    others = {"roc_auc": 0.8, "precision": 0.5, "recall": 0.5, "log_loss": 0.5, "brier": 0.2}
    values = [0.80 - 0.02 * week for week in range(6)]
    found = judge(weekly(model_events, "f1", values, **others), start, 60)
    trends = {
        finding.model_version: finding
        for finding in found
        if (finding.metric, finding.subject) == ("offline.trend", "f1")
    }
    assert trends["5"].severity is Severity.OK
    assert trends["6"].severity.alarming
    assert trends["5"].q_value == pytest.approx(6 / 120)


def test_only_the_last_ten_versions_count(model_events: ModelEvents, start: datetime) -> None:
    """A rise of years does not hide the decline that follows it."""
    values = [0.50 + 0.02 * week for week in range(12)] + [0.72 - 0.02 * week for week in range(10)]
    found = judge(weekly(model_events, "roc_auc", values), start, 170)
    trends = of(found, "offline.trend")
    assert trends["12"].severity is Severity.OK
    assert trends["22"].severity is Severity.CRITICAL
    assert trends["22"].sample_count == 10


def test_an_evaluation_without_a_metric(model_events: ModelEvents, start: datetime) -> None:
    """A metric that those before had and this one has not is unknown, not left out."""
    events = weekly(model_events, "f1", [0.5, 0.5]) + model_events(
        "evaluate", 2 * WEEK, "3", {"roc_auc": 0.8}
    )
    found = [finding for finding in judge(events, start, 30) if finding.model_version == "3"]
    (missing,) = [finding for finding in found if finding.subject == "f1"]
    assert missing.severity is Severity.UNKNOWN
    assert "does not hold f1, which that of autobid 2 did" in missing.reason


def test_a_version_without_an_evaluation(model_events: ModelEvents, start: datetime) -> None:
    """Six hours after a training that nobody evaluated, its quality is called unknown, once."""
    events = weekly(model_events, "f1", [0.5, 0.5]) + model_events("train", 2 * WEEK + 0.5, "3")
    (finding,) = [finding for finding in judge(events, start, 30) if finding.model_version == "3"]
    assert finding.severity is Severity.UNKNOWN
    assert finding.end == start + 14 * DAY + 7 * HOUR
    assert "no evaluation of it is logged" in finding.reason


def test_an_evaluation_that_failed(model_events: ModelEvents, start: datetime) -> None:
    """It is reported with its error; the version's metrics are not guessed."""
    events = weekly(model_events, "f1", [0.5]) + model_events("evaluate", 50, None, succeeded=False)
    (finding,) = [finding for finding in judge(events, start, 5) if finding.start > start + DAY]
    assert finding.severity is Severity.UNKNOWN
    assert "1 evaluation failed (file cut short)" in finding.reason


def test_metrics_of_unknown_direction_are_not_judged(
    model_events: ModelEvents, start: datetime
) -> None:
    """The number of rows is no measure of quality."""
    found = judge(weekly(model_events, "rows", [5_000, 400, 30]), start, 30)
    assert found == []


def test_a_version_evaluated_again(model_events: ModelEvents, start: datetime) -> None:
    """It is judged against the versions made before it, whatever was made since."""
    events = weekly(model_events, "f1", [0.5, 0.6, 0.7]) + model_events(
        "evaluate", 500, "2", {"f1": 0.4}
    )
    again = judge(events, start, 30)
    (finding,) = [
        finding
        for finding in again
        if finding.start > start + 20 * DAY and finding.metric == "offline.value"
    ]
    assert (finding.model_version, finding.baseline_value) == ("2", 0.5)
    assert finding.severity is Severity.CRITICAL


def test_two_models_are_separate(model_events: ModelEvents, start: datetime) -> None:
    """A model's metrics are compared with its own versions only."""
    one = weekly(model_events, "f1", [0.9, 0.9])
    other = [
        event | {"ml.model.name": "pricing"} for event in weekly(model_events, "f1", [0.5, 0.5])
    ]
    found = judge(one + other, start, 30)
    assert {finding.severity for finding in found} == {Severity.OK, Severity.UNKNOWN}
    assert {finding.model_name for finding in found} == {"autobid", "pricing"}
