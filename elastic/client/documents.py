"""Documents on their way into an index: bulk bodies of bounded size, answers judged by item."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

MAX_DOCUMENTS = 2_000
MAX_BYTES = 5_000_000
_BUSY, _CONFLICT = 429, 409
_AGAIN = 10


@dataclass(frozen=True, slots=True)
class Version:
    """Which writing of a document is to be replaced; without numbers, none: it must be new.

    Args:
        seq_no: `_seq_no` of the document as it was read.
        primary_term: `_primary_term` likewise.
    """

    seq_no: int | None = None
    primary_term: int | None = None


NEW = Version()


@dataclass(frozen=True, slots=True)
class Document:
    """One document to store.

    Args:
        index: Index to store it in.
        id: Its `_id`: storing again under the same id replaces.
        source: Its fields.
        version: Store it only if this is what is there: optimistic concurrency control. None
            replaces whatever is there.
        part: Whether `source` is only what is to be changed of the document that is there.
    """

    index: str
    id: str
    source: dict[str, Any]
    version: Version | None = None
    part: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """How many documents were stored: new ones, and ones that replaced one of the same id.

    `conflicted` are the ids of those that were not, because another version was there.
    """

    created: int = 0
    replaced: int = 0
    conflicted: tuple[str, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.created + other.created,
            self.replaced + other.replaced,
            self.conflicted + other.conflicted,
        )

    @property
    def total(self) -> int:
        """Documents stored, new and replaced."""
        return self.created + self.replaced


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bulk request: stored, to be sent again, or refused with (id, reason)."""

    written: Written
    again: tuple[Document, ...]
    refused: tuple[tuple[str, str], ...]


def encode(document: Document) -> bytes:
    """Return the two lines of a bulk `index`, `create` or `update` operation."""
    place: dict[str, Any] = {"_index": document.index, "_id": document.id}
    action = {"index": place}
    if document.part:
        # Elasticsearch reads it, changes it and stores it over what was read.
        action = {"update": place | {"retry_on_conflict": _AGAIN}}
    elif document.version == NEW:
        action = {"create": place}
    elif document.version is not None:
        place["if_seq_no"] = document.version.seq_no
        place["if_primary_term"] = document.version.primary_term
    source = {"doc": document.source} if document.part else document.source
    return orjson.dumps(action, option=orjson.OPT_APPEND_NEWLINE) + orjson.dumps(
        source, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    )


def chunks(documents: Iterable[Document]) -> Iterator[tuple[list[Document], bytes]]:
    """Yield documents with their bulk body: at most `MAX_DOCUMENTS`, about `MAX_BYTES`."""
    batch: list[Document] = []
    lines: list[bytes] = []
    size = 0
    for document in documents:
        line = encode(document)
        if batch and (len(batch) == MAX_DOCUMENTS or size + len(line) > MAX_BYTES):
            yield batch, b"".join(lines)
            batch, lines, size = [], [], 0
        batch.append(document)
        lines.append(line)
        size += len(line)
    if batch:
        yield batch, b"".join(lines)


def judge(batch: list[Document], answer: dict[str, Any]) -> Outcome:
    """Sort the documents of one request by what the answer says of each, in the same order."""
    created = replaced = 0
    again: list[Document] = []
    conflicted: list[str] = []
    refused: list[tuple[str, str]] = []
    for document, item in zip(batch, answer["items"], strict=True):
        (result,) = item.values()
        if "error" not in result:
            created += result["result"] == "created"
            replaced += result["result"] != "created"
        elif result["status"] == _BUSY:
            again.append(document)
        elif result["status"] == _CONFLICT and document.version is not None:
            conflicted.append(document.id)
        else:
            refused.append((document.id, _reason(result["error"])))
    written = Written(created, replaced, tuple(conflicted))
    return Outcome(written, tuple(again), tuple(refused))


def _reason(error: dict[str, Any]) -> str:
    cause = error.get("caused_by") or {}
    texts = (f"{part['type']}: {part.get('reason')}" for part in (error, cause) if part.get("type"))
    return "; ".join(texts)
