"""The bytes of a file, a compressed file or a pipe, read from an offset.

What is read again after a half line comes from the file, not from memory, so that a source costs
a file descriptor and few bytes. Offsets of compressed files count decompressed bytes: a file keeps
its offsets when it is compressed.
"""

import errno
import os
import select
import zlib
from typing import Protocol

_CHUNK = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib: 15 bits of window, and 16 for the gzip format


class Content(Protocol):
    """Bytes that can be read from an offset onwards.

    Attributes:
        mutable: Whether what was read may be truncated or overwritten, and can be read again to
            check.
    """

    mutable: bool
    problem: str
    """Why it cannot be read further; empty where it can."""

    @property
    def finished(self) -> bool:
        """Whether nothing will ever follow what was read."""

    def size(self) -> int:
        """Return how many bytes are known to be there."""

    def version(self) -> tuple[int, int]:
        """Return what changes with every write: size, and time of the last one where known."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return at most `size` bytes from `offset`; fewer where no more are there now."""

    def is_deleted(self) -> bool:
        """Return whether it has no name any more."""

    def skip_hole(self, offset: int) -> int:
        """Return where the next bytes that were written begin, `offset` where that is unknown."""

    def close(self) -> None:
        """Close the file."""


def open_content(path: str, identity: tuple[int, int]) -> Content | None:
    """Open the file that was found at a path, None where another file is there now.

    Args:
        path: Where it was found.
        identity: Its device and inode.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != identity:
        os.close(descriptor)
        return None
    beginning = os.pread(descriptor, len(_GZIP_MAGIC), 0)
    # No line begins with the first byte of a gzip file, which may be all of it that is written yet.
    compressed = beginning and _GZIP_MAGIC.startswith(beginning)
    return GzipContent(descriptor) if compressed else PlainContent(descriptor)


class PlainContent:
    """A regular file: may grow, be cut, or be deleted while it is open."""

    mutable = True
    finished = False
    problem = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def size(self) -> int:
        """Return the file's size now, in bytes."""
        return os.fstat(self._descriptor).st_size

    def version(self) -> tuple[int, int]:
        """Return size and time of the last write, nanoseconds since the epoch."""
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes at an offset."""
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            self.problem = error.strerror or str(error)
            return b""

    def is_deleted(self) -> bool:
        """Return whether it has no name any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    def skip_hole(self, offset: int) -> int:
        """Return the first offset from this one on that is in no hole; the size without any."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            return max(offset, self.size()) if error.errno == errno.ENXIO else offset

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class GzipContent:
    """A gzip file of one or more members, read forwards; going back begins again.

    A file that is still being written ends where it ends now: the rest is read when it is there.
    A damaged one ends at the damage. NULs behind a member are padding, as for `gzip -d`; a member
    behind them is read. Other bytes there end the file, and are named.
    """

    mutable = False
    problem = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rewind()

    def _rewind(self) -> None:
        self.problem = ""
        self._consumed = 0
        self._at_member_start = False
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        self._start = 0
        # What is appended to bytes is copied with them: a long line would cost its square.
        self._buffer = bytearray()
        self.finished = False

    def size(self) -> int:
        """Return how many decompressed bytes have been reached so far."""
        return self._start + len(self._buffer)

    def version(self) -> tuple[int, int]:
        """Return the size: what was read does not change."""
        return self.size(), 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the decompressed bytes at an offset."""
        if offset < self._start:
            self._rewind()
        while self.size() < offset + size:
            self._drop_before(offset)
            more = self._inflate()
            if not more:
                break
            self._buffer += more
        self._drop_before(offset)
        return bytes(memoryview(self._buffer)[:size])

    def is_deleted(self) -> bool:
        """Return False: what was read does not change, so nobody asks."""
        return False

    def skip_hole(self, offset: int) -> int:
        """Return the offset."""
        return offset

    def _drop_before(self, offset: int) -> None:
        dropped = max(0, min(offset - self._start, len(self._buffer)))
        del self._buffer[:dropped]
        self._start += dropped

    def _inflate(self) -> bytes:
        """Return some more decompressed bytes, none where the file ends for now."""
        while not self.problem:
            if self._inflater.eof:
                self._next_member()
            if self._at_member_start and not self._is_member_next():
                return b""
            pending = self._inflater.unconsumed_tail
            compressed = pending or os.pread(self._descriptor, _CHUNK, self._consumed)
            if not compressed:
                self.finished = self._at_member_start
                return b""
            if not pending:
                self._consumed += len(compressed)
            before = self._inflater.copy()
            try:
                data = self._inflater.decompress(compressed, _CHUNK * 4)
            except zlib.error as error:
                self.problem = str(error)
                data = _until_damage(before, compressed)
            self._at_member_start = False
            if data:
                return data
        return b""

    def _next_member(self) -> None:
        self._consumed -= len(self._inflater.unused_data)
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        self._at_member_start = True

    def _is_member_next(self) -> bool:
        """Pass over NULs behind a member; return whether another member follows them."""
        found = os.pread(self._descriptor, _CHUNK, self._consumed)
        while found and not found.strip(b"\0"):
            self._consumed += len(found)
            found = os.pread(self._descriptor, _CHUNK, self._consumed)
        behind = found.lstrip(b"\0")
        self._consumed += len(found) - len(behind)
        if behind.startswith(_GZIP_MAGIC):
            return True
        self.finished = not behind
        if behind and not _GZIP_MAGIC.startswith(behind):
            size = os.fstat(self._descriptor).st_size - self._consumed
            self.problem = f"the last {size:,} bytes are not gzip data (gzip ignores them too)"
        return False

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _until_damage(inflater: "zlib._Decompress", compressed: bytes) -> bytes:
    """Return what can be decompressed of damaged bytes: zlib gives nothing of a call that fails."""
    found = bytearray()
    try:
        for position in range(len(compressed)):
            found += inflater.decompress(compressed[position : position + 1])
    except zlib.error:
        pass
    return bytes(found)


class PipeContent:
    """Standard input: read as it comes, never waited for, and gone once read."""

    mutable = False
    problem = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._start = 0
        self._buffer = b""
        self.finished = False

    def size(self) -> int:
        """Return how many bytes have come so far."""
        return self._start + len(self._buffer)

    def version(self) -> tuple[int, int]:
        """Return the size: what was read does not change."""
        return self.size(), 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes at an offset; what lies before it is forgotten."""
        self._buffer = self._buffer[offset - self._start :]
        self._start = offset
        while len(self._buffer) < size and not self.finished and self._ready():
            data = os.read(self._descriptor, size - len(self._buffer))
            self.finished = not data
            self._buffer += data
        return self._buffer[:size]

    def is_deleted(self) -> bool:
        """Return False: what was read does not change, so nobody asks."""
        return False

    def skip_hole(self, offset: int) -> int:
        """Return the offset."""
        return offset

    def _ready(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 0)
        return bool(ready)

    def close(self) -> None:
        """Leave standard input open: it is not ours to close."""
