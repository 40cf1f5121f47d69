"""Small samples: they alarm where the evidence is certain, and are never called unchanged."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.stored_vectors import store_vectors
from mlmon.analyzers.checks.embedding_drift.embedding_drift import EmbeddingDrift
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.feature_statistics import FeatureStatistics
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.checks.segment_drift import SegmentDrift
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.statistics.buckets import Buckets

Make = Callable[..., list[Any]]
Rows = dict[str, Any]
A_DAY = 165
"""Predictions of a day, all in its first hour; below the 230 that a calm verdict needs."""


def judge(
    analyzer: Analyzer[Any],
    profiles: list[Any],
    baseline: Baseline,
    start: datetime,
    beside: dict[str, list[Any]] | None = None,
) -> list[Finding]:
    """Return the findings of the first day's end."""
    period = Window(start + DAY - HOUR, start + DAY)
    context = AnalysisContext(period, profiles, {baseline.model: baseline}, beside or {})
    return list(analyzer.evaluate(context))


def test_a_feature_that_moved_far_alarms_below_the_power_of_calm(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """165 predictions with a KS distance near 0.43: critical; the features as in training wait."""
    prices: list[float] = []

    def dear(_hour: int, rows: Rows) -> None:
        # Two lognormals whose logarithms lie d apart have the distance 2 Phi(d / 2 sigma) - 1.
        rows["price"] *= np.exp(1.6 * stats.norm.ppf((1 + 0.43) / 2))
        prices.extend(rows["price"].tolist())

    found = judge(FeatureDrift(), steady_hours(1, A_DAY, dear), baseline, start)
    features = {finding.subject: finding for finding in found}
    price, rating = features["price"], features["rating"]
    assert price.severity is Severity.CRITICAL, price.reason
    exact = stats.ks_1samp(prices, stats.lognorm(0.8, scale=np.exp(3.0)).cdf).statistic
    assert price.low is not None
    assert price.high is not None
    assert price.low <= exact <= price.high
    assert rating.severity is Severity.UNKNOWN
    assert "rating cannot be judged" in rating.reason
    assert "are needed to detect a distance of 0.2 with a power of 0.9" in rating.reason


def test_few_categories_alarm(steady_hours: Make, baseline: Baseline, start: datetime) -> None:
    """Sixty predictions that are all from a new country alarm."""

    def elsewhere(_hour: int, rows: Rows) -> None:
        rows["country"][:] = "XX"

    found = judge(FeatureDrift(), steady_hours(1, 60, elsewhere), baseline, start)
    (country,) = [finding for finding in found if finding.subject == "country"]
    assert country.severity is Severity.CRITICAL
    assert country.value == pytest.approx(1.0)


def test_scores_that_moved_far_alarm(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """165 scores that all rose by 0.2, a distance of about 0.45, are critical."""
    exact = stats.ks_1samp(
        stats.beta(2, 5).ppf(np.linspace(0.0005, 0.9995, 1000)) + 0.2, stats.beta(2, 5).cdf
    ).statistic

    def high(_hour: int, rows: Rows) -> None:
        rows["score"] = rows["score"] + 0.2

    (finding,) = judge(ScoreShift(), steady_hours(1, A_DAY, high), baseline, start)
    assert finding.severity is Severity.CRITICAL, finding.reason
    assert finding.value == pytest.approx(exact, abs=0.1)


def test_a_small_segment_that_moved_far_alarms(
    segment_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Of some thirty predictions from US all with high scores, US alarms and the others wait."""

    def high(_hour: int, rows: Rows) -> None:
        rows["score"][rows["country"] == "US"] = 0.95

    found = judge(SegmentDrift(), segment_hours(1, A_DAY, high), baseline, start)
    alarms = [finding for finding in found if finding.severity.alarming]
    assert [alarm.segment for alarm in alarms] == ["country=US"]
    assert alarms[0].sample_count is not None
    assert 20 <= alarms[0].sample_count <= 50
    (waiting,) = [finding for finding in found if not finding.severity.alarming]
    assert waiting.severity is Severity.UNKNOWN
    assert "2 segments had too few predictions" in waiting.reason


@pytest.mark.parametrize(("shift", "severity"), [(1.0, Severity.CRITICAL), (0.0, Severity.UNKNOWN)])
def test_a_replaced_encoder_alarms_at_112_embeddings(
    embedding_hours: Make,
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    shift: float,
    severity: Severity,
) -> None:
    """112 embeddings whose centroid lies one radius away alarm, though 137 are needed for calm."""
    vectors = np.random.default_rng(4).normal(size=(215, 4))
    known = replace(baseline, embeddings={"text": store_vectors(vectors, 215)})
    # The radius of four coordinates of variance one is two.
    logged = embedding_hours(4, 28, lambda _hour, rows: rows + shift)
    predictions = steady_hours(4, 28, baseline=known)
    found = judge(EmbeddingDrift(), predictions, known, start, {"embedding": logged})
    (finding,) = found
    assert finding.severity is severity, finding.reason
    assert finding.sample_count == 112
    if shift:
        assert finding.value == pytest.approx(1.0, abs=0.2)
    else:
        assert "112 embeddings" in finding.reason
        assert "137 are needed" in finding.reason


CONSTANT = 300
"""Predictions with the number 1000, where training has 878 from 0 to 500."""


def constant(
    steady_hours: Make, baseline: Baseline, start: datetime, tests: ChosenTests
) -> tuple[Finding, dict[str, Finding]]:
    """Return the verdict of feature drift on a stuck number, and its statistics by metric."""
    numbers = np.random.default_rng(5).uniform(0, 500, 878)
    edges = tuple(np.quantile(numbers, np.linspace(0.01, 0.99, 99)).tolist())
    other = replace(
        baseline, numeric={**baseline.numeric, "price": Buckets.from_values(numbers, edges)}
    )

    def stuck(_hour: int, rows: Rows) -> None:
        rows["price"][:] = 1000.0

    profiles = steady_hours(1, CONSTANT, stuck, baseline=other)
    drift = judge(FeatureDrift(tests), profiles, other, start)
    (moved,) = [finding for finding in drift if finding.subject == "price"]
    statistics = judge(FeatureStatistics(tests), profiles, other, start)
    return moved, {finding.metric: finding for finding in statistics if finding.subject == "price"}


def test_a_stuck_number_alarms_once(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """300 rows at 1000, in training 0 to 500: feature drift alarms, statistics refer to it."""
    moved, statistics = constant(steady_hours, baseline, start, ChosenTests())
    assert moved.severity is Severity.CRITICAL
    assert statistics["mean.shift"].severity is Severity.OK
    assert "see feature_drift" in statistics["mean.shift"].reason


def test_statistics_alarm_where_feature_drift_gives_no_verdict(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """With a drift test that cannot compare numbers, the shift of the mean is critical itself."""
    tests = ChosenTests(features={"price": drift_methods()["total_variation"]})
    moved, statistics = constant(steady_hours, baseline, start, tests)
    assert moved.severity is Severity.UNKNOWN
    assert statistics["mean.shift"].severity is Severity.CRITICAL
    assert "see feature_drift" not in statistics["mean.shift"].reason


@pytest.mark.parametrize("rows", [30, 150])
def test_calm_small_traffic_does_not_alarm(
    steady_hours: Make,
    segment_hours: Make,
    embedding_hours: Make,
    baseline: Baseline,
    start: datetime,
    rows: int,
) -> None:
    """Of 150 calm days at most one in a hundred alarms, the policy's false-discovery rate."""
    rng = np.random.default_rng(6)
    histories, alarmed = 150, 0
    for _ in range(histories):
        predictions = steady_hours(1, rows)
        vectors = embedding_hours(1, rows, lambda _hour, made: rng.normal(size=made.shape))
        found = [
            *judge(FeatureDrift(), predictions, baseline, start),
            *judge(FeatureStatistics(), predictions, baseline, start),
            *judge(ScoreShift(), predictions, baseline, start),
            *judge(SegmentDrift(), segment_hours(1, rows), baseline, start),
            *judge(EmbeddingDrift(), predictions, baseline, start, {"embedding": vectors}),
        ]
        alarmed += any(finding.severity.alarming for finding in found)
    assert alarmed <= 0.01 * histories


def test_wasserstein_waits_for_its_normal_law(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Three rows, of which its sampling error is too small, give no verdict in any history."""
    analyzer = FeatureDrift(ChosenTests(drift_methods()["wasserstein"]))
    found = [judge(analyzer, steady_hours(1, 3), baseline, start) for _ in range(50)]
    assert {finding.severity for day in found for finding in day} == {Severity.UNKNOWN}
