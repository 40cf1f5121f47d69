"""Where refused lines are kept: a file, and a data stream that can be searched."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import orjson

from elastic.templates import DEAD_LETTER_STREAM
from ingest.checkpoint import sync_folder
from ingest.dead_letter import DeadLetter
from ingest.line import LineError


class DeadLetterFile:
    """A file of dead letters that only grows.

    Args:
        path: Where it lies; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters and wait until they have reached the disk.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        data = b"".join(letter.to_line() for letter in letters)
        with self._lock:
            is_new = not self.path.exists()
            with self.path.open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self.path.parent)

    def read(self) -> Iterator[DeadLetter]:
        """Yield each letter once, the pieces of a line over the limit as one.

        Raises:
            OSError: The file cannot be read.
        """
        seen: set[str] = set()
        head: DeadLetter | None = None
        for letter in self._lines():
            if letter.id in seen:
                continue
            seen.add(letter.id)
            whole = (
                replace(letter, raw=head.raw + letter.raw, offset=head.offset) if head else letter
            )
            head = whole if letter.continued else None
            if head is None:
                yield whole
        if head is not None:
            yield head

    def _lines(self) -> Iterator[DeadLetter]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                try:
                    yield DeadLetter.from_line(line)
                except LineError:
                    # The last line of a write that a crash cut short: its batch was not decided.
                    continue


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
