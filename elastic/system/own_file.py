"""Open files of mlmon's own in folders that others may write to, without being led elsewhere."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from mlmon.elastic.errors import UserError

PRIVATE = 0o600
"""Mode of a file that only its owner reads."""


def opener(mode: int = PRIVATE) -> Callable[[str, int], int]:
    """Return an opener for `open`: it refuses links and files of other users.

    A link could lead to any file that this user may write; a file that another user put there
    could hold anything.

    Args:
        mode: Mode of a file that is created.
    """

    def open_own(path: str, flags: int) -> int:
        try:
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _refused(path, "is a symbolic link") from error
            raise
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in {0, os.geteuid()}:
            os.close(descriptor)
            raise _refused(path, f"belongs to the user with the id {status.st_uid}")
        return descriptor

    return open_own


def read_own(path: Path) -> bytes:
    """Return the content of a file of one's own.

    Raises:
        UserError: It is a link, or belongs to another user.
        OSError: It is not there, or cannot be read.
    """
    with open(path, "rb", opener=opener()) as file:
        return file.read()


def _refused(path: str, why: str) -> UserError:
    return UserError(
        f"{path} {why}, and is not used",
        "Run the command as the user of that folder, or name a folder of your own.",
    )
