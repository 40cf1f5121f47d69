"""Documents on their way into an index: bulk bodies of bounded size, answers judged by item."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

MAX_DOCUMENTS = 2_000
MAX_BYTES = 5_000_000
_BUSY = 429


@dataclass(frozen=True, slots=True)
class Document:
    """One document to store.

    Args:
        index: Index to store it in.
        id: Its `_id`: storing again under the same id replaces.
        source: Its fields.
    """

    index: str
    id: str
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """How many documents were stored: new ones, and ones that replaced one of the same id."""

    created: int = 0
    replaced: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.created + other.created, self.replaced + other.replaced)

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
    """Return the two lines of a bulk `index` operation."""
    action = {"index": {"_index": document.index, "_id": document.id}}
    return orjson.dumps(action, option=orjson.OPT_APPEND_NEWLINE) + orjson.dumps(
        document.source, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
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
    refused: list[tuple[str, str]] = []
    for document, item in zip(batch, answer["items"], strict=True):
        result = item["index"]
        if "error" not in result:
            created += result["result"] == "created"
            replaced += result["result"] != "created"
        elif result["status"] == _BUSY:
            again.append(document)
        else:
            refused.append((document.id, _reason(result["error"])))
    return Outcome(Written(created, replaced), tuple(again), tuple(refused))


def _reason(error: dict[str, Any]) -> str:
    cause = error.get("caused_by") or {}
    texts = (f"{part['type']}: {part.get('reason')}" for part in (error, cause) if part.get("type"))
    return "; ".join(texts)
