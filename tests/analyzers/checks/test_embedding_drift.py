"""Embedding drift on vectors with a known answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.stored_vectors import StoredVectors, store_vectors
from mlmon.analyzers.checks.embedding_drift.embedding_day import EmbeddingDay
from mlmon.analyzers.checks.embedding_drift.embedding_drift import EmbeddingDrift

Make = Callable[..., list[Any]]
Vectors = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture
def judge(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> Callable[..., dict[str, Finding]]:
    """Judge the end of a day of embeddings; returns findings by subject and metric."""

    def act(embeddings: list[Any], known: Baseline = baseline, hours: int = 24) -> Any:
        predictions = steady_hours(hours, 4, baseline=known)
        period = Window(start + (hours - 1) * HOUR, start + hours * HOUR)
        context = AnalysisContext(
            period, predictions, {known.model: known}, {"embedding": embeddings}
        )
        return {
            f"{finding.subject} {finding.metric}": finding
            for finding in EmbeddingDrift().evaluate(context)
        }

    return act


def test_embeddings_as_in_training(
    embedding_hours: Make, judge: Callable[..., dict[str, Finding]]
) -> None:
    """Vectors from training's own distribution are ok; the value is what chance gives."""
    found = judge(embedding_hours(24))
    assert {finding.severity for finding in found.values()} == {Severity.OK}
    distance, area = found["text centroid.distance"], found["text classifier.auc"]
    assert distance.value == pytest.approx(0, abs=0.12)
    assert area.value == pytest.approx(0.5, abs=0.05)
    assert distance.sample_count == 480
    assert distance.p_value is not None
    assert distance.p_value > 0.01


def test_all_vectors_move(
    embedding_hours: Make, judge: Callable[..., dict[str, Finding]], baseline: Baseline
) -> None:
    """The distance is numpy's on the raw vectors and holds the shift; both metrics alarm."""
    logged: list[Vectors] = []

    def move(_hour: int, vectors: Vectors) -> Vectors:
        logged.append(vectors + 0.6)
        return logged[-1]

    found = judge(embedding_hours(24, change=move))
    distance, area = found["text centroid.distance"], found["text classifier.auc"]
    training = baseline.embeddings["text"].vectors()
    offset = np.concatenate(logged).mean(axis=0) - training.mean(axis=0)
    radius = np.sqrt(training.var(axis=0).sum())
    assert distance.value == pytest.approx(np.linalg.norm(offset) / radius, rel=1e-6)
    assert distance.low is not None
    assert distance.high is not None
    # Each coordinate moved by 0.6 of its deviation, so the centroid did by 0.6 of the radius.
    assert distance.low < 0.6 < distance.high
    assert distance.severity.alarming
    assert area.severity is Severity.CRITICAL
    assert distance.p_value == 0.001
    assert "text drifted" in distance.reason


def test_only_the_spread_changes(
    embedding_hours: Make, judge: Callable[..., dict[str, Finding]]
) -> None:
    """Texts cut short lie nearer to the centre: the centroid stays, the classifier sees it."""
    found = judge(embedding_hours(24, change=lambda _hour, vectors: vectors * 0.4))
    assert found["text centroid.distance"].severity is Severity.OK
    assert found["text classifier.auc"].severity is Severity.CRITICAL


def test_another_dimension(embedding_hours: Make, judge: Callable[..., dict[str, Finding]]) -> None:
    """Vectors of another length cannot be compared, and both lengths are reported."""
    found = judge(embedding_hours(24, change=lambda _hour, vectors: vectors[:, :3]))
    (finding,) = found.values()
    assert finding.severity is Severity.UNKNOWN
    assert "have 3 numbers" in finding.reason
    assert "in training 4" in finding.reason


def test_broken_ones_are_reported_and_left_out(
    embedding_hours: Make, judge: Callable[..., dict[str, Finding]]
) -> None:
    """A few unreadable embeddings do not stop the others from being judged."""

    def spoil(hour: int, vectors: Vectors) -> list[list[Any]]:
        rows: list[list[Any]] = vectors.tolist()
        if hour == 5:
            rows[0][2], rows[1] = float("nan"), [1.0, 2.0]
        return rows

    found = judge(embedding_hours(24, change=spoil))
    assert found["text centroid.distance"].severity is Severity.OK
    broken = found["text (unreadable) centroid.distance"]
    assert broken.severity is Severity.UNKNOWN
    assert "among 480 sampled embeddings text" in broken.reason
    assert "1 of 2 numbers and 1 with something else than numbers" in broken.reason


