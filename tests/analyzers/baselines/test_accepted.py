"""Accepted references: what later windows are compared with, and earlier ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.accepted import (
    AcceptedReference,
    AcceptedReferences,
    write_categories,
    write_numbers,
)
from mlmon.analyzers.checks import discover
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.performance.reference_metrics import offline_performance
from mlmon.analyzers.statistics.buckets import merge

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.json_object import Json

CHANGED, ACCEPTED, END = 36, 72, 120


def reference(
    baseline: Baseline, start: datetime, part: ReferencePart, body: Json, **known: Any
) -> AcceptedReference:
    """Return a reference that is accepted at hour 72, of what was counted since hour 36."""
    counted = Window(start + CHANGED * HOUR, start + ACCEPTED * HOUR)
    accepted = start + ACCEPTED * HOUR
    chosen: dict[str, Any] = {"by": "ada", "why": "new currency", "incident": "i1"} | known
    return AcceptedReference(
        baseline.model, baseline.id, part, counted, accepted, body=body, rows=900, **chosen
    )


def judge(
    analyzer: Analyzer[Any],
    profiles: list[Any],
    baseline: Baseline,
    period: Window,
    *references: AcceptedReference,
) -> list[Finding]:
    """Return the findings of a period with some references."""
    accepted = AcceptedReferences(references).moved
    context = AnalysisContext(period, profiles, {baseline.model: baseline}, accepted=accepted)
    return list(analyzer.evaluate(context))


def dearer(hour: int, rows: dict[str, Any]) -> None:
    """Change prices and scores for good, from hour 36 on."""
    if hour >= CHANGED:
        rows["price"] = rows["price"] * 5
        rows["score"] = rows["score"] * 0.4


@pytest.fixture
def hours(steady_hours: Any) -> list[Any]:
    """Five days of traffic that changed for good in the second."""
    found: list[Any] = steady_hours(END, change=dearer)
    return found


def since_the_change(hours: list[Any], start: datetime) -> list[Any]:
    """Return the hours that a reference is counted of."""
    window = Window(start + CHANGED * HOUR, start + ACCEPTED * HOUR)
    return [hour for hour in hours if window.start <= hour.window.start < window.end]


@pytest.mark.parametrize(
    ("analyzer", "part", "subject"),
    [
        (FeatureDrift(), ReferencePart("feature", "price"), "price"),
        (ScoreShift(), ReferencePart("score"), "ml.prediction.score"),
    ],
)
def test_later_windows_are_compared_with_the_new_normal(
    hours: list[Any],
    baseline: Baseline,
    start: datetime,
    analyzer: Analyzer[Any],
    part: ReferencePart,
    subject: str,
) -> None:
    """An alarm up to the acceptance stays as it was found; after it, the same traffic is ok."""
    counted = since_the_change(hours, start)
    numbers = merge(
        hour.score if part.kind == "score" else hour.numeric["price"] for hour in counted
    )
    moved = reference(baseline, start, part, {"numbers": write_numbers(numbers)})
    period = Window(start + 48 * HOUR, start + END * HOUR)
    before = judge(analyzer, hours, baseline, period)
    after = judge(analyzer, hours, baseline, period, moved)
    assert len(before) == len(after)
    assert all(one.severity.alarming for one in before if one.subject == subject)
    # The last window that ends by then was compared with training, so a replay finds the same.
    for old, new in zip(before, after, strict=True):
        if new.end <= moved.accepted:
            assert new == old
        elif new.subject != subject:
            # Only its q-value, which depends on all features, may differ.
            assert (new.severity, new.value) == (old.severity, old.value)
        else:
            # Where the new values share a bucket of training's tail, it hides the distance.
            assert new.calm, new.reason
            assert f"; {moved.note}" in new.reason
            assert new.baseline_count == numbers.n


def test_revoked_it_is_compared_with_training_again(
    hours: list[Any], baseline: Baseline, start: datetime
) -> None:
    """Windows that end after the revocation alarm as if nothing had been accepted."""
    numbers = merge(hour.numeric["price"] for hour in since_the_change(hours, start))
    revoked = start + 96 * HOUR
    moved = reference(
        baseline,
        start,
        ReferencePart("feature", "price"),
        {"numbers": write_numbers(numbers)},
        revoked=revoked,
        revoked_by="bob",
    )
    period = Window(start + 73 * HOUR, start + END * HOUR)
    found = judge(FeatureDrift(), hours, baseline, period, moved)
    usual = judge(FeatureDrift(), hours, baseline, period)
    for new, old in zip(found, usual, strict=True):
        if new.subject == "price" and new.end <= revoked:
            assert new.calm, new.reason
        elif new.end > revoked:
            assert new == old


def test_a_later_change_is_still_found(
    steady_hours: Any, baseline: Baseline, start: datetime
) -> None:
    """What is accepted is that change, not every other one: prices that move on alarm again."""

    def further(hour: int, rows: dict[str, Any]) -> None:
        dearer(hour, rows)
        if hour >= 96:
            rows["price"] = rows["price"] * 5

    hours = steady_hours(END, change=further)
    numbers = merge(hour.numeric["price"] for hour in since_the_change(hours, start))
    part = ReferencePart("feature", "price")
    moved = reference(baseline, start, part, {"numbers": write_numbers(numbers)})
    found = [
        one
        for one in judge(
            FeatureDrift(),
            hours,
            baseline,
            Window(start + 73 * HOUR, start + END * HOUR),
            moved,
        )
        if one.subject == "price"
    ]
    before = [one for one in found if one.end <= start + 96 * HOUR]
    assert before
    assert all(one.calm for one in before)
    assert found[-1].severity is Severity.CRITICAL
    assert "drifted" in found[-1].reason


@pytest.mark.parametrize(
    ("part", "body"),
    [
        (ReferencePart("score"), "numbers"),
        (ReferencePart("feature", "price"), "numbers"),
        (ReferencePart("feature", "country"), "categories"),
        (ReferencePart("segment", "country=DE"), "counts"),
        (ReferencePart("metric", "roc_auc"), "value"),
    ],
)
def test_each_part_moves_alone(
    baseline: Baseline, start: datetime, part: ReferencePart, body: str
) -> None:
    """A document read back moves the same part; all others, and the id, stay the baseline's."""
    assert baseline.score is not None
    bodies: dict[str, Json] = {
        "numbers": {
            "numbers": write_numbers(
                baseline.numeric["price"] if part.kind == "feature" else baseline.score
            )
        },
        "categories": {"categories": write_categories({"DE": 5, "XX": 7}, 2)},
        "counts": {"counts": [1] * (len(baseline.segment_edges) + 1)},
        "value": {"value": 0.61},
    }
    made = reference(baseline, start, part, bodies[body])
    again = AcceptedReference.from_document(made.to_document())
    assert again.to_document() == made.to_document()
    assert again == made or body == "numbers"  # tuples became lists
    moved = AcceptedReferences([again]).moved(baseline, made.accepted + HOUR)
    assert AcceptedReferences([again]).moved(baseline, made.accepted) is baseline
    assert moved.id == baseline.id
    assert moved.accepted == {part: again}
    changed = {
        name
        for name in ("score", "numeric", "categorical", "segments", "metrics", "labeled")
        if getattr(moved, name) != getattr(baseline, name)
    }
    expected = {"categories": "categorical", "counts": "segments", "value": "metrics"}
    assert changed <= ({expected[body]} if body in expected else set())
    if body == "categories":
        assert moved.categorical["country"].n == 14
    if body == "counts":
        assert moved.segments["country"]["DE"].rows == len(baseline.segment_edges) + 1
        assert moved.segments["country"]["DE"].labeled(baseline.segment_edges) is not None
    if body == "value":
        found = offline_performance(moved, "roc_auc", 0.3, 0.99)
        assert found is not None
        assert found.value == 0.61
    if part.kind in {"score", "feature"}:
        gone = "ml.prediction.score" if part.kind == "score" else part.name
        assert gone not in moved.finer


