"""A lock between processes of one machine; the system releases it when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at this path while the block runs; wait until it is free."""
    # Through no link: it could lead to any file that this user may write.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
