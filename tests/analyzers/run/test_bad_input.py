"""Input that is wrong: every analyzer of predictions says so, and none fails or keeps silent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.summary import SCORE, summarise
from mlmon.analyzers.checks import discover
from mlmon.analyzers.profiles.kinds.prediction import Categories
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster

Make = Callable[..., list[Any]]
Rows = dict[str, Any]
Events = list[dict[str, Any]]

OF_PREDICTIONS = [analyzer for analyzer in discover() if analyzer.needs[0].kind == "prediction"]
OF_FEATURES = {"feature_drift", "feature_statistics", "data_quality"}

each_of_predictions = pytest.mark.parametrize(
    "analyzer", OF_PREDICTIONS, ids=lambda analyzer: analyzer.name
)


def judge(
    analyzer: Analyzer[Any], profiles: list[Any], baseline: Baseline | None, start: datetime
) -> list[Finding]:
    """Return the findings of the end of the first day."""
    known = {baseline.model: baseline} if baseline else {}
    period = Window(start + 23 * HOUR, start + DAY)
    return list(analyzer.evaluate(AnalysisContext(period, profiles, known)))


def trained_on(rows: Rows) -> Baseline:
    """Make a baseline of raw rows."""
    table = pa.table({SCORE if name == "score" else name: of for name, of in rows.items()})
    created = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
    return Baseline("autobid", "1", created=created, source="t", **summarise(table))


def test_the_analyzers_of_features_are_among_them() -> None:
    """These tests look at every analyzer that reads predictions, those of features included."""
    names = {analyzer.name for analyzer in OF_PREDICTIONS}
    assert names > OF_FEATURES | {"score_shift", "score_attribution", "embedding_drift"}


@each_of_predictions
@pytest.mark.parametrize("value", [0.0, 5.0, -1e308, 1e-320])
def test_a_day_of_one_value(
    analyzer: Analyzer[Any], steady_hours: Make, baseline: Baseline, start: datetime, value: float
) -> None:
    """Constant prices, ratings, countries and scores are judged or unknown, and no error."""

    def constant(_hour: int, rows: Rows) -> None:
        rows["price"][:] = rows["rating"][:] = value
        rows["country"][:] = "DE"
        rows["score"][:] = 0.5

    for finding in judge(analyzer, steady_hours(24, change=constant), baseline, start):
        assert finding.value is None or np.isfinite(finding.value)


@each_of_predictions
def test_a_training_set_of_one_value(
    analyzer: Analyzer[Any],
    steady_hours: Make,
    draw_rows: Callable[..., Rows],
    start: datetime,
) -> None:
    """Columns that are constant in training are compared or unknown, and no error."""
    rows = draw_rows(np.random.default_rng(1), 2_000)
    rows["price"][:] = 5.0
    rows["country"][:] = "DE"
    rows["score"][:] = 0.25
    known = trained_on(rows)
    found = judge(analyzer, steady_hours(24, baseline=known), known, start)
    assert found or analyzer.name not in OF_FEATURES
    for finding in found:
        assert finding.value is None or np.isfinite(finding.value)


@each_of_predictions
def test_a_day_without_values(
    analyzer: Analyzer[Any], steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """With every feature missing, each analyzer of features says of each that nothing is known."""

    def gone(_hour: int, rows: Rows) -> None:
        rows["price"][:] = rows["rating"][:] = np.nan
        rows["country"][:] = None

    found = judge(analyzer, steady_hours(24, change=gone), baseline, start)
    if analyzer.name in OF_FEATURES:
        unjudged = {finding.subject for finding in found if finding.severity is not Severity.OK}
        assert unjudged >= {"price", "rating", "country"}


@each_of_predictions
def test_a_baseline_of_other_features(
    analyzer: Analyzer[Any],
    steady_hours: Make,
    draw_rows: Callable[..., Rows],
    start: datetime,
) -> None:
    """A training set with none of the log's features makes every feature unknown, on both sides."""
    rows = draw_rows(np.random.default_rng(1), 2_000)
    other = trained_on({"weight": rows["price"], "city": rows["country"], "score": rows["score"]})
    present = {"ml.features.numeric.price": 100, "ml.features.categorical.country": 100}
    profiles = [
        replace(
            hour,
            numeric={name: of.empty(of.edges) for name, of in other.numeric.items()},
            categorical={name: Categories() for name in other.categorical},
            present=present,
        )
        for hour in steady_hours(24, baseline=replace(other, numeric={}, categorical={}))
    ]
    profiles = [
        replace(profile, profile_key=replace(profile.profile_key, series=(*other.model, other.id)))
        for profile in profiles
    ]
    found = judge(analyzer, profiles, other, start)
    unknown = {finding.subject for finding in found if finding.severity is Severity.UNKNOWN}
    if analyzer.name == "feature_drift":
        assert unknown == {"weight", "city", "price", "country"}
    elif analyzer.name in OF_FEATURES:
        alarming = {finding.subject for finding in found if finding.severity.alarming}
        assert unknown | alarming >= {"weight", "city"}


