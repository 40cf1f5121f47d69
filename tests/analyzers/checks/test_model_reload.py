"""Reloads and versions in service with a known answer."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.model_reload.model_reload import ModelReload
from mlmon.analyzers.profiles.kinds.model import profiles

Events = list[dict[str, Any]]
ModelEvents = Callable[..., Events]
Hours = Callable[..., list[Any]]


@pytest.fixture
def predictions(steady_hours: Hours, baseline: Any) -> Callable[..., list[Any]]:
    """Make hours of predictions by versions: (version, first hour, hours, per hour)."""

    def make(*parts: tuple[str, int, int, int]) -> list[Any]:
        made = []
        for version, first, hours, per_hour in parts:
            every = steady_hours(first + hours, per_hour, model=("autobid", version), baseline=None)
            made += every[first:]
        return sorted(made, key=lambda profile: (profile.window, profile.model))

    del baseline
    return make


def judge(
    events: Events, start: datetime, hours: float, predicted: Iterable[Any] = (), first: float = 0
) -> list[Finding]:
    """Return the findings of the hours from the start."""
    period = Window(start + first * HOUR, start + hours * HOUR)
    others = {"prediction": list(predicted)}
    return list(ModelReload().evaluate(AnalysisContext(period, list(profiles(events)), {}, others)))


def of(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric at the hours' ends."""
    return [
        finding
        for finding in findings
        if finding.metric == metric and finding.window.length >= HOUR
    ]


