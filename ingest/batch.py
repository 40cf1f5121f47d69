"""Lines on their way to Elasticsearch in one bulk request, and where each of them came from."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.dead_letter import DeadLetter
from ingest.line import Encoder, LineError, event_id, is_blank
from ingest.source import Block, Source


@dataclass(slots=True)
class Batch:
    """Encoded lines with their raw bytes and places.

    Attributes:
        items: Action and document of each line, as the bulk API takes them.
        lines: The same lines as they were read.
        offsets: Where each of them begins in its file.
        blocks: The blocks they came in, in the order of reading.
        refused: Lines that cannot be sent.
        size: Bytes of all items and refused lines.
        suspect: Whether some of them may have been sent before.
        opened: When the first line came, on the clock of the pipeline.
    """

    opened: float
    items: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    refused: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    suspect: bool = False
    _firsts: list[int] = field(default_factory=list)

    def add(self, block: Block, encoder: Encoder) -> None:
        """Take the lines of a block; blank ones are passed over."""
        self._firsts.append(len(self.items))
        self.blocks.append(block)
        self.suspect |= block.suspect
        encode = encoder.encode
        offset = block.start
        for line in block.lines:
            try:
                if block.refused:
                    raise LineError(block.refused)  # noqa: TRY301 - the same way as a line refused by its content
                item = encode(line)
            except LineError as error:
                self._refuse(block, offset, line, str(error))
            else:
                self.items.append(item)
                self.lines.append(line)
                self.offsets.append(offset)
                self.size += len(item)
            offset += len(line) + 1

    def ident(self, index: int) -> str:
        """Return the id of an item."""
        return event_id(self.lines[index])

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of an item that Elasticsearch refused."""
        source = self.source(index)
        return DeadLetter(
            datetime.now(UTC), reason, self.lines[index], source.path, self.offsets[index]
        )

    def source(self, index: int) -> Source:
        """Return the file of an item."""
        return self.blocks[bisect_right(self._firsts, index) - 1].source

    def shares(self) -> Iterator[tuple[Block, int]]:
        """Yield each block with how many of its lines are items."""
        ends = (*self._firsts[1:], len(self.items))
        for block, first, end in zip(self.blocks, self._firsts, ends, strict=True):
            yield block, end - first

    def _refuse(self, block: Block, offset: int, line: bytes, reason: str) -> None:
        if is_blank(line):
            return
        piece = block.inside_long_line
        letter = DeadLetter(
            datetime.now(UTC), reason, line, block.source.path, offset, continued=piece
        )
        self.refused.append(letter)
        self.size += len(line)
