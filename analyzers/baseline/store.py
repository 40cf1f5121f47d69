"""Baselines in Elasticsearch, one document each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzers.baseline.baseline import FORMAT, Baseline
from elastic.documents import Document
from elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elastic.cluster import Cluster
    from elastic.documents import Written


class BaselineStore:
    """The baselines of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.index = f"mlmon-baselines-{namespace}"

    def write(self, baselines: Iterable[Baseline]) -> Written:
        """Store baselines; the same content again replaces its own document."""
        written = self._cluster.put(
            Document(self.index, each.id, each.to_document()) for each in baselines
        )
        self._cluster.refresh(self.index)
        return written

    def all(self, model: str | None = None, version: str | None = None) -> Iterator[Baseline]:
        """Yield the stored baselines of all or of one model (version), in no order.

        Raises:
            UserError: One was written by another version of mlmon.
        """
        wanted = {"ml.model.name": model, "ml.model.version": version}
        filters = [{"term": {name: value}} for name, value in wanted.items() if value is not None]
        # A baseline with long embeddings takes megabytes.
        body = {"query": {"bool": {"filter": filters}}, "size": 10}
        for hit in self._cluster.scan(self.index, body):
            yield _read(hit["_source"])

    def current(self) -> dict[tuple[str, str], Baseline]:
        """Return the most recent baseline of each model version."""
        newest = sorted(self.all(), key=lambda each: (each.created, each.id))
        return {each.model: each for each in newest}


def _read(document: dict[str, object]) -> Baseline:
    if document.get("baseline.format") != FORMAT:
        raise UserError(
            f"Baseline {document.get('baseline.id')} is of format "
            f"{document.get('baseline.format')}, this version reads {FORMAT}",
            "Make it again with `mlmon baseline create`.",
        )
    return Baseline.from_document(document)
