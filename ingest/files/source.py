"""One file as a sequence of blocks of complete lines, and its identity.

A block holds lines whose end was seen. Half a line stays in the file until its end comes; when
the file has ended for good, what is left is a line if it is a complete JSON object, and is
rejected otherwise. A line over the limit is rejected in pieces, so that memory stays bounded and no
byte of it is lost. Lines that a container runtime wrapped are unwrapped and joined.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from mlmon.ingest.encode.containers import Unwrap, container_fields, unwrap_lines, unwrapper
from mlmon.ingest.encode.line import LineError, parse
from mlmon.ingest.files.content import Content
from mlmon.ingest.files.file_identity import (
    HEAD_BYTES,
    TAIL_BYTES,
    FileRecord,
    Fingerprint,
    beginning,
)
from mlmon.ingest.files.nul_run import Gaps, NulRun
from mlmon.ingest.files.paths import printable

BLOCK_BYTES = 1 << 18
"""Bytes read at once."""
EVERYTHING = 1 << 62
"""An offset behind every line."""

_NO_TAIL = Fingerprint(0, "")
"""Fits no content: the file is read from its beginning again, and its lines are looked up."""

UNFINISHED = "the file ends within this line"


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Longest line, in bytes without its newline."""

    line_bytes: int = 1 << 20

    @property
    def too_long(self) -> str:
        """Why a longer line is rejected."""
        return f"the line is longer than {self.line_bytes} bytes"


@dataclass(slots=True)
class Block:
    """Complete lines that follow each other in one source.

    Attributes:
        source: Where they come from.
        start: Offset of the first line's first byte.
        end: Offset behind the last line's newline.
        lines: The lines without their newlines, unwrapped.
        tail: The last bytes before `end`.
        rejected: Why none of these lines can be stored; empty where that is not known yet.
        inside_long_line: Whether `end` lies within a line over the limit.
        maybe_sent: Whether these lines may have been sent before.
        starts: Where each line begins, bytes from `start`; None where each follows the one before.
    """

    source: "LogSource"
    start: int
    end: int
    lines: list[bytes]
    tail: bytes
    rejected: str = ""
    inside_long_line: bool = False
    maybe_sent: bool = False
    starts: Sequence[int] | None = None

    def offset_of(self, number: int) -> int:
        """Return where a line begins in the file, counting lines from 0."""
        if self.starts is not None:
            return self.start + self.starts[number]
        return self.start + sum(len(line) + 1 for line in self.lines[:number])


class FileReplacedError(Exception):
    """The file was truncated or overwritten, so that its offset means nothing any more."""


