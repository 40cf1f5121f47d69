"""A distance above its limit that is not proven to lie there is unknown, and says what hides it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.checks.segment_drift import SegmentDrift
from mlmon.analyzers.compare.comparison import ComparedSide, compare
from mlmon.analyzers.drift.drift import Drift
from mlmon.analyzers.drift.moved import distance_sentence
from mlmon.analyzers.profiles.kinds.segment import SegmentCount, SegmentProfile
from mlmon.analyzers.statistics.buckets import Buckets

MODEL = ("autobid", "1")
Make = Callable[..., list[Any]]
COARSE = (5.0, 20.0, 60.0)
"""Edges between which a third of the prices lie: a distance is known to a third at the best."""


def coarsened(numbers: Buckets, edges: Sequence[float]) -> Buckets:
    """Return numbers over the nearest of their own edges."""
    kept = {min(numbers.edges, key=lambda own, edge=edge: abs(own - edge)) for edge in edges}
    return numbers.coarsened(tuple(sorted(kept)))


def judge(analyzer: Analyzer[Any], profiles: list[Any], baseline: Baseline) -> list[Finding]:
    """Return the findings of the last hour."""
    end = profiles[-1].window.end
    baselines = {baseline.model: baseline}
    return list(analyzer.evaluate(AnalysisContext(Window(end - HOUR, end), profiles, baselines)))


def over(profiles: list[Any], baseline: Baseline) -> list[Any]:
    """Return profiles as counted over the edges of another baseline."""
    series = (*baseline.model, baseline.id)
    return [
        replace(hour, profile_key=replace(hour.profile_key, series=series)) for hour in profiles
    ]


@pytest.mark.parametrize("shift", [1.0, 1.25])
def test_coarse_buckets_are_no_proof_of_calm(
    steady_hours: Make, baseline: Baseline, shift: float
) -> None:
    """A number whose buckets leave both "equal" and "beyond the limit" possible is unknown."""
    hours = steady_hours(24, 200, lambda _hour, rows: rows.update(price=rows["price"] * shift))
    numbers = baseline.numeric["price"]
    coarse = replace(
        numbers, edges=coarsened(numbers, COARSE).edges, counts=coarsened(numbers, COARSE).counts
    )
    known = replace(baseline, numeric={**baseline.numeric, "price": coarse}, finer={})
    profiles = [
        replace(hour, numeric={**hour.numeric, "price": coarsened(hour.numeric["price"], COARSE)})
        for hour in hours
    ]
    found = {
        finding.subject: finding for finding in judge(FeatureDrift(), over(profiles, known), known)
    }
    price = found["price"]
    assert price.value is not None
    assert price.low is not None
    assert price.low < 0.1 <= price.value
    assert price.severity is Severity.UNKNOWN, price.reason
    assert "no drift" not in price.reason
    moved = "may have moved by" if shift == 1.0 else "moved by"
    assert f"price {moved} KS {price.value:.3g}" in price.reason
    assert "cannot be told from the limit of 0.1 because buckets leave" in price.reason
    assert found["rating"].severity is Severity.OK


def test_coarse_scores_are_no_proof_of_calm(steady_hours: Make, baseline: Baseline) -> None:
    """Scores counted in four buckets, as in training: unknown, with what the buckets leave open."""
    assert baseline.score is not None
    hours = steady_hours(24, 200)
    edges = tuple(np.quantile(baseline.score.edges, (0.3, 0.5, 0.8)))
    coarse = coarsened(baseline.score, edges)
    profiles = [replace(hour, score=coarsened(hour.score, edges)) for hour in hours]
    score = replace(baseline.score, edges=coarse.edges, counts=coarse.counts)
    known = replace(baseline, score=score, finer={})
    (found,) = judge(ScoreShift(), over(profiles, known), known)
    assert found.severity is Severity.UNKNOWN, found.reason
    assert "cannot be told from the limit of 0.1 because buckets leave 0." in found.reason


def test_a_segment_near_its_limit_is_unknown(baseline: Baseline, start: datetime) -> None:
    """Scores of a country above the limit of segments within the sampling error: unknown."""
    known = baseline.segments["country"]["DE"]
    scores = np.random.default_rng(5).beta(2.0, 5.0, 400) * 0.75
    counts = Buckets.from_values(scores, baseline.segment_edges).counts
    profile = SegmentProfile(
        ProfileKey("segment", Window(start + DAY - HOUR, start + DAY), (*MODEL, baseline.id)),
        SourceWatermark(400, start + DAY),
        1,
        {"country": {"DE": SegmentCount(400, 0, counts)}},
    )
    found = {finding.segment: finding for finding in judge(SegmentDrift(), [profile], baseline)}
    germany = found["country=DE"]
    assert known.rows > 400
    assert germany.value is not None
    assert germany.low is not None
    assert germany.low < 0.15 <= germany.value
    assert germany.severity is Severity.UNKNOWN
    assert "cannot be told from the limit of 0.15 because" in germany.reason


@pytest.mark.parametrize(
    ("least", "most", "error", "q_value", "says"),
    [
        (0.14, 0.14, 0.08, 1e-6, "because 0.08 of it may be sampling error"),
        (0.05, 0.342, 0.03, 1e-6, "buckets leave 0.05 to 0.342 open, and 0.03 of it may"),
        (0.15, 0.17, 0.02, 0.2, "not significant among all distances compared"),
    ],
)
def test_the_sentence_names_what_hides_the_limit(
    least: float, most: float, error: float, q_value: float, says: str
) -> None:
    """Sampling, buckets or the number of comparisons: each is named beside value and limit."""
    value = (least + most) / 2
    drift = Drift(
        value, max(0.0, least - error), most + error, least, most - error, 1e-3, 900, 20_000
    )
    sentence = distance_sentence(drift, q_value, f"KS {value:.3g}", "900 predictions")
    assert "cannot be told from the limit of 0.1 because " in sentence
    assert says in sentence
    assert "no drift" not in sentence


def test_what_is_compared_by_hand_is_judged_alike() -> None:
    """`mlmon compare` calls a distance above its limit unknown where buckets hide it."""
    edges = (0.0, 1.0, 2.0)
    now, before = Buckets(edges, (0, 500, 500, 0)), Buckets(edges, (0, 500, 500, 0))
    sides = [ComparedSide(name, {"x": [of]}, {}) for name, of in (("now", now), ("then", before))]
    (row,) = compare(*sides)
    assert row.drift is not None
    assert row.drift.value == pytest.approx(0.25)
    assert row.severity is Severity.UNKNOWN


def test_a_drift_judges_by_its_own_limits() -> None:
    """A value below the limit of its method is calm, whatever another method's limit is."""
    drift = Drift(0.12, 0.08, 0.16, 0.11, 0.14, 1e-6, 900, 20_000, Limits(0.15, 0.3))
    assert drift.severity is Severity.OK
