"""Files that appear when they are complete, and not at all if the run fails."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from mmap import ACCESS_READ, mmap
from typing import IO, TYPE_CHECKING

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class Output:
    """A file that is written under another name until `commit`.

    Args:
        path: Its place; the folder is made with the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Hidden, so that a shipper that watches the folder does not take it.
        self.partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            UserError: The disk does not take it.
        """
        if not data:
            return
        with as_user_error(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.partial.open("wb")
            self._file.write(data)

    def rewrite(self, pieces: Callable[[mmap], Iterable[bytes]]) -> None:
        """Replace what was written.

        Args:
            pieces: Given what was written, yields what to write instead.

        Raises:
            UserError: The disk does not take it.
        """
        if self._file is None:
            return
        old = self.partial.with_name(f"{self.partial.name}.old")
        with as_user_error(self.path):
            self._file.close()
            self.partial.rename(old)
            try:
                self._file = self.partial.open("wb")
                with old.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as written:
                    self._file.writelines(pieces(written))
            finally:
                old.unlink()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more; pyarrow asks."""
        return self._file is not None and self._file.closed

    def flush(self) -> None:
        """Do nothing: `commit` hands the data to the disk; pyarrow calls this, too."""

    def commit(self) -> Path | None:
        """Take the place and return it; where nothing was written, the place is left empty."""
        with as_user_error(self.path):
            if self._file is None:
                self.path.unlink(missing_ok=True)
                return None
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.partial.replace(self.path)
        return self.path

    def discard(self) -> None:
        """Remove what was not committed."""
        if self._file is not None:
            # What a full disk did not take, closing would try to write once more.
            with suppress(OSError):
                self._file.close()
            self.partial.unlink(missing_ok=True)


@contextmanager
def as_user_error(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one that a user can fix."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}",
            "Choose another folder with --out, or free the disk, and run again.",
        ) from error
