"""How far each file is decided, kept so that a killed process neither loses nor doubles a line.

The file is replaced as a whole: written beside, synced, renamed, and the folder synced. There is
one per cluster, because what one cluster has says nothing about another.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from mlmon.ingest.files.record import Record

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint held.

    Attributes:
        records: One per file.
        trusted: False where the file was damaged: what was sent is then unknown, and every id is
            to be looked up.
    """

    records: tuple[Record, ...] = ()
    trusted: bool = True


class Checkpoint:
    """The file that holds the records.

    Args:
        path: Where it lies; the folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Saved:
        """Return what was saved last; nothing where there is no file yet."""
        try:
            value = orjson.loads(self.path.read_bytes())
            if value["format"] != FORMAT:
                return Saved(trusted=False)
            return Saved(tuple(Record.from_json(record) for record in value["files"]))
        except FileNotFoundError:
            return Saved()
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Saved(trusted=False)

    def save(self, records: Iterable[Record]) -> None:
        """Replace what was saved.

        Raises:
            OSError: The disk is full or cannot be written; what was saved before is unharmed.
        """
        value = {"format": FORMAT, "files": [record.to_json() for record in records]}
        write_atomically(self.path, orjson.dumps(value, option=orjson.OPT_INDENT_2))


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file: whoever reads it, also after a crash, finds the old or the new content.

    Args:
        path: The file.
        data: Its new content.
        durable: Whether to wait until it has reached the disk.
    """
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
