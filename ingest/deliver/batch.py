"""Lines on their way to Elasticsearch in one bulk request, and where each of them came from."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.encode.line import LineEncoder, LineError, event_id, is_blank
from mlmon.ingest.files.source import Block, LogSource


@dataclass(slots=True)
class _SourceShare:
    """The items of a batch that came from one block.

    Attributes:
        block: Where they came from.
        first: Index of the first of them in the batch.
        numbers: Which lines of the block they are; a range means all of them.
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
        rejected: Lines that cannot be sent.
        size: Bytes of all items and rejected lines.
        maybe_sent: Whether some of them may have been sent before.
    """

    opened: float
    items: list[bytes] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    maybe_sent: bool = False
    _shares: list[_SourceShare] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """The blocks the lines came in, in the order of reading."""
        return [share.block for share in self._shares]

    def add(self, block: Block, encoder: LineEncoder) -> int:
        """Add the lines of a block; return how many there are, without blank ones."""
        self.maybe_sent |= block.maybe_sent
        first = len(self.items)
        rejected = len(self.rejected)
        numbers: Sequence[int] = range(len(block.lines))
        try:
            items = self._encode_all(block, encoder)
        except LineError:
            items, numbers = self._encode_some(block, encoder)
        self.items += items
        self._shares.append(_SourceShare(block, first, numbers))
        self.size += sum(map(len, items))
        return len(items) + len(self.rejected) - rejected

    def event_id(self, index: int) -> str:
        """Return the id of an item."""
        return event_id(self.line(index))

    def line(self, index: int) -> bytes:
        """Return the line of an item."""
        share = self._share(index)
        return share.block.lines[share.numbers[index - share.first]]

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of an item that was rejected."""
        share = self._share(index)
        return _dead_letter(share.block, share.numbers[index - share.first], reason)

    def source(self, index: int) -> LogSource:
        """Return the file of an item."""
        return self._share(index).block.source

    def counts(self) -> Iterator[tuple[Block, int]]:
        """Yield each block with how many of its lines are items."""
        for share in self._shares:
            yield share.block, len(share.numbers)

    def _encode_all(self, block: Block, encoder: LineEncoder) -> list[bytes]:
        if block.rejected:
            raise LineError(block.rejected)
        encode, fields = encoder.encode, block.source.fields
        return [encode(line, fields) for line in block.lines]

    def _encode_some(self, block: Block, encoder: LineEncoder) -> tuple[list[bytes], list[int]]:
        """Encode the lines that can be, reject the others; return items and their numbers."""
        items: list[bytes] = []
        numbers: list[int] = []
        for number, line in enumerate(block.lines):
            try:
                if block.rejected:
                    raise LineError(block.rejected)  # noqa: TRY301 - handled like a bad content
                items.append(encoder.encode(line, block.source.fields))
                numbers.append(number)
            except LineError as error:
                if not is_blank(line):
                    self.rejected.append(_dead_letter(block, number, str(error)))
                    self.size += len(line)
        return items, numbers

    def _share(self, index: int) -> _SourceShare:
        return self._shares[bisect_right(self._shares, index, key=lambda share: share.first) - 1]


def _dead_letter(block: Block, number: int, reason: str) -> DeadLetter:
    return DeadLetter(
        time=datetime.now(UTC),
        reason=reason,
        raw=block.lines[number],
        path=block.source.path,
        offset=block.offset_of(number),
        continued=block.inside_long_line,
    )
