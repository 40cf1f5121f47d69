"""Refinements: a second, finer counting of the fields whose drift the buckets leave undecided.

The first counting is over a hundred buckets. Where a day's distance from the baseline may or may
not reach a limit, the hours of that day are counted again over ten times as many, that field only.
What is counted is stored, so that deleting logs later changes no verdict. A counting that does not
add up to the first one (logs partly gone, events come in between) is not stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, Window, floor
from mlmon.analyzers.drift.drift import ALPHA
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import (
    critical_distance,
    ks_distance,
    numeric_drift,
)
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.prediction import DATASET, NUMERIC_FIELD, PREDICTION_STEP, SCORE
from mlmon.analyzers.profiles.kinds.prediction import KIND as PREDICTION
from mlmon.analyzers.profiles.profile import VersionProfile
from mlmon.analyzers.profiles.quantities import DeclarationScope, Ranges, quantity
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.profiles.version_kind import VersionKind
from mlmon.analyzers.references.daily_window import DAILY_LOOKBACK, daily_windows
from mlmon.analyzers.statistics.buckets import Buckets, merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
    from mlmon.analyzers.references.daily_window import DailyWindow


KIND = "refinement"

NEGLIGIBLE = 0.1
"""What the buckets leave open of a distance is not counted finer below this share of the distance
that chance alone may add (`critical_distance`). The buckets of a baseline hold about a hundredth of
its rows each, so samples of up to some 180 rows are left as they are."""


def _edges(scope: DeclarationScope) -> tuple[float, ...]:
    field = scope.name.removeprefix(NUMERIC_FIELD)
    return scope.baseline.finer[field].edges if scope.baseline else ()


@dataclass(frozen=True, slots=True)
class RefinementProfile(VersionProfile):
    """One field of the predictions of one model version in one window.

    The series of its key is model name, version, baseline and field: the name of a numeric feature,
    or `ml.prediction.score`. Its watermark counts the predictions of the window's prediction
    profile.

    Args:
        counts: Predictions per bucket over the edges of the baseline's `finer`.
    """

    counts: tuple[int, ...] = quantity(Ranges("{name}", _edges))


class RefinementKind(VersionKind[RefinementProfile]):
    """Finer counts by hour, model version, baseline and field."""

    name = KIND
    dataset = DATASET
    step = PREDICTION_STEP
    profile = RefinementProfile
    derived_from = PREDICTION

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile_key for each hour and field of the days that are open.

        A day is looked at if some hour of it lies in the period.
        """
        last = min(floor(period.end + DAY, PREDICTION_STEP), logs.now)
        profiles = _predictions(
            logs, Window(floor(period.start, PREDICTION_STEP) - DAILY_LOOKBACK, last)
        )
        context = AnalysisContext(Window(period.start, last), profiles, logs.baselines)
        return {
            ProfileKey(KIND, hour.window, (*hour.profile_key.series, field)): hour.watermark
            for day in daily_windows(context)
            for field, hours in _open_fields(day)
            for hour in hours
        }

    def make(
        self, logs: Logs, series: tuple[str, ...], part: Window
    ) -> Iterator[RefinementProfile]:
        """Yield a profile for each hour whose counts add up to those of its prediction profile."""
        *model, field = series
        edges = logs.by_id[series[2]].finer[field].edges
        known = {
            prediction.window: sample_of(prediction, field)
            for prediction in _predictions(logs, part)
            if prediction.profile_key.series == tuple(model)
        }
        for profile in super().make(logs, series, part):
            coarse, fine = known.get(profile.window), Buckets(edges, profile.counts)
            if coarse and fine.coarsened(coarse.edges).counts == coarse.counts:
                yield profile

    def scope(
        self, series: tuple[str, ...], baselines: Mapping[str, Baseline]
    ) -> DeclarationScope | None:
        """Return the scope of the key's baseline and field; None if the baseline is gone."""
        field = series[3] if series[3] == SCORE else NUMERIC_FIELD + series[3]
        scope = super().scope(series, baselines)
        return scope.of(field) if scope else None

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model, version, baseline and field."""
        *version, field = profile_key.series
        key = replace(profile_key, series=tuple(version))
        return {**super().described(key), "profile.subject": field}


def sample_of(hour: PredictionProfile, field: str) -> Buckets | None:
    """Return an hour's coarse counts of a numeric feature or of the scores."""
    return hour.score if field == SCORE else hour.numeric.get(field)


def _predictions(logs: Logs, period: Window) -> list[PredictionProfile]:
    store = ProfileStore(logs.cluster, logs.namespace)
    return store.read(kinds()[PREDICTION], period, logs.by_id)


def _open_fields(day: DailyWindow) -> Iterator[tuple[str, Sequence[PredictionProfile]]]:
    """Yield the fields of a day whose verdict the buckets leave open, and the hours it is of."""
    baseline = day.baseline
    if baseline is None or day.skip_reason():
        return
    for field, hours in ((SCORE, day.own), *((name, day.traffic) for name in baseline.numeric)):
        reference = baseline.score if field == SCORE else baseline.numeric[field]
        samples = [sample for hour in hours if (sample := sample_of(hour, field))]
        finer = baseline.finer.get(field)
        if not (samples and reference and finer):
            continue
        rows = sum(sample.n for sample in samples)
        if rows and reference.n and _worth_counting(rows, samples, reference):
            yield field, hours


def _worth_counting(rows: int, samples: Sequence[Buckets], reference: Buckets) -> bool:
    """Whether buckets leave a verdict open, and finer ones would say noticeably more.

    Of a small sample chance leaves far more open than the buckets do. Those leave open the share of
    the reference's fullest bucket at most: F(k+1) - G(k) is F(k+1) - G(k+1) and that share.
    """
    noticeable = NEGLIGIBLE * critical_distance(rows, reference.n, ALPHA)
    if max(reference.counts) / reference.n < noticeable:
        return False
    sample = merge(samples)
    if not numeric_drift(sample, reference).left_open:
        return False
    distance = ks_distance(sample, reference)
    return distance.high - distance.low >= noticeable