def test_a_version_trained_and_loaded(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """Trained, loaded ten minutes later, predicting alone: ok, and how long it took."""
    events = [
        *model_events("train", 0.0, "1"),
        *model_events("reload", 0.1, "1"),
        *model_events("train", 24.2, "2"),
        *model_events("reload", 24.4, "2"),
    ]
    made = predictions(("1", 0, 25, 100), ("2", 24, 24, 100))
    found = judge(events, start, 48, made)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert {finding.metric for finding in found} == set(ModelReload.limits)
    waits = of(found, "reload.wait_hours")
    assert [wait.end - start for wait in waits] == [HOUR, 25 * HOUR]
    assert "autobid 2" in waits[1].reason
    assert waits[1].value == pytest.approx(0.2)
    assert "came into service 12 min after its training" in waits[1].reason


def test_reloads_that_fail(model_events: ModelEvents, start: datetime) -> None:
    """One failure warns, a third in a row is critical, a success ends it; each hour says so."""
    events = [
        *model_events("reload", 0.5, "1"),
        *model_events("reload", 1.5, None, succeeded=False),
        *model_events("reload", 2.2, None, succeeded=False),
        *model_events("reload", 2.4, None, succeeded=False),
        *model_events("reload", 5.5, "1"),
    ]
    found = of(judge(events, start, 8), "reload.failures")
    assert [(finding.value, finding.severity) for finding in found] == [
        (0, Severity.OK),
        (1, Severity.WARNING),
        (3, Severity.CRITICAL),
        (0, Severity.OK),
    ]
    assert {finding.subject for finding in found} == {"autobid"}
    assert "2 of 2 reloads of autobid failed" in found[2].reason
    assert "3 in a row (file cut short); none has succeeded since" in found[2].reason


def test_a_failed_reload_is_known_within_a_second(
    model_events: ModelEvents, start: datetime
) -> None:
    """The second after its line it warns, and grows with each failure in a row."""
    events = [
        *model_events("reload", 0.5, "1"),
        *model_events("reload", 1.5, None, succeeded=False),
        *model_events("reload", 1.505, None, succeeded=False),
        *model_events("reload", 1.7, "1"),
    ]
    found = [finding for finding in judge(events, start, 3) if finding.window.length < HOUR]
    assert [(finding.value, finding.severity) for finding in found] == [
        (1, Severity.WARNING),
        (2, Severity.WARNING),
    ]
    first = start + timedelta(hours=1.5)
    assert first < found[0].end <= first + timedelta(seconds=1)


def test_a_failure_that_was_fixed_within_the_hour(
    model_events: ModelEvents, start: datetime
) -> None:
    """Three quarters of an hour without a model are not forgotten for being over."""
    events = [
        *model_events("reload", 0.0, "2"),
        *model_events("reload", 11.0, None, succeeded=False),
        *model_events("reload", 11.75, "2"),
    ]
    found = of(judge(events, start, 13), "reload.failures")[-1]
    assert found.severity is Severity.WARNING
    assert "1 of 2 reloads of autobid failed" in found.reason
    assert "version 2 was loaded 2026-03-02 11:45 UTC" in found.reason


def test_a_failure_of_an_unnamed_model(model_events: ModelEvents, start: datetime) -> None:
    """It is of the only model there is, or of no known one."""
    alone = model_events("reload", 1.0, None, succeeded=False)
    (found,) = of(judge(alone, start, 2), "reload.failures")
    assert (found.subject, found.severity) == ("unknown", Severity.WARNING)
    trained = [*model_events("train", 0.5, "1"), *alone]
    assert of(judge(trained, start, 2), "reload.failures")[0].subject == "autobid"


def test_a_version_that_nobody_loads(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """Warned of after six hours, critical after a day, regardless of what the old version does."""
    events = [
        *model_events("train", 0.0, "1"),
        *model_events("reload", 0.5, "1"),
        *model_events("train", 24.0, "2"),
    ]
    found = judge(events, start, 72, predictions(("1", 0, 72, 50)))
    waits = of(found, "reload.wait_hours")[1:]
    assert [wait.value for wait in waits] == list(range(1, 49))
    assert [wait.severity for wait in waits] == (
        [Severity.OK] * 5 + [Severity.WARNING] * 18 + [Severity.CRITICAL] * 25
    )
    assert "autobid 2 was trained 2026-03-03 00:00 UTC and is not in service" in waits[-1].reason
    assert of(found, "outdated.rate")[-1].severity is Severity.OK


def test_trainings_that_none_of_is_loaded(model_events: ModelEvents, start: datetime) -> None:
    """Retrained every hour with a reload that is stuck, the wait counts from the first of them."""
    events = [
        *model_events("train", 0.0, "1"),
        *model_events("reload", 0.1, "1"),
        *(event for hour in range(1, 31) for event in model_events("train", hour, str(hour + 1))),
    ]
    last = of(judge(events, start, 31), "reload.wait_hours")[-1]
    assert (last.value, last.severity) == (30, Severity.CRITICAL)
    assert "nor are 29 before it" in last.reason


def test_a_wait_as_usual(model_events: ModelEvents, start: datetime) -> None:
    """Where versions are looked at for two days before they are loaded, a day is no news."""
    events = [
        event
        for week in range(4)
        for event in (
            *model_events("train", 168.0 * week, str(week + 1)),
            *(model_events("reload", 168.0 * week + 48, str(week + 1)) if week < 3 else ()),
        )
    ]
    waits = [
        finding
        for finding in of(judge(events, start, 504 + 200), "reload.wait_hours")
        if finding.end > start + 504 * HOUR
    ]
    assert [wait.severity for wait in waits] == [Severity.OK] * 143 + [Severity.WARNING] * 57
    assert waits[-1].warning == pytest.approx(144)


def test_nothing_shows_whether_it_serves(model_events: ModelEvents, start: datetime) -> None:
    """A training without any reload or prediction in the log is unknown, not an alarm."""
    found = judge(model_events("train", 0.0, "1"), start, 30)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "no reload and no prediction of it is logged" in found[0].reason


def test_predictions_show_where_reloads_are_not_logged(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """A version that predicts is in service, though no reload of it is logged."""
    made = predictions(("1", 0, 30, 50), ("2", 30, 20, 50))
    events = [*model_events("train", 0.0, "1"), *model_events("train", 29.5, "2")]
    found = judge(events, start, 50, made)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert [finding.value for finding in of(found, "reload.wait_hours")] == [0.0, 0.5, 0.5]


def test_a_process_that_missed_the_reload(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """A fifth of the predictions by the old version warns once a rollout has had two hours."""
    events = [
        *model_events("train", 0.0, "1"),
        *model_events("reload", 0.1, "1"),
        *model_events("train", 24.0, "2"),
        *model_events("reload", 24.1, "2"),
    ]
    made = predictions(("1", 0, 24, 200), ("2", 24, 24, 160), ("1", 24, 24, 40))
    found = of(judge(events, start, 48, made, first=20), "outdated.rate")
    alarms = [finding for finding in found if finding.severity.alarming]
    assert alarms[0].start == start + 27 * HOUR
    assert {alarm.severity for alarm in alarms} == {Severity.WARNING}
    assert alarms[-1].end == start + 48 * HOUR
    assert alarms[0].value == pytest.approx(0.2)
    assert "version 1: 40" in alarms[0].reason
    assert "than autobid 2, which is in service" in alarms[0].reason


def test_a_version_nobody_trained(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """A rollback, or a version from elsewhere, is what is in service instead of the newest."""
    events = [*model_events("train", 0.0, "8"), *model_events("reload", 0.1, "8")]
    made = predictions(("8", 0, 20, 200), ("7", 20, 10, 200))
    found = [finding for finding in judge(events, start, 30, made) if finding.severity.alarming]
    assert {finding.severity for finding in found} == {Severity.CRITICAL}
    assert found[0].start == start + 20 * HOUR
    assert found[-1].end == start + 30 * HOUR


def test_too_few_predictions(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """Fewer than twenty in a day say nothing of the share."""
    events = [*model_events("train", 0.0, "1"), *model_events("reload", 0.1, "1")]
    made = predictions(("1", 0, 72, 1))[::6]
    found = of(judge(events, start, 72, made, first=24), "outdated.rate")
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}


def test_a_year_without_training(predictions: Callable[..., list[Any]], start: datetime) -> None:
    """Without any training known there is nothing to compare with and nothing is reported."""
    assert judge([], start, 48, predictions(("1", 0, 48, 50))) == []


def test_a_model_is_forgotten_after_its_lookback(
    model_events: ModelEvents, start: datetime
) -> None:
    """A version trained more than 100 days ago is no longer waited for."""
    events = [*model_events("train", 0.0, "1"), *model_events("reload", 0.1, "0")]
    waits = of(judge(events, start, 101 * 24, first=99 * 24), "reload.wait_hours")
    assert waits[-1].end == start + 100 * DAY


def test_a_rollback_is_a_fact(
    model_events: ModelEvents, predictions: Callable[..., list[Any]], start: datetime
) -> None:
    """Version 1, loaded again after version 2, should serve; what 2 still predicts is outdated."""
    events = [
        *model_events("train", 0.0, "1"),
        *model_events("reload", 0.1, "1"),
        *model_events("train", 10.0, "2"),
        *model_events("reload", 10.5, "2"),
        *model_events("reload", 20.0, "1"),
    ]
    clean = predictions(("1", 0, 10, 200), ("2", 11, 9, 200), ("1", 20, 15, 200))
    found = judge(events, start, 35, clean)
    assert [finding.reason for finding in found if finding.severity.alarming] == []
    stuck = predictions(("1", 0, 10, 200), ("2", 11, 24, 200), ("1", 20, 15, 200))
    alarms = [
        finding
        for finding in of(judge(events, start, 35, stuck), "outdated.rate")
        if finding.severity.alarming
    ]
    assert alarms[0].start == start + 22 * HOUR
    assert "(version 2: 200) than autobid 1, which is in service" in alarms[0].reason
