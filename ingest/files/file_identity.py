"""Is this file a known one? By inode, by the hash of its head, by the bytes before the offset.

- Same device and inode, same head: the same file, perhaps renamed.
- Same head and the same bytes before the offset, but another inode: the same content, moved to
  another disk, copied before the original was emptied (copytruncate), or compressed.
- Anything else: another file, even if the inode was used before.

Where the content is known but the offset does not fit, because the file was truncated, it is read
from its beginning again, and every line that may have been sent is looked up by its id first.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from hashlib import sha256
from typing import Any, Self

from mlmon.ingest.files.content import Content
from mlmon.ingest.files.paths import FoundFile

HEAD_BYTES = 1024
"""How much of a file's beginning identifies it; a smaller file is identified by what it has, and
the head grows with it."""

START_BYTES = 64
"""How much of the head is hashed on its own: the least by which a copy is known, enough for a time
stamp."""

TAIL_BYTES = 4096
"""Bytes before an offset by which it is seen whether the offset fits the content: more than the
last line, whose end may be the same in every line."""

_NOT_UTF8 = "bytes:"


def beginning(content: Content) -> bytes:
    """Return the first bytes of a file, by which it is identified.

    NULs at their end are left out: they may be room for lines that are still to be written.
    """
    head = content.read_at(0, HEAD_BYTES)
    return head.rstrip(b"\0") or head


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Length and SHA-256 of some bytes; the length is kept so that a head can grow."""

    length: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Fingerprint":
        """Return the fingerprint of these bytes."""
        return cls(len(data), sha256(data).hexdigest())

    def to_json(self) -> dict[str, Any]:
        """Return the fingerprint as a JSON object."""
        return {"length": self.length, "digest": self.digest}

    def matches(self, data: bytes) -> bool:
        """Return whether the data begins with the bytes of this fingerprint."""
        return len(data) >= self.length and self == Fingerprint.of(data[: self.length])


EMPTY = Fingerprint.of(b"")


@dataclass(slots=True)
class FileRecord:
    """One file's entry in the checkpoint.

    Attributes:
        path: Where it was last seen.
        named: Where it was when a pattern named it.
        target: Its real path, where `path` leads over a link; else empty.
        device: Device number of the file.
        inode: Inode number on that device.
        start: Fingerprint of its first bytes.
        head: Fingerprint of its beginning, of up to `HEAD_BYTES`.
        offset: Every line before this byte is stored or kept in the dead letters.
        tail: Fingerprint of the bytes just before `offset`.
        inside_long_line: Whether `offset` lies within a line over the limit; its rest is rejected.
        seen: When the file was last there, seconds since the epoch.
        restarted: Whether it was read from its beginning again, because it was rewritten.
        ended: Whether nothing is expected to follow `offset`, or it was named as missing.
    """

    path: str
    named: str
    device: int
    inode: int
    start: Fingerprint = EMPTY
    head: Fingerprint = EMPTY
    offset: int = 0
    tail: Fingerprint = EMPTY
    inside_long_line: bool = False
    seen: float = 0.0
    restarted: bool = False
    ended: bool = False
    target: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """Where it was last seen: its path, and its real path where that is another one."""
        return (self.path, self.target) if self.target else (self.path,)

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    def set_head(self, head: bytes) -> None:
        """Set the first bytes that identify the file."""
        self.start = Fingerprint.of(head[:START_BYTES])
        self.head = Fingerprint.of(head)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        # Not `dataclasses.asdict`: a checkpoint of thousands of files would take seconds.
        value = {name: getattr(self, name) for name in _FIELDS}
        prints = {name: value[name].to_json() for name in _PRINTS}
        paths = {name: _path_to_text(value[name]) for name in _PATHS}
        return value | prints | paths

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the record of a JSON object made by `to_json`.

        Raises:
            TypeError, KeyError, AttributeError: A field is missing or unknown.
            ValueError: A value is damaged.
        """
        # Earlier versions kept how far lines had been sent, and not which files had ended: none of
        # those that went away long ago is to be named now. Nor did they keep where links led.
        defaults: dict[str, Any] = {"ended": True, "target": ""}
        value = defaults | {name: known for name, known in value.items() if name != "sent"}
        prints = {name: Fingerprint(**value[name]) for name in _PRINTS}
        paths = {name: _path_from_text(value[name]) for name in _PATHS}
        record = cls(**{**value, **prints, **paths})
        numbers = (record.device, record.inode, record.offset)
        if not all(type(number) is int and 0 <= number < _INT64 for number in numbers):
            raise ValueError("not an inode and an offset")
        if not isinstance(record.seen, (int, float)):
            raise ValueError("not a time")  # noqa: TRY004 - as for other damage
        return record


_INT64 = 1 << 63
_FIELDS = tuple(entry.name for entry in fields(FileRecord))
_PRINTS = ("start", "head", "tail")
_PATHS = ("path", "named", "target")


def _path_to_text(path: str) -> str:
    """Return a path as text for JSON; one that is not UTF-8 as hexadecimal bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return _NOT_UTF8 + os.fsencode(path).hex()
    return path


def _path_from_text(text: str) -> str:
    if not text.startswith(_NOT_UTF8):
        return text
    return os.fsdecode(bytes.fromhex(text.removeprefix(_NOT_UTF8)))


