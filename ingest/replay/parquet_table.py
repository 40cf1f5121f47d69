"""A Parquet file in chunks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.chunk import Chunk, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CHUNK_ROWS = 16_384


class ParquetTable:
    """A Parquet file.

    Args:
        path: Where.

    Attributes:
        columns: the names of its columns.

    Raises:
        UserError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            self.columns: list[str] = list(file.schema_arrow.names)

    def chunks(self, columns: Iterable[str]) -> Iterator[Chunk]:
        """Yield the rows, of these columns.

        Raises:
            UserError: The file is damaged.
        """
        wanted = list(columns)
        first = 1
        with self._opened() as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(CHUNK_ROWS, columns=wanted):
                cells = {name: cells_of(batch.column(name)) for name in wanted}
                numbers = range(first, first + batch.num_rows)
                first += batch.num_rows
                yield Chunk(numbers, cells, done=numbers.stop / (total + 1))

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.path) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise UserError(
                f"{self.path} cannot be read as Parquet: {error}", "Write the table again."
            ) from error
