"""Prevents two shippers on one machine from reading the same file for the same data streams.

Each file is one byte of a lock file, locked while the file is read: the system releases it when
the shipper ends, also when it is killed. The log is not locked: its writer may lock it.
"""

import fcntl
from hashlib import blake2b
from pathlib import Path

_SPAN = 1 << 62


class FileLocks:
    """The files that this process reads.

    Args:
        path: The lock file, the same for all shippers that could read the same files.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # Open as long as the process: to close any descriptor of it would release all locks.
        self._file = path.open("ab")

    def take(self, identity: tuple[int, int]) -> bool:
        """Lock a file by its device and inode; return whether no other process reads it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(identity))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def give(self, identity: tuple[int, int]) -> None:
        """Let others read a file."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(identity))

    def close(self) -> None:
        """Let others read all files."""
        self._file.close()


def _place(identity: tuple[int, int]) -> int:
    digest = blake2b(repr(identity).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _SPAN
