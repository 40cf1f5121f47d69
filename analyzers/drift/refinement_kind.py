"""Refinements: a second, finer counting of the fields whose drift the buckets leave undecided.

The first counting is over a hundred buckets. Where a day's distance from the baseline may or may
not reach a limit, the hours of that day are counted again over ten times as many, that field only.
What is counted is stored, so that deleting logs later changes no verdict. A counting that does not
add up to the first one (logs partly gone, events come in between) is not stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, Window, floor, from_milliseconds
from mlmon.analyzers.drift.drift import numeric_drift
from mlmon.analyzers.drift.refinements import KIND, RefinementProfile
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    known_since,
    period_query,
    ranges,
    read_watermark,
)
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.profiles.kind import ProfileKind, kinds
from mlmon.analyzers.profiles.kinds.prediction_query import NUMERIC, SCORE, STEP
from mlmon.analyzers.profiles.kinds.predictions import DATASET
from mlmon.analyzers.profiles.kinds.predictions import KIND as PREDICTION
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.references.daily_window import LOOKBACK, daily_windows
from mlmon.analyzers.statistics.buckets import Buckets, merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kinds.predictions import PredictionProfile
    from mlmon.analyzers.references.daily_window import DailyWindow


class RefinementKind(ProfileKind[RefinementProfile]):
    """Finer counts by hour, model version, baseline and field."""

    name = KIND
    dataset = DATASET
    step = STEP

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile_key for each hour and field of the days that are open.

        A day is looked at if some hour of it lies in the period.
        """
        last = min(floor(period.end + DAY, STEP), logs.now)
        profiles = _predictions(logs, Window(floor(period.start, STEP) - LOOKBACK, last))
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
        name, version, baseline_id, field = series
        edges = logs.by_id[baseline_id].finer[field].edges
        known = {
            prediction.window: prediction
            for prediction in _predictions(logs, part)
            if prediction.profile_key.series == (name, version, baseline_id)
        }
        for piece in part.split(max(1, MOST_BUCKETS // (len(edges) + 2)) * STEP):
            for window, watermark, counts in _counted(logs, (name, version), piece, field, edges):
                hour = known.get(window)
                coarse = sample_of(hour, field) if hour else None
                fine = Buckets(edges, counts)
                if coarse and fine.coarsened(coarse.edges).counts == coarse.counts:
                    yield RefinementProfile(
                        ProfileKey(KIND, window, series), watermark, counts=counts
                    )

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> RefinementProfile | None:
        """Return the profile of a stored body; None where its baseline is gone."""
        if profile_key.series[2] not in baselines:
            return None
        return RefinementProfile(profile_key, watermark, revision, tuple(body["counts"]))

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return model, version, baseline and field."""
        name, version, baseline, field = profile_key.series
        return {
            "ml.model.name": name,
            "ml.model.version": version,
            "profile.baseline_id": baseline,
            "profile.subject": field,
        }


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
        samples = [each for hour in hours if (each := sample_of(hour, field))]
        finer = baseline.finer.get(field)
        if not (samples and reference and finer):
            continue
        sample = merge(samples)
        if sample.n and reference.n and numeric_drift(sample, reference).left_open:
            yield field, hours


def _counted(
    logs: Logs,
    model: tuple[str, str],
    part: Window,
    field: str,
    edges: tuple[float, ...],
) -> Iterator[tuple[Window, SourceWatermark, tuple[int, ...]]]:
    terms = dict(zip(("ml.model.name", "ml.model.version"), model, strict=True))
    path = field if field == SCORE else NUMERIC + field
    windows = {
        "date_histogram": {**DATE, "fixed_interval": "1h"},
        "aggs": {**known_since(), "counts": {"range": {"field": path, "ranges": ranges(edges)}}},
    }
    answer = logs.search(DATASET, period_query(part, terms) | {"aggs": {"windows": windows}})
    for bucket in answer["aggregations"]["windows"]["buckets"]:
        start = from_milliseconds(bucket["key"])
        counts = tuple(each["doc_count"] for each in bucket["counts"]["buckets"])
        yield Window(start, start + STEP), read_watermark(bucket), counts
