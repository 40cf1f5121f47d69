"""Write a file completely or not at all: to a temporary file, renamed at the end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to `path` when the block ends.

    Where the block fails, `path` is unchanged and the temporary file is removed.

    Raises:
        UserError: The file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", "Choose another file with --out."
        ) from error
    finally:
        part.unlink(missing_ok=True)
