"""Makes profiles: asks which windows hold events no profile knows, and profiles those once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analyzers.profile import access, access_query, jobs, pending, predictions
from analyzers.profile.aggregations import DATE, known_since, period_query, read_knowledge
from analyzers.profile.prediction_query import STEP as PREDICTION_STEP
from analyzers.profile.prediction_query import PredictionQuery, logged_fields
from analyzers.profile.slot import Slot
from analyzers.profile.store import Profile, ProfileStore
from analyzers.window import DAY, Window, from_milliseconds
from elastic.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.slot import Knowledge
    from elastic.cluster import Cluster

MOST_BUCKETS = 60_000
"""Ask for so many at once: Elasticsearch returns 65,536 at most."""

SURVEYED = 60 * DAY
"""Survey so much at once: 17,280 windows of five minutes, well below 65,536 buckets."""

_JOB_FIELDS = ["@timestamp", "event.*", "ml.job.*", "service.name", "error.message"]


class Profiler:
    """Keeps the profiles of one namespace up to its logs.

    Args:
        cluster: Where logs and profiles are.
        namespace: Environment.
        now: When it runs; profiles are marked as known since then.
        progress: Told what is being done.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        now: datetime,
        progress: Callable[[str], None] = lambda _doing: None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._now = now
        self._progress = progress
        self._store = ProfileStore(cluster, namespace)

    def predictions(self, period: Window, baselines: Mapping[tuple[str, str], Baseline]) -> int:
        """Profile predictions by hour and model version; return how many profiles were made."""
        fields = logged_fields(self._cluster.mapping(self._stream(predictions.DATASET)).values())
        present = {
            (window, (model["key"], version["key"])): read_knowledge(version)
            for window, bucket in self._survey(predictions.DATASET, period, "1h", _MODELS)
            for model in bucket["models"]["buckets"]
            for version in model["versions"]["buckets"]
        }
        slots = pending.prediction_slots(present, baselines)
        by_id = {each.id: each for each in baselines.values()}

        def ask(series: tuple[str, ...], part: Window) -> Iterator[Profile]:
            name, version, baseline_id = series
            query = PredictionQuery((name, version), by_id.get(baseline_id), fields)
            for piece in part.split(max(1, MOST_BUCKETS // query.buckets) * PREDICTION_STEP):
                yield from query.profiles(self._search(predictions.DATASET, query.body(piece)))

        return self._update(predictions.KIND, period, slots, PREDICTION_STEP, ask)

    def accesses(self, period: Window) -> int:
        """Profile HTTP requests by five minutes; return how many profiles were made."""

        def ask(_series: tuple[str, ...], part: Window) -> Iterator[Profile]:
            return access_query.profiles(self._search(access.DATASET, access_query.body(part)))

        slots = self._slots(access.KIND, access.DATASET, period, "5m")
        return self._update(access.KIND, period, slots, access_query.STEP, ask)

    def jobs(self, period: Window) -> int:
        """Profile the runs of jobs by hour; return how many profiles were made."""

        def ask(_series: tuple[str, ...], part: Window) -> Iterator[Profile]:
            query = period_query(part, {})["query"]
            hits = self._cluster.scan(
                self._stream(jobs.DATASET), {"query": query, "_source": _JOB_FIELDS}
            )
            return jobs.profiles(hit["_source"] for hit in hits)

        slots = self._slots(jobs.KIND, jobs.DATASET, period, "1h")
        return self._update(jobs.KIND, period, slots, jobs.STEP, ask)

    def _slots(
        self, kind: str, dataset: str, period: Window, interval: str
    ) -> dict[Slot, Knowledge]:
        return {
            Slot(kind, window): read_knowledge(bucket)
            for window, bucket in self._survey(dataset, period, interval, {})
        }

    def _survey(
        self, dataset: str, period: Window, interval: str, inside: dict[str, Any]
    ) -> Iterator[tuple[Window, dict[str, Any]]]:
        """Yield each window with events; one aggregation over the whole period, without buckets."""
        step = _STEPS[interval]
        windows = {
            "date_histogram": {**DATE, "fixed_interval": interval},
            "aggs": {**known_since(), **inside},
        }
        for part in period.split(SURVEYED):
            body = period_query(part, {}) | {"aggs": {"windows": windows}}
            for bucket in self._search(dataset, body)["aggregations"]["windows"]["buckets"]:
                start = from_milliseconds(bucket["key"])
                yield Window(start, start + step), bucket

    def _update(
        self,
        kind: str,
        period: Window,
        present: Mapping[Slot, Knowledge],
        step: timedelta,
        ask: Callable[[tuple[str, ...], Window], Iterable[Profile]],
    ) -> int:
        wanted = pending.outdated(present, self._store.stamps(kind, period))
        parts = list(pending.by_day(wanted, step))
        made = 0
        for index, (series, part) in enumerate(parts):
            self._progress(f"profiling: {kind}, day {index + 1} of {len(parts)}")
            profiles = [
                replace(each, revision=wanted[each.slot])  # type: ignore[type-var]
                for each in _answered(ask, series, part, step)
                if each.slot in wanted
            ]
            made += self._store.write(profiles, self._now).total
        self._store.refresh()
        return made

    def _stream(self, dataset: str) -> str:
        return f"logs-{dataset}-{self._namespace}"

    def _search(self, dataset: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._cluster.search(self._stream(dataset), body)
        # An index that does not exist answers without aggregations.
        return answer if "aggregations" in answer else _EMPTY


_STEPS = {"1h": PREDICTION_STEP, "5m": access_query.STEP}
_MODELS = {
    "models": {
        "terms": {"field": "ml.model.name", "size": 100},
        "aggs": {
            "versions": {
                "terms": {"field": "ml.model.version", "size": 1000},
                "aggs": known_since(),
            }
        },
    }
}
_EMPTY: dict[str, Any] = {"aggregations": {"windows": {"buckets": []}}}


def _answered(
    ask: Callable[[tuple[str, ...], Window], Iterable[Profile]],
    series: tuple[str, ...],
    part: Window,
    step: timedelta,
) -> Iterator[Profile]:
    """Ask for a part; where its answer would hold too many buckets, for its halves."""
    try:
        yield from ask(series, part)
    except ClusterError as error:
        halves = part.halves(step)
        if "too_many_buckets" not in error.message or halves is None:
            raise
        for half in halves:
            yield from _answered(ask, series, half, step)
