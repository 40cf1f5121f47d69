"""Writes a table as a Parquet file, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from elastic.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def write(table: pa.Table, path: Path) -> None:
    """Write a table in place of the file there was.

    Raises:
        UserError: The file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, part, compression="zstd")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written: {error.strerror}", "Choose another file with --out."
        ) from error
