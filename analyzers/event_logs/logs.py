"""The logs as kinds of profiles ask for them: surveys, aggregations and, where few, events."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmon.analyzers.base.window import DAY, MINUTE, Window, from_milliseconds
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    DATED,
    buckets_of,
    known_since,
    period_query,
    read_watermark,
)
from mlmon.analyzers.event_logs.shipping_backlog import (
    BEHIND,
    on_their_way,
    read_reports,
    without_delay,
)
from mlmon.elastic.indices.names import data_stream
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.client.cluster import Cluster

MOST_BUCKETS = 60_000
"""Ask for so many at once: Elasticsearch returns 65,536 at most."""

SURVEYED = 60 * DAY
"""Survey so much at once: 17,280 windows of five minutes, well below 65,536 buckets."""


class Bound(NamedTuple):
    """The most values of a field that a profile counts by name.

    Args:
        dataset: What is counted.
        field: By which field.
        size: So many values in a window.
    """

    dataset: str
    field: str
    size: int


def bounds_note(left_out: Mapping[Bound, int]) -> list[str]:
    """Return a sentence for each bound that left events out."""
    return [
        f"{count(events, 'event')} of {bound.dataset} counted without their {bound.field}: more "
        f"than {bound.size} values in a window; the least frequent are judged together only."
        for bound, events in sorted(left_out.items())
    ]


_EMPTY: dict[str, Any] = {"aggregations": {"windows": {"buckets": []}}}


class Logs:
    """The events of one namespace.

    Args:
        cluster: Where they are.
        namespace: Environment.
        now: When this is.
        baselines: The current baseline of each model version.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        now: datetime,
        baselines: Mapping[tuple[str, str], Baseline],
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.now = now
        self.baselines = baselines
        self.by_id = {baseline.id: baseline for baseline in baselines.values()}
        self.left_out: Counter[Bound] = Counter()
        """Events that the bounds of profiles left out, since this was made."""
        self.notes: list[str] = []
        """What else a person should know, in sentences."""

    @cached_property
    def arrived_until(self) -> datetime:
        """Until when all lines have arrived that were not lost, as the shippers report."""
        since = on_their_way(read_reports(self.cluster, self.namespace, self.now))
        return self.now if since is None else min(self.now, since)

    @cached_property
    def without_delay_until(self) -> datetime:
        """Until when no line means that none was written; see `without_delay`."""
        return without_delay(read_reports(self.cluster, self.namespace, self.now), self.now)

    @property
    def caught_up(self) -> bool:
        """Whether no shipper reports that it is behind."""
        return on_their_way(read_reports(self.cluster, self.namespace, self.now), BEHIND) is None

    def stream(self, dataset: str) -> str:
        """Return the data stream of a dataset."""
        return data_stream(dataset, self.namespace)

    def search(self, dataset: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a search with an aggregation `windows`; without an index, of none.

        Args:
            dataset: Of its data stream; one that begins with `mlmon-` is an index of mlmon's own.
            body: The search.
        """
        answer = self.cluster.search(self.index(dataset), body)
        # An index that does not exist answers without aggregations.
        return answer if "aggregations" in answer else _EMPTY

    def index(self, dataset: str) -> str:
        """Return the pattern of the indices that hold a dataset."""
        if dataset.startswith("mlmon-"):
            return f"{dataset}-{self.namespace}-*"
        return self.stream(dataset)

    def scan(self, dataset: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the hits of a search, all of them."""
        return self.cluster.scan(self.index(dataset), body)

    def windows(
        self, dataset: str, period: Window, step: timedelta
    ) -> Iterator[tuple[Window, SourceWatermark]]:
        """Yield each window with events and what is known of it."""
        for window, bucket in self.survey(dataset, period, step, known_since()):
            yield window, read_watermark(bucket)

    def survey(
        self,
        dataset: str,
        period: Window,
        step: timedelta,
        inside: Mapping[str, Any],
        date: str = DATED,
    ) -> Iterator[tuple[Window, dict[str, Any]]]:
        """Yield each window with events and its bucket, sixty days at once.

        Args:
            dataset: What to look at.
            period: When.
            step: Length of a window.
            inside: Aggregations within each window, of few buckets.
            date: The field that decides which window an event is in.
        """
        for part in period.split(SURVEYED):
            yield from self._windows(dataset, part, step, inside, {}, date)

    def count(
        self,
        dataset: str,
        period: Window,
        step: timedelta,
        inside: Mapping[str, Any],
        terms: Mapping[str, str],
    ) -> Iterator[tuple[Window, dict[str, Any]]]:
        """Yield each window with events and its bucket, as many at once as an answer holds.

        Args:
            dataset: What to count.
            period: When.
            step: Length of a window.
            inside: Aggregations within each window.
            terms: Values that the events have, by field; see `period_query`.
        """
        windows = max(1, MOST_BUCKETS // (1 + buckets_of(inside)))
        for part in period.split(windows * step):
            for window, bucket in self._windows(dataset, part, step, inside, terms, DATED):
                self._note_bounds(dataset, inside, bucket)
                yield window, bucket

    def _note_bounds(
        self, dataset: str, inside: Mapping[str, Any], bucket: Mapping[str, Any]
    ) -> None:
        """Count what aggregations by name left out of a window."""
        for name, aggregation in inside.items():
            terms = aggregation.get("terms")
            if terms and "aggs" in aggregation and "include" not in terms:
                bound = Bound(dataset, terms["field"], terms["size"])
                if events := bucket[name]["sum_other_doc_count"]:
                    self.left_out[bound] += events
                for part in bucket[name]["buckets"]:
                    self._note_bounds(dataset, aggregation["aggs"], part)

    def _windows(
        self,
        dataset: str,
        part: Window,
        step: timedelta,
        inside: Mapping[str, Any],
        terms: Mapping[str, str],
        date: str,
    ) -> Iterator[tuple[Window, dict[str, Any]]]:
        interval = f"{step // MINUTE}m"
        histogram = {**DATE, "field": date, "fixed_interval": interval}
        windows = {"date_histogram": histogram, "aggs": dict(inside)}
        body = period_query(part, terms, date) | {"aggs": {"windows": windows}}
        for bucket in self.search(dataset, body)["aggregations"]["windows"]["buckets"]:
            start = from_milliseconds(bucket["key"])
            yield Window(start, start + step), bucket
