"""Label profiles as values: stored, read again, added up."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.kinds.label import KIND, LabelKind, LabelProfile, Outcomes
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.statistics.labeled_scores import LabeledScores


def profile(
    start: datetime, baseline: Baseline, rows: dict[str, Any], labels: Any, **more: Any
) -> LabelProfile:
    """Count labeled rows of one hour."""
    assert baseline.score is not None
    return LabelProfile(
        ProfileKey(KIND, Window(start, start + HOUR), (*baseline.model, baseline.id)),
        SourceWatermark(len(labels), start),
        scores=LabeledScores.from_rows(rows["score"], labels, baseline.score.edges),
        **more,
    )


def test_a_profile_is_stored_whole(
    rng: np.random.Generator,
    baseline: Baseline,
    draw_rows: Callable[..., dict[str, Any]],
    start: datetime,
) -> None:
    """Its body, through JSON and back, makes the same profile."""
    rows = draw_rows(rng, 50)
    approved = Outcomes(30, 12, 99.5, Counter({3: 20, 9_600: 10}))
    known = {
        "approved": approved,
        "rejected": Outcomes(20, 1, 0.0, Counter({1: 20})),
        "threshold": 0.3,
        "errors": "0101",
        "contradicted": 1,
        "service": "api",
    }
    made = profile(start, baseline, rows, rng.random(50) < 0.4, **known)
    body = orjson.loads(orjson.dumps(made.body()))
    assert (
        LabelKind().read(made.profile_key, made.watermark, 1, body, {baseline.id: baseline}) == made
    )
    assert made.labeled == 50
    assert made.delays == Counter({1: 20, 3: 20, 9_600: 10})


def test_hours_add_up_to_what_all_rows_give(
    rng: np.random.Generator,
    baseline: Baseline,
    draw_rows: Callable[..., dict[str, Any]],
    start: datetime,
) -> None:
    """A total's scores are those of all rows at once; errors follow the order of time."""
    hours = [(draw_rows(rng, 40), rng.random(40) < 0.3) for _ in range(3)]
    parts = [
        profile(
            start + hour * HOUR,
            baseline,
            rows,
            labels,
            approved=Outcomes(10, 4, 1.5, Counter({hour + 1: 10})),
            errors=str(hour) * 2,
        )
        for hour, (rows, labels) in enumerate(hours)
    ]
    whole = merge(parts)
    scores = np.concatenate([rows["score"] for rows, _ in hours])
    labels = np.concatenate([labels for _, labels in hours])
    assert baseline.score is not None
    expected = LabeledScores.from_rows(scores, labels, baseline.score.edges)
    assert whole.scores is not None
    assert whole.scores.positives.counts == expected.positives.counts
    assert whole.scores.negatives.counts == expected.negatives.counts
    np.testing.assert_allclose(whole.scores.positive_sums, expected.positive_sums)
    assert whole.profile_key == parts[0].profile_key
    assert whole.watermark.documents == 120
    assert whole.errors == "001122"
    assert whole.approved == Outcomes(30, 12, 4.5, Counter({1: 10, 2: 10, 3: 10}))
