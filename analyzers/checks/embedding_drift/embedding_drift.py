"""Embedding drift: distance of embeddings from the training set.

A bounded sample of the day's embeddings, chosen by the predictions' ids, is compared with a sample
of the training set's, every sixth hour, in two ways: the shift of the centroid as a share of the
training cloud's radius, tested by permutation; and the ROC AUC of a domain classifier that
separates the day's vectors from training's. The first sees a shift of all vectors, the second also
a shift in few coordinates and a change of spread. The AUC is a lower bound. Severity uses the
conservative end of the interval at a significance of 0.001.

A small sample needs a larger distance of the centroids to alarm, but any sample can alarm. Where a
critical distance would not be detected with a power of 0.9, or the distance lies above its limit
within the sampling error, the days before are added (2, 3, 7, 14 days), until there is a
verdict. It is `unknown` where even they do not suffice, where the dimension has changed, or
where training has no such column. Embeddings that cannot be read are counted and reported.

Every hour the last 2, 3, 6 and 12 hours are judged besides, and yield nothing but a centroid
distance that leaves no doubt: each hour lies beyond the limit, and together they lie beyond it with
the conservative end both from training and from the same hours of seven to thirteen days before,
by twice what chance exceeds once in a thousand times, and twice as far as those days lie from each
other. One such window opens an alert: a replaced encoder is known after two hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.embedding_drift.embedding_day import (
    EmbeddingDay,
    by_name,
    embeddings_of,
)
from mlmon.analyzers.drift.drift import ALPHA, POWER
from mlmon.analyzers.drift.early_drift import EARLY, FARTHER, FEWEST_DAYS
from mlmon.analyzers.profiles.kinds.embedding import KIND
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.references.daily_window import (
    DAILY_LOOKBACK,
    EVALUATION_INTERVAL,
    DailyWindow,
    daily_windows,
)
from mlmon.analyzers.references.growing_window import LENGTHS, POOLED, longer_windows
from mlmon.analyzers.references.seasons import past_days
from mlmon.analyzers.statistics.centroid_distance import centroid_distance, minimum_rows
from mlmon.analyzers.statistics.domain_classifier import MIN_VECTORS, domain_auc
from mlmon.formatting import count, number, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.stored_vectors import StoredVectors
    from mlmon.analyzers.profiles.kinds.embedding import EmbeddingProfile
    from mlmon.analyzers.statistics.centroid_distance import CentroidDistance

DISTANCE, AUC = "centroid.distance", "classifier.auc"
MOST_ROWS = 1_000
"""More vectors of either side take longer and hardly narrow the interval."""


class EmbeddingDrift(Analyzer[PredictionProfile]):
    """Distance of each embedding's day from the training set."""

    name = "embedding_drift"
    question = "Are embeddings distributed as in the training set?"
    advice = (
        "Check the source of the embeddings: another version of the encoder, another language or "
        "kind of text, texts cut short or empty. An encoder that changed makes every model trained "
        "on the old one wrong: retrain, or go back. If the texts have "
        "changed, retrain on them and make a baseline of the new version."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            "Another version of the encoder; texts in another language, cut short or empty.",
            "Go back to the encoder of the training, or retrain on the new one.",
        )
    }
    windows = LENGTHS
    early = EARLY
    needs = (
        Needs("prediction", DAILY_LOOKBACK),
        Needs(KIND, DAILY_LOOKBACK, pooled=POOLED),
    )
    metrics = (
        Metric(
            DISTANCE,
            "Centroid shift of embeddings",
            "How far has the centroid moved, in training radii?",
            Limits(0.25, 0.5, meaning="training radii"),
        ),
        Metric(
            AUC,
            "Domain classifier AUC",
            "How well does a classifier separate the day from training?",
            Limits(0.6, 0.7),
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=2, layer="feature", step=EVALUATION_INTERVAL
    )

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield two findings per sixth hour, model version in service, and embedding."""
        logged = context.of(KIND)
        for day in daily_windows(context, EVALUATION_INTERVAL):
            found = embeddings_of(day, logged)
            known = day.baseline.embeddings if day.baseline else {}
            for name in sorted(found.keys() | known.keys()):
                sample = found.get(name, EmbeddingDay())
                yield from self._judge(day, name, sample, known.get(name), context)
        for day in daily_windows(context, HOUR):
            if day.baseline is None or day.skip_reason() or day.incomplete():
                continue
            for name, reference in sorted(day.baseline.embeddings.items()):
                if reference.rows:
                    yield from self._early(day, name, reference, context)

    def _early(
        self,
        day: DailyWindow,
        name: str,
        known: StoredVectors,
        context: AnalysisContext[PredictionProfile],
    ) -> Iterator[Finding]:
        """Yield that the last hours' embeddings drifted without doubt; else nothing."""
        found = early_embeddings(day, name, known, context)
        if found is None:
            return
        (window, current, distance), usual = found
        value, interval = distance.value, distance.interval
        judged = self._finding(
            (DISTANCE, name, window),
            (value, interval.low, interval.high),
            f"centroid moved by {number(value)} training radii (± {number(value - interval.low)}) "
            f"in {count(len(current), 'embedding')} {span(window)}",
            baseline_value=0.0,
            p_value=distance.p_value,
            sample_count=len(current),
            baseline_count=len(known.vectors()[:MOST_ROWS]),
            onset_start=window.start,
            onset_end=window.start + HOUR,
            **day.about,
        )
        if judged.severity.alarming:
            reason = (
                f"{judged.reason.removesuffix('.')}; certain: {number(usual.value)} radii from the "
                "same hours of the days before."
            )
            yield replace(judged, certain=True, reason=reason)

    def _judge(
        self,
        day: DailyWindow,
        name: str,
        sample: EmbeddingDay,
        known: StoredVectors | None,
        context: AnalysisContext[PredictionProfile],
    ) -> Iterator[Finding]:
        skip_reason = (
            day.skip_reason() or day.incomplete() or _skip_reason(day, name, sample, known)
        )
        if skip_reason or known is None:
            yield self.unknown(DISTANCE, name, day.window, str(skip_reason), **day.about)
        else:
            grown = _grown(day, name, sample, known, context, self.windows)
            yield from self._compare(day, name, grown, known)
        if sample.unlike:
            subject = f"{name} (unreadable)"
            reason = f"{sample.unreadable_sentence(name)} {span(day.window)}: they are left out."
            yield self.unknown(DISTANCE, subject, day.window, reason, **day.about)

    def _compare(
        self, day: DailyWindow, name: str, sample: EmbeddingSample, known: StoredVectors
    ) -> Iterator[Finding]:
        window, current, reference = sample.window, sample.vectors, known.vectors()[:MOST_ROWS]
        too_few = _too_few(day, name, window, len(current), len(reference))
        distance = sample.distance
        if distance is None or (too_few and not sample.alarming):
            rows = len(current)
            yield self.unknown(DISTANCE, name, window, too_few, sample_count=rows, **day.about)
            return
        about = {**day.about, "sample_count": len(current), "baseline_count": len(reference)}
        where = f"{count(len(current), 'embedding')} {span(window)}"
        yield self._finding(
            (DISTANCE, name, window),
            (distance.value, distance.interval.low, distance.interval.high),
            f"centroid moved by {number(distance.value)} training radii "
            f"(± {number(distance.value - distance.interval.low)}) in {where}",
            baseline_value=0.0,
            p_value=distance.p_value,
            **about,
        )
        if too_few:
            return
        area = domain_auc(current, reference, 1 - ALPHA)
        yield self._finding(
            (AUC, name, window),
            (area.value, area.interval.low, area.interval.high),
            f"domain classifier AUC {number(area.value)} (lower bound "
            f"{number(area.interval.low)}; 0.5 is no difference) in {where}",
            baseline_value=0.5,
            **about,
        )

    def _finding(
        self,
        subject: tuple[str, str, Window],
        measured: tuple[float, float, float],
        measurement: str,
        **known: Any,
    ) -> Finding:
        metric, name, window = subject
        value, low, high = measured
        limits = self.limits[metric]
        severity, limit = limits.judge(low, high), number(limits.warning)
        if severity.alarming:
            passed = limits.critical if severity is Severity.CRITICAL else limits.warning
            reason = f"{name} drifted; {measurement}, limit {number(passed)}."
        elif value >= limits.warning:
            severity = Severity.UNKNOWN
            reason = f"{name} is not certain to pass the limit of {limit}; {measurement}."
        else:
            reason = f"{name}: no drift; {measurement}, limit {limit}."
        return self.finding(
            metric, name, window, severity, value=value, low=low, high=high, reason=reason, **known
        )


@dataclass(frozen=True)
class EmbeddingSample:
    """The vectors of a day, or of several, and how far their centroid lies from training's.

    Args:
        window: Their time.
        vectors: At most `MOST_ROWS`.
        distance: None without vectors.
    """

    window: Window
    vectors: NDArray[np.float64]
    distance: CentroidDistance | None

    @property
    def alarming(self) -> bool:
        """Whether the conservative end passes the limit of a warning."""
        limit = EmbeddingDrift.limits[DISTANCE].warning
        return self.distance is not None and self.distance.interval.low >= limit

    @property
    def near_limit(self) -> bool:
        """Whether the distance lies above the limit of a warning, the conservative end below."""
        if self.distance is None:
            return False
        interval = self.distance.interval
        limits = EmbeddingDrift.limits[DISTANCE]
        return limits.unproven(self.distance.value, interval.low, interval.high)


def _sample(
    window: Window,
    embeddings: EmbeddingDay,
    known: StoredVectors,
    shorter: EmbeddingSample | None = None,
) -> EmbeddingSample:
    """Compare a window's vectors; those of a shorter window that hold them all are compared."""
    vectors = embeddings.vectors(known.dimension, MOST_ROWS)
    if shorter is not None and np.array_equal(vectors, shorter.vectors):
        return replace(shorter, window=window)
    reference = known.vectors()[:MOST_ROWS]
    distance = centroid_distance(vectors, reference, ALPHA) if len(vectors) else None
    return EmbeddingSample(window, vectors, distance)


def _grown(
    day: DailyWindow,
    name: str,
    embeddings: EmbeddingDay,
    known: StoredVectors,
    context: AnalysisContext[PredictionProfile],
    lengths: Sequence[timedelta],
) -> EmbeddingSample:
    """Return the sample of the shortest window with a verdict, else that of the longest.

    A day that lies near the limit is not called unchanged because the days before it were calm:
    there, only a longer window that alarms counts.
    """
    best, rows = _sample(day.window, embeddings, known), len(known.vectors()[:MOST_ROWS])
    if best.alarming or not (best.near_limit or _few(len(best.vectors), rows)):
        return best
    logged: Sequence[EmbeddingProfile] = context.pooled(KIND)
    for window in longer_windows(day.window.end, lengths):
        few = _few(len(best.vectors), rows)
        if best.alarming or len(best.vectors) >= MOST_ROWS or not (best.near_limit or few):
            break
        hours = [hour for hour in logged if window.start <= hour.window.start < window.end]
        found = by_name(day.model[0], hours).get(name, EmbeddingDay())
        longer = _sample(window, found, known, best)
        if longer.alarming or few:
            best = longer
    return best


CertainSample = tuple[Window, "NDArray[np.float64]", "CentroidDistance"]
"""A window, its vectors, and how far their centroid lies from training's."""


def early_embeddings(
    day: DailyWindow, name: str, known: StoredVectors, context: AnalysisContext[Any]
) -> tuple[CertainSample, CentroidDistance] | None:
    """Return the shortest window whose drift leaves no doubt, and its distance from days before.

    Args:
        day: The day that ends with it.
        name: Of the embedding.
        known: The training set's.
        context: Of the analyzer.
    """
    logged, end = context.of(KIND), day.window.end
    reference = known.vectors()[:MOST_ROWS]
    limit, found = EmbeddingDrift.limits[DISTANCE].warning, 0

    def vectors_of(profiles: Sequence[EmbeddingProfile]) -> NDArray[np.float64]:
        sample = by_name(day.model[0], profiles).get(name, EmbeddingDay())
        return sample.vectors(known.dimension, MOST_ROWS)

    for back in range(1, EARLY[-1] // HOUR + 1):
        hour = Window(end - back * HOUR, end - (back - 1) * HOUR)
        vectors = vectors_of(logged.within(hour))
        if len(vectors):
            chance = math.sqrt(1 / len(vectors) + 1 / len(reference))
            if _radii(vectors, reference) < max(limit, FARTHER * chance):
                return None
            found += 1
        elif back == 1:
            return None
        if back * HOUR not in EARLY or found < 2:  # noqa: PLR2004 - one batch is not enough
            continue
        window = Window(end - back * HOUR, end)
        current = vectors_of(logged.within(window))
        distance = _certainly(current, reference, limit)
        if distance is None:
            continue
        usual = _unlike_days_before(current, window, vectors_of, context.pooled(KIND), limit)
        if usual is not None:
            return (window, current, distance), usual
    return None


def _unlike_days_before(
    current: NDArray[np.float64],
    window: Window,
    vectors_of: Callable[[Sequence[EmbeddingProfile]], NDArray[np.float64]],
    pooled: Sequence[EmbeddingProfile],
    limit: float,
) -> CentroidDistance | None:
    """Return the distance from the same hours of the days before; None where it leaves doubt."""
    days = []
    for past in past_days(window, POOLED // DAY - 1):
        hours = [one for one in pooled if past.start <= one.window.start < past.end]
        vectors = vectors_of(hours)
        if len(vectors):
            days.append(vectors)
    if len(days) < FEWEST_DAYS:
        return None
    others = [np.concatenate([*days[:place], *days[place + 1 :]]) for place in range(len(days))]
    between = sorted(_radii(one, rest) for one, rest in zip(days, others, strict=True))
    usual = _certainly(current, np.concatenate(days)[:MOST_ROWS], limit)
    # The farthest day is left out: it may have had a fault.
    return None if usual is None or usual.value < FARTHER * between[-2] else usual


def _certainly(
    current: NDArray[np.float64], reference: NDArray[np.float64], limit: float
) -> CentroidDistance | None:
    """Return the distance of two samples where it leaves no doubt, else None."""
    if _radii(current, reference) < limit:
        return None
    distance = centroid_distance(current, reference, ALPHA)
    noise = distance.value - distance.interval.low
    certain = distance.interval.low >= limit and distance.value >= FARTHER * noise
    return distance if certain else None


def _radii(current: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the distance of two centroids in radii of the reference; 0 where it has none."""
    centre = reference.mean(axis=0)
    radius = float(np.sqrt(((reference - centre) ** 2).sum(axis=1).mean()))
    return float(np.linalg.norm(current.mean(axis=0) - centre)) / radius if radius > 0 else 0.0


def _skip_reason(
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
            f"{known.dimension}: what makes them has changed, not compared."
        )
    reference = known.vectors()[:MOST_ROWS]
    if not np.ptp(reference, axis=0).any():
        return f"Embeddings {name} are all equal in training: a distance is not defined."
    return None


def _few(rows: int, reference_rows: int) -> bool:
    """Whether so many embeddings cannot be called unchanged."""
    needed = minimum_rows(EmbeddingDrift.limits[DISTANCE].critical, reference_rows, ALPHA, POWER)
    return needed is None or reference_rows < MIN_VECTORS or rows < max(needed, MIN_VECTORS)


def _too_few(day: DailyWindow, name: str, window: Window, rows: int, reference_rows: int) -> str:
    """Return why embeddings cannot be called unchanged; empty if they can."""
    if not _few(rows, reference_rows):
        return ""
    critical = EmbeddingDrift.limits[DISTANCE].critical
    needed = minimum_rows(critical, reference_rows, ALPHA, POWER)
    if needed is None or reference_rows < MIN_VECTORS:
        return (
            f"Embeddings {name} cannot be judged: the baseline of {day.title} has "
            f"{count(reference_rows, 'embedding')}, too few to detect a distance of {critical}: "
            "log or keep more."
        )
    return (
        f"Embeddings {name} cannot be judged: {count(rows, 'embedding')} {span(window)}; "
        f"{max(needed, MIN_VECTORS)} are needed to detect a distance of {critical} with a power of "
        "0.9."
    )
