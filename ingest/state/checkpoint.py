"""How far each file is decided, kept so that a killed process neither loses nor doubles a line.

The file is replaced in one step: a new one is written, synced and renamed, and the folder is
synced. There is one per cluster, because what one cluster holds proves nothing about another.
"""

from collections.abc import Iterable
from pathlib import Path

import orjson

from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.elastic.system.own_file import PRIVATE, read_own
from mlmon.ingest.files.file_identity import FileRecord

CHECKPOINT_FORMAT = 1


class Checkpoint:
    """The file that holds the records.

    Args:
        path: Where it lies; the folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> tuple[FileRecord, ...]:
        """Return what was saved last; nothing where there is no file yet, or it is damaged.

        Raises:
            UserError: The file belongs to another user, or is a link.
        """
        try:
            value = orjson.loads(read_own(self.path))
            if value["format"] != CHECKPOINT_FORMAT:
                return ()
            return tuple(FileRecord.from_json(record) for record in value["files"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return ()

    def save(self, records: Iterable[FileRecord]) -> None:
        """Replace what was saved.

        Raises:
            OSError: The disk is full or cannot be written; what was saved before is unharmed.
        """
        value = {"format": CHECKPOINT_FORMAT, "files": [record.to_json() for record in records]}
        with atomic_write(self.path, durable=True, mode=PRIVATE) as part:
            part.write_bytes(orjson.dumps(value))
