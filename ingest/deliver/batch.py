"""Lines on their way to Elasticsearch in one bulk request, and where each of them came from."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.encode.line import Encoder, LineError, event_id, is_blank
from mlmon.ingest.files.source import Block, Source


@dataclass(slots=True)
class _Share:
    """The items of a batch that came from one block.

    Attributes:
        block: Where they came from.
        first: Index of the first of them in the batch.
        numbers: Which lines of the block they are; all of them, where that is a range.
    """

    block: Block
    first: int
    numbers: Sequence[int]


@dataclass(slots=True)
class Batch:
    """Encoded lines with their places.

    Attributes:
        opened: When the first line came, on the clock of the pipeline.
        items: Action and document of each line, as the bulk API takes them.
        refused: Lines that cannot be sent.
        size: Bytes of all items and refused lines.
        suspect: Whether some of them may have been sent before.
    """

    opened: float
    items: list[bytes] = field(default_factory=list)
    refused: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    suspect: bool = False
    _shares: list[_Share] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """The blocks the lines came in, in the order of reading."""
        return [share.block for share in self._shares]

    def add(self, block: Block, encoder: Encoder) -> int:
        """Take the lines of a block; return how many there are, blank ones passed over."""
        self.suspect |= block.suspect
        first = len(self.items)
        refused = len(self.refused)
        numbers: Sequence[int] = range(len(block.lines))
        try:
            items = self._encode_all(block, encoder)
        except LineError:
            items, numbers = self._encode_some(block, encoder)
        self.items += items
        self._shares.append(_Share(block, first, numbers))
        self.size += sum(map(len, items))
        return len(items) + len(self.refused) - refused

    def ident(self, index: int) -> str:
        """Return the id of an item."""
        return event_id(self._line(index))

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of an item that Elasticsearch refused."""
        share = self._share(index)
        return _dead_letter(share.block, share.numbers[index - share.first], reason)

    def source(self, index: int) -> Source:
        """Return the file of an item."""
        return self._share(index).block.source

    def counts(self) -> Iterator[tuple[Block, int]]:
        """Yield each block with how many of its lines are items."""
        for share in self._shares:
            yield share.block, len(share.numbers)

    def _encode_all(self, block: Block, encoder: Encoder) -> list[bytes]:
        if block.refused:
            raise LineError(block.refused)
        encode = encoder.encode
        return [encode(line) for line in block.lines]

    def _encode_some(self, block: Block, encoder: Encoder) -> tuple[list[bytes], list[int]]:
        """Encode what can be, put the rest into `refused`; return items and their numbers."""
        items: list[bytes] = []
        numbers: list[int] = []
        for number, line in enumerate(block.lines):
            try:
                if block.refused:
                    raise LineError(block.refused)  # noqa: TRY301 - the same way as by its content
                items.append(encoder.encode(line))
                numbers.append(number)
            except LineError as error:
                if not is_blank(line):
                    self.refused.append(_dead_letter(block, number, str(error)))
                    self.size += len(line)
        return items, numbers

    def _line(self, index: int) -> bytes:
        share = self._share(index)
        return share.block.lines[share.numbers[index - share.first]]

    def _share(self, index: int) -> _Share:
        return self._shares[bisect_right(self._shares, index, key=lambda share: share.first) - 1]


def _dead_letter(block: Block, number: int, reason: str) -> DeadLetter:
    offset = block.start + sum(len(line) + 1 for line in block.lines[:number])
    return DeadLetter(
        time=datetime.now(UTC),
        reason=reason,
        raw=block.lines[number],
        path=block.source.path,
        offset=offset,
        continued=block.inside_long_line,
    )
