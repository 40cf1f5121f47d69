"""Embedding drift: do embeddings lie where they lay in training?

A bounded sample of the day's embeddings, chosen by the predictions' ids, is compared with a sample
of the training set's, every sixth hour. Two questions are asked of it. How far has the centroid
moved, as a share of the cloud's radius, against what dealing the vectors at random gives? And how
well can a classifier tell the day's vectors from training's, by the area under its ROC curve? The
first sees a shift of all vectors, the second also one in few coordinates, and a change of spread.
What the classifier finds is a lower bound. An alarm is taken from the calm end of the interval,
beyond what chance does once in a thousand times.

Below the sample in which a critical distance would be found nine times in ten, nothing is said. So
it is where the dimension has changed, or training had no such column. Embeddings that cannot be
read are counted and said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.checks.embedding_drift.embedding_day import EmbeddingDay, embeddings_of
from mlmon.analyzers.drift.drift import ALPHA, POWER
from mlmon.analyzers.profiles.kinds.embedding import KIND
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.references.daily_window import LOOKBACK, DailyWindow, daily_windows
from mlmon.analyzers.statistics.centroid_distance import centroid_distance, minimum_rows
from mlmon.analyzers.statistics.domain_classifier import FEWEST, domain_auc
from mlmon.formatting import count, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.stored_vectors import StoredVectors

STEP = 6 * HOUR
DISTANCE, AUC = "centroid.distance", "classifier.auc"
MOST_ROWS = 1_000
"""More vectors of either side make the answer slower and hardly surer."""


class EmbeddingDrift(Analyzer[PredictionProfile]):
    """Distance of each embedding's day from the training set."""

    name = "embedding_drift"
    question = "Do embeddings lie where they lay in training?"
    advice = (
        "Ask what makes the embeddings: another version of the encoder, another language or kind "
        "of text, texts cut short or empty. An encoder that changed makes every model trained on "
        "the old one wrong, whatever its other features: retrain, or go back. If the texts have "
        "changed, retrain on them and make a baseline of the new version."
    )
    needs = (
        Needs("prediction", LOOKBACK),
        Needs(KIND, LOOKBACK),
    )
    metrics = (
        Metric(
            DISTANCE,
            "Embeddings' centroids",
            "How far have the centroids moved?",
            Limits(0.25, 0.5, meaning="radii of the cloud of training"),
        ),
        Metric(
            AUC,
            "Embeddings told apart",
            "How well can the day be told from training?",
            Limits(0.6, 0.7),
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=2, layer="feature", step=STEP)

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield two findings per sixth hour, model version in service, and embedding."""
        logged = context.of(KIND)
        for day in daily_windows(context, STEP):
            found = embeddings_of(day, logged)
            known = day.baseline.embeddings if day.baseline else {}
            for name in sorted(found.keys() | known.keys()):
                sample = found.get(name, EmbeddingDay())
                yield from self._judge(day, name, sample, known.get(name))

    def _judge(
        self, day: DailyWindow, name: str, sample: EmbeddingDay, known: StoredVectors | None
    ) -> Iterator[Finding]:
        skip_reason = day.skip_reason() or day.incomplete() or _obstacle(day, name, sample, known)
        if skip_reason or known is None:
            yield self.unknown(DISTANCE, name, day.window, str(skip_reason), **day.about)
        else:
            yield from self._compare(day, name, sample, known)
        if sample.unlike:
            subject = f"{name} (unreadable)"
            reason = f"{sample.unlike_says(name)} {span(day.window)}: they are left out."
            yield self.unknown(DISTANCE, subject, day.window, reason, **day.about)

    def _compare(
        self, day: DailyWindow, name: str, sample: EmbeddingDay, known: StoredVectors
    ) -> Iterator[Finding]:
        current, reference = sample.vectors(known.dimension, MOST_ROWS), known.vectors()[:MOST_ROWS]
        about = {**day.about, "sample_count": len(current), "baseline_count": len(reference)}
        where = f"{count(len(current), 'embedding')} {span(day.window)}"
        distance = centroid_distance(current, reference, ALPHA)
        yield self._finding(
            (DISTANCE, name, day),
            (distance.value, distance.interval.low, distance.interval.high),
            f"its centroid lies {number(distance.value)} times the radius of training's cloud from "
            f"training's, of which {number(distance.value - distance.interval.low)} may be chance, "
            f"in {where}",
            baseline_value=0.0,
            p_value=distance.p_value,
            **about,
        )
        area = domain_auc(current, reference, 1 - ALPHA)
        yield self._finding(
            (AUC, name, day),
            (area.value, area.interval.low, area.interval.high),
            f"a classifier tells it from training with ROC AUC {number(area.value)} (0.5 is by "
            f"chance), at least {number(area.interval.low)}, in {where}",
            baseline_value=0.5,
            **about,
        )

    def _finding(
        self,
        subject: tuple[str, str, DailyWindow],
        measured: tuple[float, float, float],
        says: str,
        **known: Any,
    ) -> Finding:
        metric, name, day = subject
        value, low, high = measured
        severity = self.limits[metric].judge(low, high)
        verdict = f"{name} moved" if severity.alarming else f"{name} is as in training"
        return self.finding(
            metric,
            name,
            day.window,
            severity,
            value=value,
            low=low,
            high=high,
            reason=f"{verdict}: {says}.",
            **known,
        )


def _obstacle(
    day: DailyWindow, name: str, sample: EmbeddingDay, known: StoredVectors | None
) -> str | None:
    """Return why an embedding cannot be compared, None if it can."""
    if known is None or known.rows == 0:
        return (
            f"Embedding {name} is in the log but the training set of {day.title} has none of it: "
            "write it to the training set and make a baseline again."
        )
    if sample.dimension not in (0, known.dimension):
        return (
            f"Embeddings {name} have {sample.dimension} numbers {span(day.window)}, in training "
            f"{known.dimension}: what makes them has changed, they cannot be compared."
        )
    reference = known.vectors()[:MOST_ROWS]
    if not np.ptp(reference, axis=0).any():
        return f"Embeddings {name} are all equal in training: no distance can be counted by them."
    critical = EmbeddingDrift.limits[DISTANCE].critical
    needed = minimum_rows(critical, len(reference), ALPHA, POWER)
    if needed is None or len(reference) < FEWEST:
        return (
            f"The baseline of {day.title} has {count(len(reference), 'embedding')} {name}, too few "
            f"to find a distance of {critical}: log or keep more."
        )
    rows = len(sample.vectors(known.dimension, MOST_ROWS))
    if rows >= max(needed, FEWEST):
        return None
    return (
        f"{count(rows, 'embedding')} {name} {span(day.window)}; {needed} are needed to find a "
        f"distance of {critical} nine times in ten."
    )
