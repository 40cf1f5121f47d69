"""Baselines in Elasticsearch, one document each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.baselines.baseline import BASELINE_FORMAT, Baseline
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import BASELINES, data_stream, index_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.client.documents import WriteResult


PART_BYTES = 1_000_000
"""A body that is longer is stored in parts of so many characters: a node with a small heap refuses
documents of ten megabytes, as those of 400 numeric features are."""

_PART, _PARTS, _TEXT = "baseline.part", "baseline.parts", "baseline.text"


def in_parts(baseline: Baseline) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of a baseline, each with its id: one, or parts of the body before it."""
    document = baseline.to_document()
    text = json.dumps(document["baseline.body"])
    if len(text) <= PART_BYTES:
        yield baseline.id, document
        return
    chunks = [text[first : first + PART_BYTES] for first in range(0, len(text), PART_BYTES)]
    about = {
        name: document[name]
        for name in ("@timestamp", "ml.model.name", "ml.model.version", "baseline.id")
    }
    for number, chunk in enumerate(chunks):
        yield f"{baseline.id}-{number}", {**about, _PART: number, _TEXT: chunk}
    yield baseline.id, {**document, "baseline.body": {}, _PARTS: len(chunks)}


def joined_parts(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the documents of baselines in no order, those in parts with their bodies."""
    parts: dict[tuple[str, int], str] = {}
    divided: list[dict[str, Any]] = []
    for document in documents:
        if _PART in document:
            parts[document["baseline.id"], document[_PART]] = document[_TEXT]
        elif document.get(_PARTS):
            divided.append(document)
        else:
            yield document
    for document in divided:
        ident = document["baseline.id"]
        texts = [parts.get((ident, number), "") for number in range(document[_PARTS])]
        # Where a part is missing the baseline is broken, and its reader says so.
        body = json.loads("".join(texts)) if all(texts) else {}
        yield {**document, "baseline.body": body}


class BaselineStore:
    """The baselines of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.index = index_name(BASELINES, namespace)
        self._predictions = data_stream("ml.prediction", namespace)

    def write(self, baselines: Iterable[Baseline]) -> WriteResult:
        """Store baselines; the same content again replaces its own documents.

        One that is too large for a document is stored in parts, the parts first.
        """
        written = self._cluster.put(
            Document(self.index, ident, source)
            for baseline in baselines
            for ident, source in in_parts(baseline)
        )
        self._cluster.refresh(self.index)
        return written

    def logged_types(self) -> dict[str, str]:
        """Return `numeric` or `categorical` by feature, as the log has it so far.

        Features that were logged as both are left out.
        """
        found: dict[str, set[str]] = {}
        for mapping in self._cluster.mapping(self._predictions).values():
            features = _below(mapping, "ml", "features")
            for kind in ("numeric", "categorical"):
                for name in _below(features, kind).get("properties", {}):
                    found.setdefault(name, set()).add(kind)
        return {name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1}

    def all(
        self,
        model: str | None = None,
        version: str | None = None,
        unread: list[UserError] | None = None,
    ) -> Iterator[Baseline]:
        """Yield the stored baselines of all or of one model (version), in no order.

        One that cannot be read (written by another version of mlmon, or broken) is passed over once
        its model version has one that can.

        Args:
            model: Of this model only.
            version: Of this version only.
            unread: Takes an error for each model version without a readable one.

        Raises:
            UserError: A model version has none that can be read.
        """
        wanted = {"ml.model.name": model, "ml.model.version": version}
        filters = [{"term": {name: value}} for name, value in wanted.items() if value is not None]
        # A baseline with long embeddings takes megabytes.
        body = {"query": {"bool": {"filter": filters}}, "size": 3}
        wrong: dict[tuple[Any, Any], UserError] = {}
        readable: set[tuple[Any, Any]] = set()
        for document in joined_parts(
            hit["_source"] for hit in self._cluster.scan(self.index, body)
        ):
            try:
                baseline = _read(document)
            except UserError as error:
                wrong[document.get("ml.model.name"), document.get("ml.model.version")] = error
            else:
                readable.add(baseline.model)
                yield baseline
        for of, why in wrong.items():
            if of not in readable:
                if unread is None:
                    raise why
                unread.append(why)

    def current(self, unread: list[UserError] | None = None) -> dict[tuple[str, str], Baseline]:
        """Return the most recent baseline of each model version; `unread` as in `all`."""
        newest = sorted(
            self.all(unread=unread), key=lambda baseline: (baseline.created, baseline.id)
        )
        return {baseline.model: baseline for baseline in newest}


def _read(document: dict[str, Any]) -> Baseline:
    about = (
        f"Baseline {document.get('baseline.id')} of {document.get('ml.model.name')} "
        f"{document.get('ml.model.version')}"
    )
    again = "Make it again with `mlmon baseline create`."
    found = document.get("baseline.format")
    if found != BASELINE_FORMAT:
        raise UserError(
            f"{about} is of format {found}, this version reads {BASELINE_FORMAT}", again
        )
    try:
        return Baseline.from_document(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{about} is broken ({type(error).__name__}: {error})", again) from error


def _below(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the mapping of a field below others; empty where there is none."""
    for name in names:
        mapping = mapping.get("properties", {}).get(name, {})
    return mapping
