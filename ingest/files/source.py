"""One file as a sequence of blocks of whole lines, and who the file is.

A block holds lines whose end was seen. Half a line stays in the file until its end comes; when
the file has ended for good, what stands there is a line if it is a whole JSON object, and is
refused otherwise. A line over the limit is refused in pieces, so that memory stays bounded and no
byte of it is lost.
"""

from dataclasses import dataclass

from mlmon.ingest.encode.line import LineError, parse
from mlmon.ingest.files.content import Content
from mlmon.ingest.files.fingerprint import HEAD_BYTES, TAIL_BYTES, Fingerprint
from mlmon.ingest.files.record import Record

BLOCK_BYTES = 1 << 18
"""How much is read at once."""

EVERYTHING = 1 << 62
"""An offset behind every line."""

UNFINISHED = "the file ends within this line"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a line may be, in bytes without its newline."""

    line_bytes: int = 1 << 20

    @property
    def too_long(self) -> str:
        """Why a longer line is refused."""
        return f"the line is longer than {self.line_bytes} bytes"


@dataclass(slots=True)
class Block:
    """Whole lines that follow each other in one source.

    Attributes:
        source: Where they come from.
        start: Offset of the first line's first byte.
        end: Offset behind the last line's newline.
        lines: Without their newlines.
        tail: The last bytes before `end`.
        refused: Why none of these lines can be stored; empty where that is not known yet.
        inside_long_line: Whether `end` lies within a line over the limit.
        suspect: Whether these lines may have been sent before.
    """

    source: "Source"
    start: int
    end: int
    lines: list[bytes]
    tail: bytes
    refused: str = ""
    inside_long_line: bool = False
    suspect: bool = False


class ReplacedError(Exception):
    """The file was cut or written anew, so that its offset means nothing any more."""


class Source:
    """A file that is open.

    Args:
        record: What the checkpoint keeps of it: who it is and how far it is decided.
        content: Its bytes.
        limits: How long its lines may be.
        doubtful: Whether lines that are there now may have been sent by somebody else.
        persistent: Whether the checkpoint keeps it; standard input cannot be read again.

    Attributes:
        offset: Everything before is read; at or after `record.offset`.
        head: Its first bytes.
        last_decided: The last line that is decided, in this run.
    """

    def __init__(
        self,
        record: Record,
        content: Content,
        limits: Limits,
        *,
        doubtful: bool = False,
        persistent: bool = True,
    ) -> None:
        self.record = record
        self.content = content
        self.limits = limits
        self.persistent = persistent
        self.offset = record.offset
        self.head = b""
        self.last_decided = b""
        self._end: int | None = None
        # What is added later was not there to be sent.
        size = content.size() if content.mutable else EVERYTHING
        self._suspect_until = size if doubtful else min(record.sent, size)
        self._inside_long_line = record.inside_long_line
        if persistent:
            self._learn_head()

    def __repr__(self) -> str:
        return f"Source({self.path!r}, offset={self.offset}, decided={self.record.offset})"

    @property
    def path(self) -> str:
        """Where the file was last seen."""
        return self.record.path

    @property
    def decided(self) -> bool:
        """Whether every line that was read is decided."""
        return self.record.offset == self.offset

    @property
    def unread(self) -> int:
        """Bytes known to be there and not read yet."""
        return max(0, self.content.size() - self.offset)

    @property
    def at_end(self) -> bool:
        """Whether no whole line follows, unless the file has grown since it was read last."""
        return self._end is not None and self._end >= self.content.size()

    def close(self) -> None:
        """Close the file; what was read may still have to be decided."""
        self.content.close()

    def read(self) -> Block | None:
        """Return the next whole lines, None where there are none now.

        Raises:
            ReplacedError: The file was cut or written anew.
        """
        size = min(BLOCK_BYTES, self.limits.line_bytes + 1)
        data = self.content.read_at(self.offset, size)
        if size == len(data) <= self.limits.line_bytes and b"\n" not in data:
            data = self.content.read_at(self.offset, self.limits.line_bytes + 1)
        block = self._cut(data)
        self._check()
        self._end = None if block else self.offset + len(data)
        return self._advance(block) if block else None

    def rest(self, *, ended: bool) -> Block | None:
        """Return what follows the last newline, once it is a line.

        Args:
            ended: Whether nothing will be added any more: then it is refused where it is no whole
                object.

        Raises:
            ReplacedError: The file was cut or written anew.
        """
        data = self.content.read_at(self.offset, self.limits.line_bytes)
        self._check()
        if not data or b"\n" in data or self._inside_long_line:
            return None
        refused = "" if _is_whole(data) else UNFINISHED
        if refused and not ended:
            return None
        return self._advance(self._block([data], data, refused))

    def commit(self, block: Block) -> None:
        """Note that every line up to the end of a block is decided."""
        self.record.offset = block.end
        self.record.tail = Fingerprint.of(block.tail)
        self.record.inside_long_line = block.inside_long_line
        self.last_decided = block.lines[-1]

    def _cut(self, data: bytes) -> Block | None:
        """Return the whole lines that some bytes begin with, or a piece of one over the limit."""
        if self._inside_long_line:
            return self._piece(data)
        end = data.rfind(b"\n") + 1
        if end:
            return self._block(data[: end - 1].split(b"\n"), data[:end])
        if len(data) > self.limits.line_bytes:
            return self._piece(data[: self.limits.line_bytes])
        return None

    def _piece(self, data: bytes) -> Block | None:
        """Return bytes of a line over the limit, up to its newline where that is among them."""
        if not data:
            return None
        piece, newline, _ = data.partition(b"\n")
        block = self._block([piece], piece + newline, self.limits.too_long)
        block.inside_long_line = not newline
        return block

    def _block(self, lines: list[bytes], taken: bytes, refused: str = "") -> Block:
        return Block(
            source=self,
            start=self.offset,
            end=self.offset + len(taken),
            lines=lines,
            tail=taken[-TAIL_BYTES:],
            refused=refused,
            suspect=self.offset < self._suspect_until,
        )

    def _advance(self, block: Block) -> Block:
        self.offset = block.end
        self._inside_long_line = block.inside_long_line
        return block

    def _check(self) -> None:
        """See whether what was just read still belongs to the file whose offset is kept."""
        if not self.content.mutable or not self.persistent:
            return
        if self.content.size() < self.offset:
            raise ReplacedError
        if len(self.head) < HEAD_BYTES:
            self._learn_head()
        elif self.content.read_at(0, HEAD_BYTES) != self.head:
            raise ReplacedError

    def _learn_head(self) -> None:
        """Let the head grow with the file up to `HEAD_BYTES`."""
        head = self.content.read_at(0, HEAD_BYTES)
        if not head.startswith(self.head):
            raise ReplacedError
        self.head = head
        self.record.learn(head)


def _is_whole(data: bytes) -> bool:
    """Return whether these bytes are a JSON object: no beginning of a longer line can be one."""
    try:
        parse(data)
    except LineError:
        return False
    return True
