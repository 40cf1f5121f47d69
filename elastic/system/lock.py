"""A lock between processes on one machine, given free by the system when its holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock at this path, and hold it for a while."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
