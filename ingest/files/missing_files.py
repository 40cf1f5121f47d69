"""Known files that are nowhere although their end was not seen: somebody must bring them back."""

from collections.abc import Collection, Iterable, Sequence

from mlmon.ingest.files.file_identity import FileRecord
from mlmon.ingest.files.paths import is_named, printable


class MissingFiles:
    """What is missing of the files that were read.

    Args:
        patterns: Absolute paths and glob patterns; a file that they do not name is not missed.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._found: list[tuple[float, FileRecord]] = []

    def note(
        self,
        known: Iterable[FileRecord],
        closed: Collection[tuple[int, int]],
        now: float,
    ) -> None:
        """Note which files are missing now.

        Args:
            known: The records of the files that are not open.
            closed: Device and inode of the files that are there, hold something and are not open.
            now: Seconds since the epoch.
        """
        since = {id(record): moment for moment, record in self._found}
        self._found = [
            (since.get(id(record), now), record)
            for record in known
            # Where a file of this inode is open, it holds something else.
            if not record.ended
            and record.identity not in closed
            and is_named(self._patterns, record.named)
        ]

    def take(self, before: float) -> dict[str, str]:
        """Return files that are missing since before a time, with what to do; each only once."""
        taken = {}
        for since, record in self._found:
            if since <= before and not record.ended:
                record.ended = True
                taken[f"{printable(record.path)} (inode {record.inode})"] = (
                    "was moved away or deleted before its end was seen: what was written behind "
                    f"byte {record.offset:,} is not shipped; ship it from where it is"
                )
        return taken
