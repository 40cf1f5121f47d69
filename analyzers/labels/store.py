"""Labels in Elasticsearch, one document per prediction, and the predictions they are made from.

Both are looked up by the predictions' ids, so the cost depends on how many are requested, not on
how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.labels.doc_values import doc_values, read_values
from mlmon.analyzers.labels.label import PREDICTION_FIELDS, Label, Prediction, document_id
from mlmon.elastic.client.documents import NEW, Document, DocumentVersion
from mlmon.elastic.indices.names import LABELS, all_months, data_stream, month_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

_MOST_HITS = 10_000
"""Elasticsearch returns no more at once (`index.max_result_window`)."""

_FIRST = [{"@timestamp": "asc"}, {"event.id": {"order": "asc", "unmapped_type": "keyword"}}]
_FEATURE = "ml.features.categorical."


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label as it was read, and which writing of it that was."""

    label: Label
    index: str
    version: DocumentVersion


class LabelStore:
    """The labels and the predictions of one namespace.

    Args:
        cluster: Where they are.
        namespace: Environment.
        divided_by: The categorical features that are looked up with a prediction.
    """

    def __init__(self, cluster: Cluster, namespace: str, divided_by: tuple[str, ...] = ()) -> None:
        self._cluster = cluster
        self._divided_by = divided_by
        looked_up = ["@timestamp", "ml.prediction.id", *PREDICTION_FIELDS]
        self._fields = doc_values([*looked_up, *(_FEATURE + name for name in divided_by)])
        self._predictions = data_stream("ml.prediction", namespace)
        self._namespace = namespace
        self._indices = all_months(LABELS, namespace)

    def labels(self, prediction_ids: Collection[str]) -> dict[str, StoredLabel]:
        """Return the labels there are by the predictions' ids; ask for a few thousand at once."""
        body = {
            "size": _MOST_HITS,
            "track_total_hits": False,
            "seq_no_primary_term": True,
            "query": {"ids": {"values": [document_id(id_) for id_ in prediction_ids]}},
        }
        found: dict[str, StoredLabel] = {}
        for hit in self._cluster.search(self._indices, body)["hits"]["hits"]:
            label = Label.from_document(hit["_source"])
            version = DocumentVersion(hit["_seq_no"], hit["_primary_term"])
            found[label.prediction.id] = StoredLabel(label, hit["_index"], version)
        return found

    def predictions(self, ids: Sequence[str]) -> dict[str, Prediction]:
        """Return the predictions there are by id; of several with one id, the first."""
        if not ids:
            return {}
        body = {
            "size": _MOST_HITS,
            "track_total_hits": False,
            "stored_fields": "_none_",
            "docvalue_fields": self._fields,
            "query": {"bool": {"filter": [{"terms": {"ml.prediction.id": list(ids)}}]}},
            "sort": _FIRST,
        }
        hits = self._cluster.search(self._predictions, body)["hits"]["hits"]
        if len(hits) == _MOST_HITS and len(ids) > 1:
            middle = len(ids) // 2
            return self.predictions(ids[:middle]) | self.predictions(ids[middle:])
        found: dict[str, Prediction] = {}
        for hit in hits:
            prediction = self._prediction(read_values(hit))
            found.setdefault(prediction.id, prediction)
        return found

    def write(
        self, labels: Iterable[tuple[Label, StoredLabel | None]], joined: datetime
    ) -> tuple[str, ...]:
        """Store new and changed labels, each only over what was read.

        Args:
            labels: Each with what is to be replaced, None for a new one.
            joined: When this is.

        Returns:
            The `_id` of those that another run has written since.
        """
        return self._cluster.put(
            self._document(label, stored, joined) for label, stored in labels
        ).conflicted

    def refresh(self) -> None:
        """Make what was stored visible."""
        self._cluster.refresh(self._indices)

    def _document(self, label: Label, stored: StoredLabel | None, joined: datetime) -> Document:
        month = month_index(LABELS, self._namespace, label.prediction.at)
        return Document(
            stored.index if stored else month,
            document_id(label.prediction.id),
            label.to_document(joined),
            stored.version if stored else NEW,
        )

    def _prediction(self, values: dict[str, Any]) -> Prediction:
        fields = tuple((name, values[name]) for name in PREDICTION_FIELDS if name in values)
        segments = tuple(
            segment_name(name, values[_FEATURE + name])
            for name in self._divided_by
            if _FEATURE + name in values
        )
        ident, at = values["ml.prediction.id"], values["@timestamp"]
        return Prediction(ident, at, fields, self._divided_by, segments)
