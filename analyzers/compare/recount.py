"""Counts the predictions of some times again, in their logs, over any edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.compare.comparison import SCORES
from mlmon.analyzers.event_logs.aggregations import period_query
from mlmon.analyzers.event_logs.logs import MOST_BUCKETS
from mlmon.analyzers.profiles.kinds.prediction import DATASET, NUMERIC_FIELD, SCORE
from mlmon.analyzers.profiles.quantities import BucketCounts, DeclarationScope
from mlmon.elastic.indices.names import data_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.elastic.client.cluster import Cluster


class Recount:
    """The logs of a model's predictions.

    Args:
        cluster: Where they are.
        namespace: Environment.
        model: The model's name; all versions count.
        windows: The times.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, model: str, windows: Sequence[Window]
    ) -> None:
        self._cluster, self._stream = cluster, data_stream(DATASET, namespace)
        self._model, self._windows = model, windows

    def __call__(self, feature: str, edges: tuple[float, ...]) -> list[Buckets] | None:
        """Return a feature's rows of each time; None where there are too many edges, or no logs."""
        if len(edges) >= MOST_BUCKETS:
            return None
        found = [self._counted(window, feature, edges) for window in self._windows]
        known = [buckets for buckets in found if buckets is not None]
        return known if len(known) == len(found) else None

    def _counted(self, window: Window, feature: str, edges: tuple[float, ...]) -> Buckets | None:
        field = SCORE if feature == SCORES else NUMERIC_FIELD + feature
        rows = BucketCounts(field, edges)
        query = period_query(window, {"ml.model.name": self._model})
        body = query | {"aggs": rows.ask("rows", DeclarationScope())}
        answer = self._cluster.search(self._stream, body).get("aggregations")
        return rows.read(answer, "rows", DeclarationScope()) if answer else None
