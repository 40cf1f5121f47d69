"""How far each file is decided, kept so that a killed process neither loses nor doubles a line.

The file is replaced in one step: a new one is written, synced and renamed, and the folder is
synced. There is one per cluster, because what one cluster holds proves nothing about another.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from mlmon.ingest.files.file_identity import FileRecord

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """The content of a checkpoint.

    Attributes:
        records: One per file.
        trusted: False where the file was damaged: what was sent is then unknown, and every id is
            looked up.
    """

    records: tuple[FileRecord, ...] = ()
    trusted: bool = True


class Checkpoint:
    """The file that holds the records.

    Args:
        path: Where it lies; the folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> SavedCheckpoint:
        """Return what was saved last; nothing where there is no file yet."""
        try:
            value = orjson.loads(self.path.read_bytes())
            if value["format"] != FORMAT:
                return SavedCheckpoint(trusted=False)
            return SavedCheckpoint(tuple(FileRecord.from_json(record) for record in value["files"]))
        except FileNotFoundError:
            return SavedCheckpoint()
        except (ValueError, KeyError, TypeError):
            return SavedCheckpoint(trusted=False)

    def save(self, records: Iterable[FileRecord]) -> None:
        """Replace what was saved.

        Raises:
            OSError: The disk is full or cannot be written; what was saved before is unharmed.
        """
        value = {"format": FORMAT, "files": [record.to_json() for record in records]}
        atomic_write(self.path, orjson.dumps(value))


def atomic_write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file so that a reader, also after a crash, finds the old or the new content.

    Args:
        path: The file.
        data: Its new content.
        durable: Whether to wait until it has reached the disk.
    """
    new_path = path.with_name(f".{path.name}.new")
    with new_path.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    new_path.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
