"""A CSV file, also a compressed one, in chunks. Cells stay texts: the mapping says what they mean.

pyarrow would infer types from the first block and give up at the first later cell that differs.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.chunk import Broken, Chunk, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 19
"""Bytes parsed at a time, the longest a row may be; pyarrow reads 32 such blocks ahead."""

_MEND = "Write the table again as CSV with a header, in UTF-8, the quotes in cells doubled."


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
        with self._bytes() as (_, stream), self._explained():
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
        broken: list[Broken] = []
        told = number = 0
        with self._bytes() as (file, stream), self._explained():
            for batch in self._reader(stream, tuple(columns), broken):
                known = {each.number for each in broken}
                whole = (each for each in itertools.count(number + 1) if each not in known)
                numbers = list(itertools.islice(whole, batch.num_rows))
                number = numbers[-1] if numbers else number
                cells = {name: cells_of(batch.column(name)) for name in batch.schema.names}
                told, new = len(broken), broken[told:]
                yield Chunk(numbers, cells, new, file.tell() / max(file.size(), 1))
        yield Chunk([], {}, broken[told:])

    def _reader(self, stream: Any, columns: tuple[str, ...], broken: list[Broken]) -> Any:
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

    def _parsing(self, broken: list[Broken]) -> pyarrow.csv.ParseOptions:
        def note(row: Any) -> str:
            found = f"has {row.actual_columns} cells, the header has {row.expected_columns}"
            # pyarrow counts the header as row 1.
            broken.append(Broken((row.number or 1) - 1, row.text, f"{found}: quote the delimiter"))
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
    def _explained(self) -> Iterator[None]:
        """Say what pyarrow could not read as something to mend."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise UserError(f"The header of {self.path} is not UTF-8", _MEND) from error
        except pa.ArrowInvalid as error:
            long = "straddl" in str(error)
            found = f"a row is longer than {BLOCK_BYTES:,} bytes" if long else error
            hint = "Close its quote, or write the table as Parquet." if long else _MEND
            raise UserError(f"{self.path} cannot be read as CSV: {found}", hint) from error
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self.path} cannot be read as CSV: {error}", _MEND) from error