def test_missing_embeddings(
    embedding_hours: Make, judge: Callable[..., dict[str, Finding]]
) -> None:
    """Without any, and with too few, nothing is reported, and how many it takes."""
    for per_hour in (0, 2):
        found = judge(embedding_hours(24, per_hour))
        (finding,) = found.values()
        assert finding.severity is Severity.UNKNOWN
        assert f"Embeddings text cannot be judged: {per_hour * 24} embeddings" in finding.reason
        assert "are needed to detect a distance of 0.5" in finding.reason


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (None, "the training set of autobid 1 has none of it"),
        (store_vectors(np.random.default_rng(1).normal(size=(30, 4)), 30), "too few to detect"),
        (store_vectors(np.ones((200, 4)), 200), "all equal in training"),
    ],
)
def test_a_baseline_that_cannot_be_compared(
    embedding_hours: Make,
    judge: Callable[..., dict[str, Finding]],
    baseline: Baseline,
    stored: StoredVectors | None,
    says: str,
) -> None:
    """A training set without the embedding, with few, or with a constant one, is reported."""
    known = replace(baseline, embeddings={"text": stored} if stored else {})
    (finding,) = judge(embedding_hours(24), known).values()
    assert finding.severity is Severity.UNKNOWN
    assert says in finding.reason


def test_no_embedding_anywhere(
    judge: Callable[..., dict[str, Finding]], baseline: Baseline
) -> None:
    """A model without embeddings has no findings about them."""
    assert judge([], replace(baseline, embeddings={})) == {}


def test_hours_weigh_as_they_were_logged() -> None:
    """Where an hour kept a tenth, the hours that kept all are thinned to a tenth of theirs."""
    crowded = store_vectors([[1.0]] * 60, 60, logged=600)
    quiet = store_vectors([[0.0]] * 200, 200)
    day = EmbeddingDay([crowded, quiet, store_vectors([], 5)])
    vectors = day.vectors(1, 1_000)
    assert len(vectors) == 80
    assert vectors.mean() == pytest.approx(600 / 800)
    assert len(day.vectors(1, 50)) == 50
    assert len(day.vectors(2, 50)) == 0


def certain(
    steady_hours: Make, embeddings: list[Any], baseline: Baseline, start: datetime
) -> list[Finding]:
    """Return what is certain in the last eight of 178 hours."""
    predictions = steady_hours(178, 4)
    period = Window(start + 170 * HOUR, start + 178 * HOUR)
    context = AnalysisContext(
        period, predictions, {baseline.model: baseline}, {"embedding": embeddings}
    )
    return [finding for finding in EmbeddingDrift().evaluate(context) if finding.certain]


def test_another_encoder_is_certain_after_two_hours(
    steady_hours: Make, embedding_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Vectors two radii away from the 172nd hour on; one hour of them is not enough."""

    def moved(hour: int, vectors: Vectors) -> Vectors:
        return vectors + (2.0 if hour >= 172 else 0.0)

    def batch(hour: int, vectors: Vectors) -> Vectors:
        return vectors + (2.0 if hour == 172 else 0.0)

    found = certain(steady_hours, embedding_hours(178, change=moved), baseline, start)
    first = found[0]
    assert (first.metric, first.subject) == ("centroid.distance", "text")
    assert first.window == Window(start + 172 * HOUR, start + 174 * HOUR)
    assert first.severity is Severity.CRITICAL
    assert "radii from the same hours of the days before" in first.reason
    assert not certain(steady_hours, embedding_hours(178, change=batch), baseline, start)


def test_embeddings_that_change_with_the_hour_are_not_certain(
    steady_hours: Make, embedding_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Each day's hours differ from training in the same way."""

    def tide(hour: int, vectors: Vectors) -> Vectors:
        return vectors + (2.0 if hour % 24 < 12 else -2.0)

    assert not certain(steady_hours, embedding_hours(178, change=tide), baseline, start)
