"""Is this file one we know? By inode, by the hash of its head, by the bytes before the offset.

- Same device and inode, same head: the same file, perhaps under another name.
- Same head and the same bytes before the offset, but another inode: the same content, moved to
  another disk, copied before the original was emptied (copytruncate), or compressed.
- Anything else: another file, even if the inode was used before.

Where the content is known but the offset does not fit, because the file was cut, it is read from
its beginning again, and every line that may have been sent is looked up by its id first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mlmon.ingest.files.content import Content
from mlmon.ingest.files.fingerprint import HEAD_BYTES, START_BYTES
from mlmon.ingest.files.listing import Found
from mlmon.ingest.files.record import Record

# A copy is known by a head of at least this length: what has less is too little to tell files
# apart.
_LEAST_HEAD = START_BYTES


@dataclass(slots=True)
class Candidate:
    """A file to be recognised.

    Attributes:
        found: Where it is, and its device and inode.
        content: Its bytes.
        head: The first of them.
    """

    found: Found
    content: Content
    head: bytes

    @classmethod
    def of(cls, found: Found, content: Content) -> "Candidate":
        """Return the candidate, with its head read."""
        return cls(found, content, content.read_at(0, HEAD_BYTES))

    def begins_like(self, head: bytes) -> bool:
        """Return whether the beginning of this file is that of another one, so far as both go."""
        length = min(len(head), len(self.head))
        return length > 0 and head[:length] == self.head[:length]

    def fresh(self) -> Record:
        """Return the record of a file never seen before."""
        device, inode = self.found.identity
        record = Record(self.found.path, self.found.path, device, inode)
        record.learn(self.head)
        return record

    def resumed(self, match: "Match") -> Record:
        """Return the record with which this file is read on where the known one was left."""
        known = match.record
        return replace(
            self.fresh(),
            named=known.named,
            offset=known.offset,
            tail=known.tail,
            sent=match.sent,
            inside_long_line=known.inside_long_line,
        )

    def again(self, match: "Match") -> Record:
        """Return the record with which this file is read again, lines known from before in it."""
        return replace(self.fresh(), named=match.record.named, sent=match.sent)

    def holds(self, known: Record) -> bool:
        """Return whether the bytes before the known offset are here too."""
        length = known.tail.length
        return known.tail.matches(self.content.read_at(known.offset - length, length))


class Likeness(Enum):
    """How a file relates to known content."""

    SAME = "same"
    """It holds the known content up to the offset."""
    CUT = "cut"
    """It begins with the known content and ends before the offset, or has other lines there."""
    DIFFERENT = "different"
    """It is something else."""


@dataclass(frozen=True, slots=True)
class Match:
    """Known content that a file holds.

    Attributes:
        likeness: How much of it: `SAME` or `CUT`.
        record: The record of it that is furthest.
        sent: No line that begins at or after this byte was ever sent, under any name.
    """

    likeness: Likeness
    record: Record
    sent: int


def same_file(candidate: Candidate, records: Iterable[Record]) -> Match | None:
    """Find the record of this very device and inode, unless another file has taken the inode."""
    identity = candidate.found.identity
    own = [record for record in records if (record.device, record.inode) == identity]
    return _best(candidate, own, lambda _: True)


def same_content(candidate: Candidate, records: Iterable[Record]) -> Match | None:
    """Find the record of the same content under any inode."""
    telling = [record for record in records if record.head.length >= _LEAST_HEAD]
    return _best(candidate, telling, lambda record: _is_shorter(candidate, record))


def _best(
    candidate: Candidate, records: Sequence[Record], may_be_cut: Callable[[Record], bool]
) -> Match | None:
    """Return the record that is furthest among those of the same content, else one that was cut."""
    alike = [(_likeness(candidate, record), record) for record in records]
    same = [record for likeness, record in alike if likeness is Likeness.SAME]
    cut = [record for likeness, record in alike if likeness is Likeness.CUT and may_be_cut(record)]
    if not same and not cut:
        return None
    sent = max(max(record.sent, record.offset) for record in (*same, *cut))
    if same:
        furthest = max(same, key=lambda record: (record.offset, record.sent))
        return Match(Likeness.SAME, furthest, sent)
    return Match(Likeness.CUT, max(cut, key=lambda record: record.sent), sent)


def _likeness(candidate: Candidate, record: Record) -> Likeness:
    if record.head.matches(candidate.head):
        return Likeness.SAME if candidate.holds(record) else Likeness.CUT
    # Cut within its head, and perhaps written on since: the start tells.
    if record.start.length >= START_BYTES and record.start.matches(candidate.head):
        return Likeness.CUT
    return Likeness.DIFFERENT


def _is_shorter(candidate: Candidate, record: Record) -> bool:
    """Return whether a file ends before it can be compared with what is known."""
    needed = max(record.offset, record.head.length)
    candidate.content.read_at(max(0, needed - 1), 1)
    return candidate.content.size() < needed
