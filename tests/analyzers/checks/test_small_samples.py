"""Small samples: they alarm where the evidence is certain, and are never called unchanged."""

from collections import Counter
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
from mlmon.analyzers.baselines.baseline import Baseline, CategoryBaseline
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
    others: dict[str, list[Any]] | None = None,
) -> list[Finding]:
    """Return the findings of the first day's end."""
    period = Window(start + DAY - HOUR, start + DAY)
    context = AnalysisContext(period, profiles, {baseline.model: baseline}, others or {})
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


def days(
    analyzer: Analyzer[Any],
    profiles: list[Any],
    baseline: Baseline,
    end: datetime,
    others: dict[str, list[Any]] | None = None,
) -> list[Finding]:
    """Return the findings of the hour that ends at a moment."""
    context = AnalysisContext(
        Window(end - HOUR, end), profiles, {baseline.model: baseline}, others or {}
    )
    return list(analyzer.evaluate(context))


def spread(of_day: int) -> Callable[[int, Rows], None]:
    """Keep as many rows of each hour as make so many a day."""

    def act(hour: int, rows: Rows) -> None:
        keep = of_day * (hour % 24 + 1) // 24 - of_day * (hour % 24) // 24
        for name in rows:
            rows[name] = rows[name][:keep]

    return act


