"""A bounded, deterministic sample of predictions, with their features and what became of them.

The rows are those whose ids have the least hashes: a uniform sample without replacement that does
not depend on the order of the log, on when it is drawn, or on what else is drawn (bottom-k
sampling; Cohen & Kaplan (2007). Summarizing data using bottom-k sketches. PODC, 225-234). A larger
sample of the same predictions holds the smaller one. Ids are read page by page and at most as many
as the sample has rows are held.
"""

from __future__ import annotations

import hashlib
import heapq
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.event_logs.aggregations import period_query
from mlmon.analyzers.labels.outcome_logs import counted
from mlmon.analyzers.sample.table import ID, LABEL, VALUE, row_of, table
from mlmon.elastic.indices.names import data_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.labels.label import Outcome
    from mlmon.elastic.client.cluster import Cluster

_PAGE = 10_000
_AT_ONCE = 1_000


def least_hashes(ids: Iterable[str], size: int) -> list[str]:
    """Return the `size` different ids with the least hashes, all of them where there are fewer."""
    kept: list[tuple[int, str]] = []  # a heap of negated hashes: the greatest first
    members: set[str] = set()
    for id_ in ids:
        if id_ in members:
            continue
        item = (-_hash(id_), id_)
        if len(kept) < size:
            heapq.heappush(kept, item)
        elif item > kept[0]:
            members.discard(heapq.heapreplace(kept, item)[1])
        else:
            continue
        members.add(id_)
    return sorted(members)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def sample(
    cluster: Cluster,
    namespace: str,
    period: Window,
    size: int,
    *,
    model: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _doing: None,
) -> pa.Table:
    """Return a sample of a period's predictions, in order of time and id.

    Columns: `@timestamp`, the ids, model, score, threshold and decision by their fields' names,
    each feature by its own name (null where it is missing or was not logged), and
    `ml.outcome.{label,value}` of the outcome logged last (null while unknown).

    Args:
        cluster: Where the logs are.
        namespace: Environment.
        period: Time of the predictions.
        size: Rows at most.
        model: Values of `ml.model.name` and `ml.model.version` to narrow it by.
        progress: Called with what is being done.
    """
    stream = data_stream("ml.prediction", namespace)
    progress("choosing predictions")
    chosen = least_hashes(_ids(cluster, stream, period, model or {}), size)
    rows: dict[str, dict[str, Any]] = {}
    for start in range(0, len(chosen), _AT_ONCE):
        progress(f"reading {start:,} of {len(chosen):,} predictions")
        some = chosen[start : start + _AT_ONCE]
        found = {row[ID]: row for row in map(row_of, _with_ids(cluster, stream, some))}
        for outcome in counted(cluster, namespace, found.keys()):
            if outcome.prediction_id in found:
                found[outcome.prediction_id] |= {LABEL: outcome.label, VALUE: outcome.value}
        rows |= found
    return table(rows.values())


def batches(
    cluster: Cluster,
    namespace: str,
    period: Window,
    size: int,
    *,
    model: Mapping[str, str] | None = None,
) -> Iterator[pa.Table]:
    """Yield all predictions of a period as tables in order of time; memory holds one table.

    Columns are those of `sample`, with the features that the table's own rows have.

    Args:
        cluster: Where the logs are.
        namespace: Environment.
        period: Time of the predictions.
        size: Rows of a table; the last has fewer.
        model: Values of `ml.model.name` and `ml.model.version` to narrow it by.
    """
    body = {
        "query": period_query(period, model or {})["query"],
        "docvalue_fields": [ID],
        "sort": [{"@timestamp": "asc"}, {"_shard_doc": "asc"}],
    }
    hits = cluster.scan(data_stream("ml.prediction", namespace), body)
    while page := list(islice(hits, size)):
        rows = [row_of(hit["_source"] | _named(hit)) for hit in page]
        outcomes: dict[str, Outcome] = {}
        ids = [row[ID] for row in rows if row[ID] is not None]
        for start in range(0, len(ids), _AT_ONCE):
            for outcome in counted(cluster, namespace, ids[start : start + _AT_ONCE]):
                outcomes[outcome.prediction_id] = outcome
        for row in rows:
            if (found := outcomes.get(row[ID])) is not None:
                row |= {LABEL: found.label, VALUE: found.value}
        yield table(rows)


def _named(hit: Mapping[str, Any]) -> dict[str, Any]:
    ids = hit.get("fields", {}).get(ID)
    return {ID: ids[0]} if ids else {}


def _ids(cluster: Cluster, stream: str, period: Window, model: Mapping[str, str]) -> Iterator[str]:
    body = {
        "query": period_query(period, model)["query"],
        "_source": False,
        "docvalue_fields": [ID],
        "size": _PAGE,
    }
    for hit in cluster.scan(stream, body):
        yield from hit.get("fields", {}).get(ID, ())


def _with_ids(cluster: Cluster, index: str, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    body = {"query": {"terms": {ID: list(ids)}}, "docvalue_fields": [ID]}
    for hit in cluster.scan(index, body):
        yield hit["_source"] | {ID: hit["fields"][ID][0]}