class LogSource:
    """A file that is open.

    Args:
        record: What the checkpoint keeps of it: its identity and how far it is decided.
        content: Its bytes.
        limits: How long its lines may be.
        persistent: Whether the checkpoint keeps it; standard input cannot be read again.

    Attributes:
        offset: Everything before is read; at or after `record.offset`.
        head: Its first bytes.
        last_decided: The last line that is decided, in this run.
        fields: Fields for every document: the container that its path names, as JSON members.
        scanning: Whether the last `read` ended amid NULs: there may be lines behind them.
        ended: Whether nothing will follow what was read.
    """

    def __init__(
        self,
        record: FileRecord,
        content: Content,
        limits: ReadLimits,
        *,
        persistent: bool = True,
    ) -> None:
        self.record = record
        self.content = content
        self.limits = limits
        self.persistent = persistent
        self.offset = record.offset
        self.head = b""
        self.last_decided = b""
        self.fields = b""
        self.scanning = False
        self.ended = False
        self._tail = b""
        self._is_replaced = False
        self._nuls = NulRun(content)
        self._gaps = Gaps(content)
        self._gap_is_filled = False
        self._unwrap: Unwrap | None = None
        self._looked_for_wrapping = False
        self._end: int | None = None
        # An earlier run or another shipper may have sent what is there now; what is added later was
        # not there to be sent, and standard input cannot be read twice. A file that is rewritten
        # may get lines back that were sent.
        size = content.size() if content.mutable and not record.restarted else EVERYTHING
        self._maybe_sent_until = size if persistent else 0
        self._inside_long_line = record.inside_long_line
        if persistent:
            self._extend_head()
            length = record.tail.length
            self._tail = content.read_at(max(0, self.offset - length), length)
            # Since it was identified, it may have been rewritten.
            self._is_replaced = not record.tail.matches(self._tail)

    def __repr__(self) -> str:
        return f"Source({self.path!r}, offset={self.offset}, decided={self.record.offset})"

    @property
    def path(self) -> str:
        """Last known path of the file, printable."""
        return printable(self.record.path)

    @property
    def decided(self) -> bool:
        """Whether every line that was read is decided."""
        return self.record.offset == self.offset

    @property
    def at_end(self) -> bool:
        """Whether no complete line follows, unless the file has grown since it was read last."""
        return self._end is not None and self._end >= self.content.size()

    @property
    def is_read(self) -> bool:
        """Whether it is read to its end, and every line of it decided."""
        return self.at_end and self.decided

    def unread_bytes(self, offset: int, size: int) -> int:
        """Return how many bytes lie between an offset and a size, without NULs that were seen."""
        return max(0, size - offset) - self._nuls.within(offset, size)

    def close(self) -> None:
        """Close the file; what was read may still have to be decided."""
        self.content.close()

    def read(self) -> Block | None:
        """Return the next complete lines, None where there are none now.

        Raises:
            FileReplacedError: The file was truncated or overwritten.
        """
        size = min(BLOCK_BYTES, self.limits.line_bytes + 1)
        data = self.content.read_at(self.offset, size)
        if data.startswith(b"\0") and not self._inside_long_line:
            padding = self._padding()
            self._check()
            self._end = None if padding or self.scanning else self._nuls.end
            return self._advance(padding) if padding else None
        self.scanning = False
        self._look_for_wrapping(data)
        block = self._cut(data)
        if block is None and size == len(data) <= self.limits.line_bytes:
            data = self.content.read_at(self.offset, self.limits.line_bytes + 1)
            block = self._cut(data)
        self._check()
        if block is None and data.endswith(b"\0"):
            self._may_be_filled(data)
        behind = max(self.offset + len(data), self._nuls.end)
        self._end = None if block or self.scanning else behind
        return self._advance(block) if block else None

    def rest(self, *, ended: bool) -> Block | None:
        """Return what follows the last complete line, once it is a line.

        Args:
            ended: Whether nothing will be added any more: then it is rejected where it is no
                complete object.

        Raises:
            FileReplacedError: The file was truncated or overwritten.
        """
        data = self.content.read_at(self.offset, self.limits.line_bytes)
        self._check()
        if not data or self._inside_long_line:
            return None
        if ended and data.startswith(b"\0") and self._nuls.within(self.offset, EVERYTHING):
            return self._advance(self._over_nuls())
        if self._unwrap is not None:
            return self._wrapped_rest(data) if ended else None
        if self.content.mutable:
            data = data.rstrip(b"\0")
        if b"\n" in data or not data:
            return None
        rejected = "" if _is_complete(data) else UNFINISHED
        if rejected and not ended:
            return None
        return self._advance(self._block([data], data, rejected))

    def commit(self, block: Block) -> None:
        """Record that every line up to the end of a block is decided."""
        self.record.offset = block.end
        self.record.tail = _NO_TAIL if self._gap_is_filled else Fingerprint.of(block.tail)
        self.record.inside_long_line = block.inside_long_line
        if block.lines:
            self.last_decided = block.lines[-1]

    def _look_for_wrapping(self, data: bytes) -> None:
        """See by the first bytes of the file whether a container runtime wrapped its lines."""
        if self._looked_for_wrapping or not data:
            return
        self._looked_for_wrapping = True
        self._unwrap = unwrapper(self.head) or unwrapper(data)
        if self._unwrap is not None:
            fields = container_fields(self.path)
            self.fields = orjson.dumps(fields)[1:-1] + b"," if fields else b""

    def _padding(self) -> Block | None:
        """Return a block without lines over the NULs at the offset; None where more may follow.

        A log that is copied and truncated while its writer keeps its offset begins with a hole.
        Those of a file are passed over once data follow them, for they may be filled; what is
        compressed cannot change.
        """
        self._nuls.look(self.offset)
        self.scanning = self.content.mutable and self._nuls.unfinished
        if self._nuls.followed or not self.content.mutable:
            return self._over_nuls() if self._nuls.end > self.offset else None
        return None

    def _over_nuls(self) -> Block:
        """Return a block without lines from the offset to the last NUL that was seen."""
        block = self._block([], bytes(min(self._nuls.end - self.offset, TAIL_BYTES)))
        block.end = self._nuls.end
        self._gaps.add(self.offset, block.end)
        return block

    def _may_be_filled(self, data: bytes) -> bool:
        """Return whether nothing but NULs follows half a line: room for the rest of it."""
        written = len(data.rstrip(b"\0"))
        if not self.content.mutable or written == len(data):
            return False
        self._nuls.look(self.offset + written)
        self.scanning = self._nuls.unfinished
        return not self._nuls.followed

    def _cut(self, data: bytes) -> Block | None:
        """Return the complete lines at the beginning of bytes, or a piece of one over the limit."""
        if self._inside_long_line:
            return self._piece(data)
        end = data.rfind(b"\n") + 1
        if end:
            if self._unwrap is None:
                return self._block(data[: end - 1].split(b"\n"), data[:end])
            block = self._unwrapped(data[:end], self._unwrap)
            if block:
                return block
        if len(data) > self.limits.line_bytes and not self._may_be_filled(data):
            return self._piece(data[: self.limits.line_bytes])
        return None

    def _unwrapped(self, data: bytes, unwrap: Unwrap) -> Block | None:
        """Return the lines in some entries, None where the first line is not finished."""
        found = unwrap_lines(data[:-1].split(b"\n"), unwrap)
        if not found.consumed:
            return None
        block = self._block(found.lines, data[: found.consumed])
        block.starts = found.starts
        return block

    def _wrapped_rest(self, data: bytes) -> Block:
        """Return the last entries of a file that has ended: a line is rejected if unfinished."""
        entries = data.removesuffix(b"\n").split(b"\n")
        if self._unwrap is not None:
            found = unwrap_lines(entries, self._unwrap)
            if found.consumed >= len(data):
                block = self._block(found.lines, data)
                block.starts = found.starts
                return self._advance(block)
        return self._advance(self._block(entries, data, UNFINISHED))

    def _piece(self, data: bytes) -> Block | None:
        """Return bytes of a line over the limit, up to its newline where that is among them."""
        if not data:
            return None
        piece, newline, _ = data.partition(b"\n")
        block = self._block([piece], piece + newline, self.limits.too_long)
        block.inside_long_line = not newline
        return block

    def _block(self, lines: list[bytes], taken: bytes, rejected: str = "") -> Block:
        if self.content.mutable:
            self._gaps.add_within(taken, self.offset)
        return Block(
            source=self,
            start=self.offset,
            end=self.offset + len(taken),
            lines=lines,
            tail=(self._tail + taken[-TAIL_BYTES:])[-TAIL_BYTES:],
            rejected=rejected,
            maybe_sent=self.offset < self._maybe_sent_until,
        )

    def _advance(self, block: Block) -> Block:
        self.offset = block.end
        self._tail = block.tail
        self._inside_long_line = block.inside_long_line
        return block

    def _check(self) -> None:
        """Check that what was just read still belongs to the file whose offset is kept.

        The bytes before the offset are compared after those behind it were read: a file that is
        rewritten in between has other ones.
        """
        if not self.content.mutable or not self.persistent:
            return
        if self._is_replaced or self.content.size() < self.offset:
            raise FileReplacedError
        length = len(self._tail)
        if self.content.read_at(self.offset - length, length) != self._tail:
            raise FileReplacedError
        if self._gaps.are_filled():
            # Nothing else shows it, here and when the file is opened again.
            self._gap_is_filled = True
            self.record.tail = _NO_TAIL
            raise FileReplacedError
        if len(self.head) < HEAD_BYTES or self.head.startswith(b"\0"):
            self._extend_head()
        elif self.content.read_at(0, HEAD_BYTES) != self.head:
            raise FileReplacedError

    def _extend_head(self) -> None:
        """Let the head grow with the file up to `HEAD_BYTES`."""
        head = beginning(self.content)
        # NULs that nothing was read behind are no beginning yet: a file may be made with its size.
        is_room = self.offset == 0 and not self.head.strip(b"\0")
        if not head.startswith(self.head) and not is_room:
            raise FileReplacedError
        if head != self.head or not self.head:
            self.head = head
            self.record.set_head(head)


def _is_complete(data: bytes) -> bool:
    """Return whether these bytes are a JSON object: no beginning of a longer line can be one."""
    try:
        parse(data)
    except LineError:
        return False
    return True
