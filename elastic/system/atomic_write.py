"""Writing a file whole or not at all: beside it first, then in its place by one rename."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` when the block ends.

    Where the block fails, `path` is as it was, and what was written beside it is gone.

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
