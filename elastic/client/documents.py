"""Documents to store, and the result for each: created, replaced, conflicted or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlmon.elastic.errors import (
    ClusterBusyError,
    ClusterUnreachableError,
    DiskFullError,
    DocumentsRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmon.elastic.client.official import Elasticsearch

BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""

_CHUNK_DOCUMENTS: Final = 2_000
_CHUNK_BYTES: Final = 5_000_000
_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0
_CONFLICT: Final = 409
_UPDATE_ATTEMPTS: Final = 10
FLOOD_STAGE: Final = "flood-stage watermark"
"""Part of the reason that Elasticsearch gives where a disk is too full to write."""
_FIELDS: Final = "errors,items.*._id,items.*.status,items.*.result,items.*.error"


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """The version of a document to replace; without numbers it must not exist yet.

    Args:
        seq_no: `_seq_no` of the document as it was read.
        primary_term: `_primary_term` likewise.
    """

    seq_no: int | None = None
    primary_term: int | None = None


NEW = DocumentVersion()


@dataclass(frozen=True, slots=True)
class Document:
    """One document to store.

    Args:
        index: Index to store it in.
        id: Its `_id`: storing again under the same id replaces.
        source: Its fields.
        version: Store it only over this version: optimistic concurrency control. None
            replaces any version.
        part: Whether `source` holds only the fields to change in the existing document.
    """

    index: str
    id: str
    source: dict[str, Any]
    version: DocumentVersion | None = None
    part: bool = False


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Number of stored documents: new ones, and replaced ones of the same id.

    `conflicted` are the ids of those not stored because another version existed.
    """

    created: int = 0
    replaced: int = 0
    conflicted: tuple[str, ...] = ()

    def __add__(self, other: WriteResult) -> WriteResult:
        return WriteResult(
            self.created + other.created,
            self.replaced + other.replaced,
            self.conflicted + other.conflicted,
        )

    @property
    def total(self) -> int:
        """Documents stored, new and replaced."""
        return self.created + self.replaced


def store(client: Elasticsearch, documents: Iterable[Document]) -> WriteResult:
    """Send documents in requests of bounded size; what a busy cluster turns away is sent again.

    Raises:
        DocumentsRefusedError: Some were refused, with their reasons; all others are stored.
        ClusterBusyError: Some were turned away until the last attempt.
        ClusterUnreachableError: The cluster answered for fewer documents than were sent.
        elasticsearch.ApiError: A whole request was refused.
        elastic_transport.TransportError: A request had no answer.
    """
    from elasticsearch.helpers import streaming_bulk

    sent = 0

    def counted() -> Iterator[Any]:
        nonlocal sent
        for document in documents:
            sent += 1
            yield document

    results = streaming_bulk(
        # Statuses are retried here, document by document; only a lost connection is below.
        client.options(retry_on_status=()),
        counted(),
        chunk_size=_CHUNK_DOCUMENTS,
        max_chunk_bytes=_CHUNK_BYTES,
        expand_action_callback=_action,  # type: ignore[arg-type] # it is given what is yielded
        raise_on_error=False,
        max_retries=_ATTEMPTS - 1,
        initial_backoff=_FIRST_PAUSE,
        max_backoff=_LONGEST_PAUSE,
        retry_on_status=BUSY,
        filter_path=_FIELDS,
    )
    outcome = _Outcome()
    for _, item in results:
        outcome.add(item)
    if outcome.answered != sent:
        raise ClusterUnreachableError(
            f"The answer names {outcome.answered} of {sent} documents that were sent",
            "Run the command again; nothing is stored twice.",
        )
    if outcome.refused:
        raise _refused(outcome.refused, sent)
    return WriteResult(outcome.created, outcome.replaced, tuple(outcome.conflicted))


def _action(document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the action and the body of a bulk `index`, `create` or `update` operation."""
    place: dict[str, Any] = {"_index": document.index, "_id": document.id}
    if document.part:
        # Elasticsearch reads it, changes it and stores it over what was read.
        action = {"update": place | {"retry_on_conflict": _UPDATE_ATTEMPTS}}
        return action, {"doc": document.source}
    if document.version == NEW:
        return {"create": place}, document.source
    if document.version is not None:
        place["if_seq_no"] = document.version.seq_no
        place["if_primary_term"] = document.version.primary_term
    return {"index": place}, document.source


@dataclass(slots=True)
class _Outcome:
    """The cluster's answers about the documents of one call."""

    answered: int = 0
    created: int = 0
    replaced: int = 0
    conflicted: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, item: dict[str, Any]) -> None:
        """Count one document by its last answer."""
        ((operation, result),) = item.items()
        self.answered += 1
        if "error" not in result:
            self.created += result["result"] == "created"
            self.replaced += result["result"] != "created"
        elif result["status"] in BUSY:
            raise _turned_away(_reason(result["error"]), result["status"])
        elif result["status"] == _CONFLICT and operation != "update":
            self.conflicted.append(result["_id"])
        else:
            self.refused.append((result["_id"], _reason(result["error"])))


def disk_full(reason: str, status: int) -> DiskFullError | None:
    """Return the error for what is refused because a disk is full, None for another reason."""
    if FLOOD_STAGE not in reason:
        return None
    return DiskFullError(
        f"Elasticsearch takes no writes, because a disk is too full: {reason}",
        "Free space on the cluster's disks, for example with `mlmon prune`; see `mlmon doctor`.",
        status,
    )


def _turned_away(reason: str, status: int) -> ClusterBusyError:
    return disk_full(reason, status) or ClusterBusyError(
        f"The cluster stayed too busy to store all documents: {reason}",
        "Run the command again when it has less to do; nothing is stored twice.",
        status,
    )


def _refused(refused: list[tuple[str, str]], sent: int) -> DocumentsRefusedError:
    examples = "; ".join(f"{name}: {why}" for name, why in refused[:3])
    return DocumentsRefusedError(
        f"{len(refused)} of {sent} documents were refused: {examples}",
        "Run `mlmon setup`, so that the index templates fit, then run the command again.",
        tuple(refused),
    )


def _reason(error: dict[str, Any]) -> str:
    cause = error.get("caused_by") or {}
    texts = (f"{part['type']}: {part.get('reason')}" for part in (error, cause) if part.get("type"))
    return "; ".join(texts)
