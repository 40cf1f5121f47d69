"""Accepted references in Elasticsearch: one document each; revoking adds an end to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.analyzers.baselines.accepted import AcceptedReference
from mlmon.elastic.client.documents import NEW, Document
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.indices.names import REFERENCES, index_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

_SHORTEST_ID = 4


class AcceptedStore:
    """The accepted references of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.index = index_name(REFERENCES, namespace)

    def all(self) -> list[AcceptedReference]:
        """Return all references, the revoked ones too, in the order of their acceptance."""
        body = {"sort": [{"@timestamp": "asc"}, {"reference.id": "asc"}]}
        hits = self._cluster.scan(self.index, body)
        return [AcceptedReference.from_document(hit["_source"]) for hit in hits]

    def add(self, references: Iterable[AcceptedReference]) -> None:
        """Store new references; one that is stored already is kept as it is."""
        self._cluster.put(
            Document(self.index, reference.id, reference.to_document(), NEW)
            for reference in references
        )
        self._cluster.refresh(self.index)

    def revoke(self, prefix: str, by: str, now: datetime) -> AcceptedReference:
        """Let windows that end from now on be compared with the training set again.

        Raises:
            WrongValueError: No reference that holds, or several, have an id that begins so.
        """
        digits = prefix.strip().lower()
        found = [
            reference
            for reference in self.all()
            if len(digits) >= _SHORTEST_ID
            and reference.id.startswith(digits)
            and reference.revoked is None
        ]
        if len(found) != 1:
            raise WrongValueError(
                f"{len(found)} accepted references hold whose id begins with {prefix!r}",
                f"Give {_SHORTEST_ID} digits at least; `mlmon baseline references` lists them.",
            )
        revoked = replace(found[0], revoked=now, revoked_by=by)
        self._cluster.put([Document(self.index, revoked.id, revoked.to_document())])
        self._cluster.refresh(self.index)
        return revoked