def test_the_last_of_two_references_counts(baseline: Baseline, start: datetime) -> None:
    """A part that is accepted twice is compared with what was accepted last."""
    part = ReferencePart("metric", "f1")
    first = reference(baseline, start, part, {"value": 0.5})
    second = AcceptedReference(
        baseline.model,
        baseline.id,
        part,
        first.counted,
        first.accepted + DAY,
        "bob",
        "",
        "",
        body={"value": 0.4},
    )
    both = AcceptedReferences([second, first])
    assert both.moved(baseline, first.accepted + HOUR).metrics["f1"] == 0.5
    assert both.moved(baseline, second.accepted + HOUR).metrics["f1"] == 0.4
    assert AcceptedReferences([first]).moved(baseline, first.accepted).metrics == baseline.metrics


def test_which_findings_can_be_accepted() -> None:
    """Those that are compared with a part of a baseline, and no others."""
    accepting = {
        analyzer.name for analyzer in discover() if "reference_part" in vars(type(analyzer))
    }
    assert accepting == {
        "estimated_performance",
        "feature_drift",
        "feature_statistics",
        "live_performance",
        "score_shift",
        "segment_drift",
    }


def test_numbers_keep_every_digit(baseline: Baseline, start: datetime) -> None:
    """Counts and sums come back as they were, through JSON too."""
    import orjson

    numbers = baseline.numeric["price"]
    made = reference(
        baseline, start, ReferencePart("feature", "price"), {"numbers": write_numbers(numbers)}
    )
    document = orjson.loads(orjson.dumps(made.to_document()))
    moved = AcceptedReference.from_document(document).moved(baseline)
    assert moved.numeric["price"] == numbers
    assert np.isfinite(numbers.total or np.nan)