@dataclass(slots=True)
class Candidate:
    """A file to be identified.

    Attributes:
        found: Where it is, and its device and inode.
        content: Its bytes.
        head: The first of them.
    """

    found: FoundFile
    content: Content
    head: bytes

    @classmethod
    def of(cls, found: FoundFile, content: Content) -> "Candidate":
        """Return the candidate, with its head read."""
        return cls(found, content, beginning(content))

    def shares_beginning_with(self, head: bytes) -> bool:
        """Return whether this file and another head are equal as far as both go."""
        length = min(len(head), len(self.head))
        return length > 0 and head[:length] == self.head[:length]

    def new_record(self) -> FileRecord:
        """Return the record of a file never seen before."""
        device, inode = self.found.identity
        record = FileRecord(self.found.path, self.found.path, device, inode)
        record.set_head(self.head)
        return record

    def resumed_record(self, known: "KnownFile") -> FileRecord:
        """Return the record with which this file is read on where the known one was left."""
        record = known.record
        return replace(
            self.new_record(),
            named=record.named,
            offset=record.offset,
            tail=record.tail,
            inside_long_line=record.inside_long_line,
            restarted=record.restarted,
        )

    def restarted_record(self, known: "KnownFile") -> FileRecord:
        """Return the record with which this file is read from its beginning, known lines in it."""
        return replace(self.new_record(), named=known.record.named, restarted=True)

    def contains(self, record: FileRecord) -> bool:
        """Return whether the bytes before the known offset are here too."""
        length = record.tail.length
        return record.tail.matches(self.content.read_at(max(0, record.offset - length), length))

    def ends_before(self, record: FileRecord) -> bool:
        """Return whether this file ends before it can be compared with what is known."""
        needed = max(record.offset, record.head.length)
        self.content.read_at(max(0, needed - 1), 1)
        return self.content.size() < needed


class ContentMatch(Enum):
    """Relation of a file to known content."""

    SAME = "same"
    """It has the known content up to the offset."""
    TRUNCATED = "truncated"
    """It begins with the known content and ends before the offset, or has other lines there."""
    DIFFERENT = "different"
    """It is something else."""


class Claim(Enum):
    """Next step for a file that does not continue a known one."""

    UNKNOWN = "unknown"
    """It is a new file."""
    EMPTY = "empty"
    """It holds nothing yet."""
    LATER = "later"
    """Look again soon: it is still being written, or what it continues is not decided yet."""
    NEVER = "never"
    """It is not shipped, until it changes."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A known file whose content another file has.

    Attributes:
        match: `SAME` or `TRUNCATED`.
        record: The record of it that is furthest.
    """

    match: ContentMatch
    record: FileRecord


class KnownFiles:
    """The records of files that are not open, found by inode and by first bytes.

    Args:
        records: The records to begin with.
    """

    def __init__(self, records: Iterable[FileRecord] = ()) -> None:
        self._records: dict[int, FileRecord] = {}
        self._by_inode: dict[tuple[int, int], list[FileRecord]] = {}
        self._by_start: dict[str, list[FileRecord]] = {}
        for record in records:
            self.add(record)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[FileRecord]:
        return iter(self._records.values())

    def add(self, record: FileRecord) -> None:
        """Add a record, which must not change any more."""
        self._records[id(record)] = record
        self._by_inode.setdefault(record.identity, []).append(record)
        self._by_start.setdefault(record.start.digest, []).append(record)

    def remove(self, record: FileRecord) -> None:
        """Remove a record, if it is there."""
        if self._records.pop(id(record), None) is None:
            return
        for index, key in (
            (self._by_inode, record.identity),
            (self._by_start, record.start.digest),
        ):
            rest = [other for other in index[key] if other is not record]  # type: ignore[index]
            if rest:
                index[key] = rest  # type: ignore[index]
            else:
                del index[key]  # type: ignore[arg-type]

    def has_inode(self, identity: tuple[int, int]) -> bool:
        """Return whether a record has this device and inode."""
        return identity in self._by_inode

    def find_by_inode(self, candidate: Candidate) -> KnownFile | None:
        """Find the record of this device and inode, unless another file has taken the inode."""
        own = self._by_inode.get(candidate.found.identity, [])
        return _best(candidate, own, lambda _: True)

    def find_by_content(
        self, candidate: Candidate, open_records: Iterable[FileRecord]
    ) -> KnownFile | None:
        """Find the record of the same content under any inode.

        Args:
            candidate: The file.
            open_records: Records of open files whose beginning is known to be the same.
        """
        start = Fingerprint.of(candidate.head[:START_BYTES])
        records = [*open_records, *self._by_start.get(start.digest, [])]
        long_enough = [record for record in records if record.head.length >= START_BYTES]
        return _best(candidate, long_enough, candidate.ends_before)


def _best(
    candidate: Candidate,
    records: Sequence[FileRecord],
    may_be_truncated: Callable[[FileRecord], bool],
) -> KnownFile | None:
    """Return the furthest record of the same content, else one that was truncated."""
    compared = [(_compare(candidate, record), record) for record in records]
    same = [record for match, record in compared if match is ContentMatch.SAME]
    truncated = [
        record
        for match, record in compared
        if match is ContentMatch.TRUNCATED and may_be_truncated(record)
    ]
    for match, found in ((ContentMatch.SAME, same), (ContentMatch.TRUNCATED, truncated)):
        if found:
            return KnownFile(match, max(found, key=lambda record: record.offset))
    return None


def _compare(candidate: Candidate, record: FileRecord) -> ContentMatch:
    if record.head.matches(candidate.head):
        return ContentMatch.SAME if candidate.contains(record) else ContentMatch.TRUNCATED
    own = record.identity == candidate.found.identity
    # A copy never has other bytes; the same file may be truncated within its head and written on.
    if own or len(candidate.head) < record.head.length:
        same_start = record.start.length >= START_BYTES and record.start.matches(candidate.head)
        return ContentMatch.TRUNCATED if same_start else ContentMatch.DIFFERENT
    return ContentMatch.DIFFERENT
