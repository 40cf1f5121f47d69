"""A file that is open: where it is, whether it grows, and whether it has to be read."""

from dataclasses import dataclass

from mlmon.ingest.files.file_identity import FileRecord
from mlmon.ingest.files.paths import FoundFile, link_target
from mlmon.ingest.files.source import LogSource

REST_S = 5.0
"""How long a file must be unchanged until it is read only where somebody noticed a change."""


@dataclass(slots=True)
class OpenFile:
    """An open source, and its place.

    Attributes:
        source: The file.
        away: Whether no pattern names it any more: it was renamed or deleted.
        size: Its size when it was last looked at.
        changed: When it had another size, seconds since the epoch.
        version: Size and time of the last write when it was last found.
    """

    source: LogSource
    away: bool = False
    size: int = 0
    changed: float = 0.0
    version: tuple[int, int] = (-1, -1)

    def update(self, file: FoundFile | None, now: float) -> bool:
        """Record where the file is now and whether it grew; return whether it is to be read."""
        self.away = file is None
        record = self.source.record
        if file:
            if file.path != record.path:
                record.target = link_target(file.path)
            record.path = record.named = file.path
            record.seen = now
        size = self.source.content.size()
        if size != self.size:
            self.size = size
            self.changed = max(self.changed, now)
        before = self.version
        self.version = (file.size, file.modified_ns) if file else (-1, -1)
        return file is None or self.version != before

    def may_rest(self, now: float) -> bool:
        """Return whether nothing of it has to be read until its version changes."""
        source = self.source
        return (
            not self.away
            and source.persistent
            and source.content.mutable
            and source.at_end
            and not source.scanning
            and now - self.changed >= REST_S
            and source.content.version() == self.version
        )


@dataclass(frozen=True, slots=True)
class LostBytes:
    """Bytes that disappeared before they were read.

    Attributes:
        record: The file.
        offset: Where reading stopped.
        bytes: How many are missing.
        since: When that was seen, seconds since the epoch.
    """

    record: FileRecord
    offset: int
    bytes: int
    since: float
