"""Rejected lines: kept in a file and a data stream, and sent again."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from mlmon.elastic.indices.names import DEAD_LETTER, data_stream
from mlmon.elastic.system.atomic_write import sync_folder
from mlmon.elastic.system.lock import hold
from mlmon.elastic.system.own_file import opener
from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.deliver.delivery import Delivery
from mlmon.ingest.encode.line import LineEncoder, LineError, event_id
from mlmon.ingest.files.source import ReadLimits
from mlmon.ingest.state.counts import RunCounts


class DeadLetterFile:
    """A file of dead letters that only grows, until they are retried.

    Args:
        path: Where it lies; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path.with_suffix(".retried" + path.suffix)
        self._lock = path.with_suffix(".lock")

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters and wait until they have reached the disk.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        data = b"".join(letter.to_line() for letter in letters)
        with hold(self._lock), open(self.path, "ab", opener=opener()) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def take(self) -> bool:
        """Set the letters aside to be retried; return whether there are any.

        Those set aside by a retry that did not finish come first.
        """
        with hold(self._lock):
            if not self._taken.exists() and self.path.exists():
                self.path.rename(self._taken)
        return self._taken.exists()

    def taken(self, most_bytes: int) -> Iterator[DeadLetter]:
        """Yield each letter set aside once, the pieces of a line over the limit as one.

        Args:
            most_bytes: Longest line that is joined; the pieces of a longer one stay separate.
        """
        yield from _joined(_read_letters(self._taken), most_bytes)

    def drop_taken(self) -> None:
        """Delete the letters set aside: each is stored, or rejected and kept again."""
        self._taken.unlink(missing_ok=True)


def _read_letters(path: Path) -> Iterator[DeadLetter]:
    with open(path, "rb", opener=opener()) as file:
        for line in file:
            # A write that a crash cut short is no letter: its batch was not decided.
            with suppress(LineError):
                yield DeadLetter.from_line(line)


def _joined(letters: Iterable[DeadLetter], most_bytes: int) -> Iterator[DeadLetter]:
    seen: set[str] = set()
    pieces: list[DeadLetter] = []
    size = 0
    separate = False
    for letter in letters:
        if letter.id in seen:
            continue
        seen.add(letter.id)
        pieces.append(letter)
        size += len(letter.raw)
        separate = separate or size > most_bytes
        if separate:
            # Too long to be sent in any case: as they are, so that memory stays bounded.
            yield from (replace(piece, is_piece=True) for piece in pieces)
            pieces = []
        elif not letter.continued:
            yield _one(pieces)
            pieces = []
        if not letter.continued:
            size, separate = 0, False
    if pieces:
        yield _one(pieces)


def _one(pieces: Sequence[DeadLetter]) -> DeadLetter:
    raw = b"".join(piece.raw for piece in pieces)
    return replace(pieces[-1], raw=raw, offset=pieces[0].offset, continued=False)


@dataclass(slots=True)
class DeadLetterItems:
    """Dead letters as items for their data stream.

    Attributes:
        letters: The rejected lines.
        items: One bulk item for each.
        maybe_sent: Whether some may be in the stream already.
    """

    letters: Sequence[DeadLetter]
    items: list[bytes]
    maybe_sent: bool = False

    @classmethod
    def of(
        cls, letters: Sequence[DeadLetter], namespace: str, shipper_id: str
    ) -> "DeadLetterItems":
        """Encode dead letters for the data stream of a namespace."""
        index = data_stream(DEAD_LETTER, namespace)
        dataset = DEAD_LETTER
        return cls(
            letters,
            [
                orjson.dumps(
                    {"create": {"_index": index, "_id": letter.id}},
                    option=orjson.OPT_APPEND_NEWLINE,
                )
                + orjson.dumps(
                    letter.to_document(dataset, shipper_id), option=orjson.OPT_APPEND_NEWLINE
                )
                for letter in letters
            ],
        )

    def event_id(self, index: int) -> str:
        """Return the id of a letter."""
        return self.letters[index].id

    def line(self, index: int) -> bytes:  # noqa: ARG002 - part of BulkItems
        """Return nothing to compare: a letter's id is a digest of its content."""
        return b""

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return a letter that its own data stream rejects; the file has it."""
        return replace(self.letters[index], reason=reason)


class DeadLetters:
    """Keeps rejected lines: in the file first, then in the data stream.

    Args:
        file: The file.
        delivery: Sends them to the data stream.
        namespace: Namespace of the data stream.
        shipper_id: Id of the shipper that rejected them.
    """

    def __init__(
        self, file: DeadLetterFile, delivery: Delivery, namespace: str, shipper_id: str
    ) -> None:
        self.file = file
        self.shipper_id = shipper_id
        self._delivery = delivery
        self._namespace = namespace

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep letters; those that the data stream rejects are in the file.

        Raises:
            OSError: The file cannot be written.
            StoppedError: Shutdown was requested before the data stream has them.
        """
        if letters:
            self.file.append(letters)
            batch = DeadLetterItems.of(letters, self._namespace, self.shipper_id)
            self._delivery.deliver(batch)


_BATCH_BYTES = 1 << 21


@dataclass(slots=True)
class RetriedItems:
    """Rejected lines as items again.

    Attributes:
        letters: The lines.
        items: One bulk item for each.
        maybe_sent: They are looked up first: a retry that did not finish may have stored some.
    """

    letters: list[DeadLetter] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    maybe_sent: bool = True

    def event_id(self, index: int) -> str:
        """Return the id of a line."""
        return event_id(self.letters[index].raw)

    def line(self, index: int) -> bytes:
        """Return a line."""
        return self.letters[index].raw

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of a line that is rejected again."""
        return replace(self.letters[index], reason=reason, time=datetime.now(UTC))


def retry_rejected(
    dead_letters: DeadLetters, encoder: LineEncoder, delivery: Delivery, limits: ReadLimits
) -> RunCounts:
    """Send all dead letters again; those that are rejected again are kept again.

    Raises:
        StoppedError: Shutdown was requested; the next retry starts with the same letters.
        UserError: A person has to act; the next retry starts with the same letters.
    """
    counts = RunCounts()
    if not dead_letters.file.take():
        return counts
    again: list[DeadLetter] = []
    for batch in _retry_batches(
        dead_letters.file.taken(limits.line_bytes), encoder, limits, again, counts
    ):
        result = delivery.deliver(batch)
        counts.stored += result.stored
        counts.duplicate += len(result.duplicates)
        counts.retried += result.retried
        again += result.rejected
        dead_letters.keep(again)
        for letter in again:
            counts.count_rejected(letter.reason)
        again.clear()
    dead_letters.file.drop_taken()
    return counts


def _retry_batches(
    letters: Iterable[DeadLetter],
    encoder: LineEncoder,
    limits: ReadLimits,
    again: list[DeadLetter],
    counts: RunCounts,
) -> Iterator[RetriedItems]:
    """Yield the lines that can be sent; put the others into `again`."""
    batch = RetriedItems()
    size = 0
    encoder.stamp(datetime.now(UTC))
    for letter in letters:
        counts.read += 1
        counts.bytes += len(letter.raw)
        size += len(letter.raw)
        try:
            if letter.is_piece or len(letter.raw) > limits.line_bytes:
                raise LineError(limits.too_long)  # noqa: TRY301 - handled like a bad content
            item = encoder.encode(letter.raw)
        except LineError as error:
            again.append(replace(letter, reason=str(error), time=datetime.now(UTC), is_piece=False))
        else:
            batch.letters.append(letter)
            batch.items.append(item)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = RetriedItems(), 0
    yield batch
