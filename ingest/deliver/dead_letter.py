"""A rejected line, kept with the reason, its bytes and its place."""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from mlmon.ingest.encode.dead_letter_fields import ORIGINAL, ORIGINAL_BASE64, REASON
from mlmon.ingest.encode.line import LineError, parse


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected line.

    Attributes:
        time: When it was rejected, UTC.
        reason: Why, as the shipper or Elasticsearch gave it.
        raw: The line as it was read, without its newline.
        path: Its file.
        offset: Where in the file it begins, bytes.
        continued: Whether the line goes on in the next dead letter: it was over the limit.
        is_piece: Whether it is known to be a part of a longer line; not kept.
    """

    time: datetime
    reason: str
    raw: bytes
    path: str
    offset: int
    continued: bool = False
    is_piece: bool = False

    @property
    def id(self) -> str:
        """A digest of line and place: the same whenever this line is rejected."""
        return hashlib.sha256(
            b"%d\n%b\n%b" % (self.offset, self.path.encode(), self.raw)
        ).hexdigest()[:32]

    def to_line(self) -> bytes:
        """Return the dead letter as a JSON line; bytes that are not UTF-8 as base64."""
        value: dict[str, Any] = {
            "@timestamp": self.time,
            REASON: self.reason,
            "log.file.path": self.path,
            "log.offset": self.offset,
        }
        if self.continued:
            value["continued"] = True
        try:
            value[ORIGINAL] = self.raw.decode()
        except UnicodeDecodeError:
            value[ORIGINAL_BASE64] = b64encode(self.raw).decode()
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return the dead letter of a line made by `to_line`.

        Raises:
            LineError: It is something else.
        """
        value = parse(line)
        try:
            encoded = value.get(ORIGINAL_BASE64)
            raw = b64decode(encoded) if encoded else value[ORIGINAL].encode()
            return cls(
                datetime.fromisoformat(value["@timestamp"]),
                value[REASON],
                raw,
                value["log.file.path"],
                value["log.offset"],
                bool(value.get("continued")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LineError(f"not a dead letter: {error!r}") from error

    def to_document(self, dataset: str, shipper_id: str) -> dict[str, Any]:
        """Return the document that stands for it in the data stream of dead letters."""
        document = {
            "@timestamp": self.time,
            "event.dataset": dataset,
            ORIGINAL: self.raw.decode(errors="backslashreplace"),
            "error.type": self.kind,
            REASON: self.reason,
            "log.file.path": self.path,
            "log.offset": self.offset,
            "agent.id": shipper_id,
        }
        id_ = _id_of(self.raw)
        return {**document, "event.id": id_} if id_ else document

    @property
    def kind(self) -> str:
        """Elasticsearch's exception, or `line`: the reason, for counting."""
        first = self.reason.partition(":")[0]
        return first if first.endswith("_exception") else "line"


def _id_of(raw: bytes) -> str | None:
    """Return the id of a rejected line, where it has one."""
    try:
        id_ = parse(raw).get("event.id")
    except LineError:
        return None
    return id_ if isinstance(id_, str) else None
