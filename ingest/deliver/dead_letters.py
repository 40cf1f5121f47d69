"""Where refused lines are kept: a file, and a data stream that can be searched."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from mlmon.elastic.indices.templates import DEAD_LETTER_STREAM
from mlmon.elastic.system.lock import hold
from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.deliver.delivery import Delivery
from mlmon.ingest.encode.line import LineError
from mlmon.ingest.state.checkpoint import sync_folder


class DeadLetterFile:
    """A file of dead letters that only grows, until a replay takes it away.

    Args:
        path: Where it lies; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path.with_suffix(".replayed" + path.suffix)
        self._lock = path.with_suffix(".lock")

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters and wait until they have reached the disk.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        data = b"".join(letter.to_line() for letter in letters)
        with hold(self._lock), self.path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def take(self) -> bool:
        """Set the letters aside to be replayed; return whether there are any.

        Those set aside before, by a replay that did not end, come first.
        """
        with hold(self._lock):
            if not self._taken.exists() and self.path.exists():
                self.path.rename(self._taken)
        return self._taken.exists()

    def taken(self) -> Iterator[DeadLetter]:
        """Yield each letter set aside once, the pieces of a line over the limit as one."""
        yield from _whole(_letters(self._taken))

    def drop_taken(self) -> None:
        """Delete the letters set aside: each is stored, or refused again and kept anew."""
        self._taken.unlink(missing_ok=True)


def _letters(path: Path) -> Iterator[DeadLetter]:
    with path.open("rb") as file:
        for line in file:
            # A write that a crash cut short is no letter: its batch was not decided.
            with suppress(LineError):
                yield DeadLetter.from_line(line)


def _whole(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    seen: set[str] = set()
    head: DeadLetter | None = None
    for letter in letters:
        if letter.id in seen:
            continue
        seen.add(letter.id)
        whole = replace(letter, raw=head.raw + letter.raw, offset=head.offset) if head else letter
        head = whole if letter.continued else None
        if head is None:
            yield whole
    if head is not None:
        yield replace(head, continued=False)


@dataclass(slots=True)
class DeadLetterParcel:
    """Dead letters as items for their data stream.

    Attributes:
        letters: The refused lines.
        items: One bulk item for each.
        suspect: Whether some may be in the stream already.
    """

    letters: Sequence[DeadLetter]
    items: list[bytes]
    suspect: bool = False

    @classmethod
    def of(
        cls, letters: Sequence[DeadLetter], namespace: str, shipper_id: str
    ) -> "DeadLetterParcel":
        """Encode dead letters for the data stream of a namespace."""
        index = f"{DEAD_LETTER_STREAM}-{namespace}"
        dataset = DEAD_LETTER_STREAM.partition("-")[2]
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

    def ident(self, index: int) -> str:
        """Return the id of a letter."""
        return self.letters[index].id

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return a letter that its own data stream refuses: the file has it."""
        return replace(self.letters[index], reason=reason)


class DeadLetters:
    """Keeps refused lines: in the file first, then in the data stream.

    Args:
        file: The file.
        delivery: Sends them to the data stream.
        namespace: Namespace of the data stream.
        shipper_id: Who refuses them.
    """

    def __init__(
        self, file: DeadLetterFile, delivery: Delivery, namespace: str, shipper_id: str
    ) -> None:
        self.file = file
        self.shipper_id = shipper_id
        self._delivery = delivery
        self._namespace = namespace

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep letters; what the data stream refuses is in the file all the same.

        Raises:
            OSError: The file cannot be written.
            StoppedError: The shipper stops before the data stream has them.
        """
        if letters:
            self.file.append(letters)
            parcel = DeadLetterParcel.of(letters, self._namespace, self.shipper_id)
            self._delivery.deliver(parcel)
