"""CSV and Parquet files, also compressed ones, in chunks.

Cells of a CSV file stay texts: the mapping types them. pyarrow would infer types from the
first block and give up at the first later cell that differs.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.table import BrokenRow, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


BLOCK_BYTES = 1 << 19
"""Bytes parsed at a time, the longest a row may be; pyarrow reads 32 such blocks ahead."""

_HINT = "Write the table again as CSV with a header, in UTF-8, the quotes in cells doubled."


class CsvTable:
    """A CSV file with a header.

    Args:
        path: Where; one that ends with `.gz` is decompressed.
        delimiter: What separates its columns.

    Attributes:
        columns: the names in its header.

    Raises:
        UserError: It cannot be read, or has no header.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self.path = path
        self._delimiter = delimiter
        with self._bytes() as (_, stream), self._user_errors():
            reader = pyarrow.csv.open_csv(
                stream,
                parse_options=self._parsing([]),
                convert_options=pyarrow.csv.ConvertOptions(check_utf8=False),
            )
            self.columns: list[str] = list(reader.schema.names)

    def chunks(self, columns: Iterable[str]) -> Iterator[Chunk]:
        """Yield the rows, of these columns.

        Raises:
            UserError: The file cannot be parsed from some row on.
        """
        broken: list[BrokenRow] = []
        reported = number = 0
        with self._bytes() as (file, stream), self._user_errors():
            for batch in self._reader(stream, tuple(columns), broken):
                known = {row.number for row in broken}
                free = (place for place in itertools.count(number + 1) if place not in known)
                numbers = list(itertools.islice(free, batch.num_rows))
                number = numbers[-1] if numbers else number
                cells = {name: cells_of(batch.column(name)) for name in batch.schema.names}
                reported, new = len(broken), broken[reported:]
                yield Chunk(numbers, cells, new, file.tell() / max(file.size(), 1))
        yield Chunk([], {}, broken[reported:])

    def _reader(self, stream: Any, columns: tuple[str, ...], broken: list[BrokenRow]) -> Any:
        return pyarrow.csv.open_csv(
            stream,
            # Rows that cannot be split are numbered only when one thread reads.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=self._parsing(broken),
            convert_options=pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    def _parsing(self, broken: list[BrokenRow]) -> pyarrow.csv.ParseOptions:
        def note(row: Any) -> str:
            found = f"has {row.actual_columns} cells, the header has {row.expected_columns}"
            # pyarrow counts the header as row 1.
            broken.append(
                BrokenRow((row.number or 1) - 1, row.text, f"{found}: quote the delimiter")
            )
            return "skip"

        return pyarrow.csv.ParseOptions(
            delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=note
        )

    @contextmanager
    def _bytes(self) -> Iterator[tuple[Any, Any]]:
        """Open the file; yield it, and the stream of its decompressed bytes."""
        try:
            file = pa.OSFile(str(self.path))
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error}", "Check the path.") from error
        with file:
            gzipped = self.path.suffix == ".gz"
            yield file, pa.CompressedInputStream(file, "gzip") if gzipped else file

    @contextmanager
    def _user_errors(self) -> Iterator[None]:
        """Turn what pyarrow could not read into an error that a user can fix."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise UserError(f"The header of {self.path} is not UTF-8", _HINT) from error
        except pa.ArrowInvalid as error:
            long = "straddl" in str(error)
            found = f"a row is longer than {BLOCK_BYTES:,} bytes" if long else error
            hint = "Close its quote, or write the table as Parquet." if long else _HINT
            raise UserError(f"{self.path} cannot be read as CSV: {found}", hint) from error
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self.path} cannot be read as CSV: {error}", _HINT) from error


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


def cells_of(column: pa.Array) -> list[Any]:
    """Return a column's values as Python's; times in UTC and in microseconds, as the log's are."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        wanted = pa.timestamp("us", "UTC" if kind.tz else None)
        column = column.cast(options=pc.CastOptions(wanted, allow_time_truncate=True))
    elif pa.types.is_date64(kind):
        column = column.cast(pa.date32())
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_cell(value) for value in column]


def _cell(value: Any) -> Any:
    """Return a value as Python's, or as bytes or a text where Python has none for it."""
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return value.cast(pa.binary()).as_py()
    except (ValueError, OverflowError):
        return str(value.value)
