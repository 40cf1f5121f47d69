"""Baselines in Elasticsearch, one document each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

        One written by another version of mlmon is passed over once its model version has one that
        can be read.

        Raises:
            UserError: A model version has none that can be read.
        """
        wanted = {"ml.model.name": model, "ml.model.version": version}
        filters = [{"term": {name: value}} for name, value in wanted.items() if value is not None]
        # A baseline with long embeddings takes megabytes.
        body = {"query": {"bool": {"filter": filters}}, "size": 3}
        unread: list[dict[str, Any]] = []
        readable: set[tuple[str, str]] = set()
        for hit in self._cluster.scan(self.index, body):
            document = hit["_source"]
            if document.get("baseline.format") == FORMAT:
                baseline = Baseline.from_document(document)
                readable.add(baseline.model)
                yield baseline
            else:
                unread.append(document)
        for document in unread:
            if (document.get("ml.model.name"), document.get("ml.model.version")) not in readable:
                raise _unreadable(document)

    def current(self) -> dict[tuple[str, str], Baseline]:
        """Return the most recent baseline of each model version."""
        newest = sorted(self.all(), key=lambda each: (each.created, each.id))
        return {each.model: each for each in newest}


def _unreadable(document: dict[str, Any]) -> UserError:
    return UserError(
        f"Baseline {document.get('baseline.id')} of {document.get('ml.model.name')} "
        f"{document.get('ml.model.version')} is of format {document.get('baseline.format')}, this "
        f"version reads {FORMAT}",
        "Make it again with `mlmon baseline create`.",
    )