def test_little_traffic_gets_a_verdict_within_three_days(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """165 predictions a day as in training: unknown on day one, no drift over two or three days."""
    profiles = steady_hours(72, 10, spread(A_DAY))
    for analyzer in (FeatureDrift(), ScoreShift()):
        first = days(analyzer, profiles[:24], baseline, start + DAY)
        assert {finding.severity for finding in first} == {Severity.UNKNOWN}
        third = days(analyzer, profiles, baseline, start + 3 * DAY)
        assert {finding.severity for finding in third} == {Severity.OK}
        assert {finding.window.length for finding in third} <= {2 * DAY, 3 * DAY}
        assert all("limit 0.1" in finding.reason for finding in third), third[0].reason


@pytest.mark.parametrize(("a_day", "shift", "after"), [(2_200, 0.142, 2), (2_200, 0.12, 7)])
def test_a_lasting_shift_is_pooled_over_days(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    a_day: int,
    shift: float,
    after: int,
) -> None:
    """A distance of 0.142 (0.12) is unknown on its first day, and alarms within 2 (7) days."""

    def dear(_hour: int, rows: Rows) -> None:
        spread(a_day)(_hour, rows)
        # Two lognormals whose logarithms lie d apart have the distance 2 Phi(d / 2 sigma) - 1.
        rows["price"] *= np.exp(1.6 * stats.norm.ppf((1 + shift) / 2))

    profiles = steady_hours(24 * after, a_day // 24 + 1, dear)
    first = price(days(FeatureDrift(), profiles[:24], baseline, start + DAY))
    assert first.severity is Severity.UNKNOWN
    assert "cannot be told from the limit of 0.1 because" in first.reason
    assert "of it may be sampling error" in first.reason
    last = price(days(FeatureDrift(), profiles, baseline, start + after * DAY))
    assert last.severity is Severity.WARNING, last.reason
    assert last.low is not None
    assert last.high is not None
    assert last.low <= shift <= last.high


def price(found: list[Finding]) -> Finding:
    """Return the finding of the price."""
    (finding,) = [finding for finding in found if finding.subject == "price"]
    return finding


def test_a_shift_of_today_is_not_hidden_by_calm_days(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """After a week of calm, a distance of 0.12 on one day is unknown, not unchanged."""

    def dear(hour: int, rows: Rows) -> None:
        if hour >= 6 * 24:
            rows["price"] *= np.exp(1.6 * stats.norm.ppf((1 + 0.12) / 2))

    profiles = steady_hours(7 * 24, 92, dear)
    finding = price(days(FeatureDrift(), profiles, baseline, start + 7 * DAY))
    assert finding.severity is Severity.UNKNOWN
    assert finding.window.length == DAY


def test_a_shift_below_the_limit_is_reported(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """A distance of 0.07 in 4,800 rows is ok, and its sentence says that it moved."""

    def dear(_hour: int, rows: Rows) -> None:
        rows["price"] *= np.exp(1.6 * stats.norm.ppf((1 + 0.07) / 2))

    finding = price(judge(FeatureDrift(), steady_hours(24, 200, dear), baseline, start))
    assert finding.severity is Severity.OK
    assert "price moved by KS 0.0" in finding.reason
    assert "below the limit of 0.1" in finding.reason


def test_few_embeddings_grow_to_a_verdict(
    steady_hours: Make, embedding_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """112 embeddings a day need two days to be called unchanged."""
    vectors = np.random.default_rng(4).normal(size=(215, 4))
    known = replace(baseline, embeddings={"text": store_vectors(vectors, 215)})
    logged = embedding_hours(48, 5, lambda hour, rows: rows[: 5 if hour % 24 < 16 else 4])
    predictions = steady_hours(48, 5, baseline=known)
    context = days(EmbeddingDrift(), predictions, known, start + 2 * DAY, {"embedding": logged})
    assert {finding.severity for finding in context} == {Severity.OK}
    assert {finding.window.length for finding in context} == {2 * DAY}


@pytest.mark.parametrize(("share", "distance"), [(0.23, 0.142), (0.25, 0.153)])
@pytest.mark.parametrize("rows", [2_000, 20_000])
def test_a_default_and_a_stuck_value_alarm_within_the_day(
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    share: float,
    distance: float,
    rows: int,
) -> None:
    """23 % (25 %) of 2,200 prices are one value at a distance of 0.142 (0.153) from training."""
    law = stats.lognorm(0.8, scale=np.exp(3.0))
    # A share of one value at the quantile F has the distance share * max(F, 1 - F).
    value = float(law.ppf(distance / share))
    training = law.ppf((np.arange(rows) + 0.5) / rows)
    known = Buckets.from_values(training, baseline.numeric["price"].edges)
    other = replace(baseline, rows=rows, numeric={**baseline.numeric, "price": known}, finer={})

    def stuck(_hour: int, made: Rows) -> None:
        made["price"][: round(share * len(made["price"]))] = value

    profiles = steady_hours(24, 92, stuck, baseline=other)
    found = judge(FeatureStatistics(), profiles, other, start)
    (gained,) = [
        finding
        for finding in found
        if (finding.subject, finding.metric) == ("price", "gained.share")
    ]
    assert "stuck, or a default in place of values" in gained.reason
    assert gained.low is not None
    assert gained.high is not None
    assert 0.1 <= gained.low <= share <= gained.high
    drifted = price(judge(FeatureDrift(), profiles, other, start))
    assert gained.severity.alarming is not drifted.severity.alarming
    calm = [finding for finding in found if finding.subject != "price"]
    assert not any(finding.severity.alarming for finding in calm)


@pytest.mark.parametrize("share", [0.12, 0.09])
@pytest.mark.parametrize("rows", [3_000, 20_000])
def test_a_vanished_category_alarms(
    steady_hours: Make, baseline: Baseline, start: datetime, share: float, rows: int
) -> None:
    """A category of 12 % (9 %) in training is gone for a day of 2,200 predictions: warning."""
    counts = Counter({"DE": round((1 - share) * rows), "FR": round(share * rows)})
    known = replace(
        baseline, rows=rows, categorical={"country": CategoryBaseline(counts)}, segments={}
    )

    def gone(_hour: int, made: Rows) -> None:
        made["country"][:] = "DE"

    found = judge(FeatureStatistics(), steady_hours(24, 92, gone, baseline=known), known, start)
    (lost,) = [
        finding
        for finding in found
        if (finding.subject, finding.metric) == ("country", "lost.share")
    ]
    assert lost.severity.alarming, lost.reason
    assert "0 % of the values are 'FR'" in lost.reason
    assert lost.low is not None
    assert lost.high is not None
    assert lost.low <= share <= lost.high
