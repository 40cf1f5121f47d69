"""Outcomes as they are logged, and the one that counts of each of some predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.labels.doc_values import doc_values, read_values
from mlmon.analyzers.labels.label import Outcome
from mlmon.analyzers.labels.store import LabelStore
from mlmon.elastic.indices.names import data_stream

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlmon.elastic.client.cluster import Cluster

NEEDED = ("ml.prediction.id", "ml.outcome.label")
"""An event without these is no outcome."""

OUTCOME_FIELDS = doc_values(
    ["@timestamp", "event.created", "ml.outcome.value", "service.name", *NEEDED]
)


def read_outcome(hit: Mapping[str, Any]) -> Outcome:
    """Read the hit of an outcome that was requested with `OUTCOME_FIELDS`."""
    values = read_values(hit)
    return Outcome(
        hit["_id"],
        values["ml.prediction.id"],
        values["@timestamp"],
        values["ml.outcome.label"],
        values.get("ml.outcome.value"),
        values.get("event.created"),
        values.get("service.name"),
    )


def counted(cluster: Cluster, namespace: str, prediction_ids: Collection[str]) -> list[Outcome]:
    """Return the outcome that counts of each prediction that has one, joined yet or not.

    Args:
        cluster: Where they are.
        namespace: Environment.
        prediction_ids: A few thousand at most.
    """
    joined = LabelStore(cluster, namespace).labels(prediction_ids)
    last = {ident: joined_label.label.counted for ident, joined_label in joined.items()}
    filters: list[dict[str, Any]] = [{"exists": {"field": name}} for name in NEEDED]
    filters.append({"terms": {"ml.prediction.id": [*prediction_ids]}})
    body = {
        "_source": False,
        "docvalue_fields": OUTCOME_FIELDS,
        "query": {"bool": {"filter": filters}},
    }
    for hit in cluster.scan(data_stream("ml.outcome", namespace), body):
        outcome = read_outcome(hit)
        known = last.setdefault(outcome.prediction_id, outcome)
        last[outcome.prediction_id] = max(known, outcome, key=lambda answer: answer.order)
    return list(last.values())