WITHOUT_BASELINE = {"unindexed.rate", "missing_score.rate"}
"""Metrics of predictions that are compared with no training set."""


@each_of_predictions
def test_an_unknown_version(analyzer: Analyzer[Any], steady_hours: Make, start: datetime) -> None:
    """Predictions of a version nobody made a baseline of are unknown, with what to do."""
    found = judge(analyzer, steady_hours(24, baseline=None), None, start)
    if analyzer.name not in {"embedding_drift", "fallback_rate"}:
        compared = [finding for finding in found if finding.metric not in WITHOUT_BASELINE]
        assert compared
        assert {finding.severity for finding in compared} == {Severity.UNKNOWN}
        assert all("mlmon baseline create" in finding.reason for finding in compared)


@pytest.fixture
def troubled(predictions_of: Callable[..., Events]) -> Events:
    """A day of predictions with every trouble at once, in a part of it each."""
    events = predictions_of(25, 40)
    for number, event in enumerate(events):
        if number % 4 == 0:
            event["ml.features.categorical.price"] = str(event.pop("ml.features.numeric.price"))
        event["ml.features.numeric.tip"] = float(number % 7)
        event.pop("ml.features.numeric.rating", None)
        if number % 10 == 1:
            event["ml.model.version"] = "99"
        elif number % 10 == 2:
            del event["ml.model.version"]
        elif number % 10 == 3:
            del event["ml.model.name"], event["ml.model.version"]
        if number % 2:
            event["ml.features.embedding.text"] = [float(number)] * (2 + number % 3)
            event["ml.features.embedded"] = ["text"]
    return events


def test_a_cycle_over_bad_logs(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    troubled: Events,
    ship: Callable[[Events], None],
    start: datetime,
) -> None:
    """No analyzer fails; each trouble is named by a finding that is unknown."""
    ship(troubled)
    BaselineStore(cluster, namespace).write([baseline])
    period = Window(start + 23 * HOUR, start + 24 * HOUR)
    analysis = analyze(cluster, namespace, period, now=start + 2 * DAY)
    assert analysis.failures == {}
    found = [
        finding
        for finding in FindingStore(cluster, namespace).search()
        if finding.severity is Severity.UNKNOWN
    ]
    reasons = {
        (finding.analyzer, finding.model_version, finding.subject): finding.reason
        for finding in found
    }
    assert "arrives as categorical" in reasons["feature_drift", "1", "price (categorical)"]
    assert "not in the training set" in reasons["feature_drift", "1", "tip"]
    assert "0 predictions with a value" in reasons["feature_drift", "1", "rating"]
    assert "0 predictions with a value" in reasons["feature_statistics", "1", "rating"]
    for name in ("feature_drift", "feature_statistics", "score_attribution"):
        assert "mlmon baseline create" in reasons[name, "99", None]
        assert "name no model version" in reasons[name, "(unnamed)", None]
    assert "name no model version" in reasons["score_shift", "(unnamed)", SCORE]
    assert "numbers" in reasons["embedding_drift", "1", "text"]
    assert "(unreadable)" in " ".join(str(finding.subject) for finding in found)
    unnamed = [finding for finding in found if finding.model_version == "(unnamed)"]
    assert {finding.model_name for finding in unnamed} == {"autobid", "(unnamed)"}
    assert Counter(finding.severity for finding in found)[Severity.UNKNOWN] > 10
