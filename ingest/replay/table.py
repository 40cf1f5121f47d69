"""A table of any kind that can be replayed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlmon.ingest.replay.chunk import Chunk
    from mlmon.ingest.replay.mapping import Mapping

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
PARQUET = (".parquet", ".pq")


class Table(Protocol):
    """Rows that can be read again and again."""

    path: Path
    columns: list[str]

    def chunks(self, columns: Iterable[str]) -> Iterator[Chunk]:
        """Yield the rows, of these columns."""


def open_table(path: Path, delimiter: str = ",") -> Table:
    """Open a table.

    Args:
        path: A file of one of the kinds `CSV` and `PARQUET`.
        delimiter: What separates a CSV file's columns.

    Raises:
        UserError: There is none, it is of another kind, or two of its columns have one name.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file", "Name a table in CSV or Parquet.")
    table: Table
    # pyarrow is not loaded for a table that is not there.
    if path.name.lower().endswith(CSV):
        from mlmon.ingest.replay.csv_table import CsvTable

        table = CsvTable(path, delimiter)
    elif path.name.lower().endswith(PARQUET):
        from mlmon.ingest.replay.parquet_table import ParquetTable

        table = ParquetTable(path)
    else:
        raise UserError(
            f"{path} is of an unknown kind", f"Give a file named {', '.join(CSV + PARQUET)}."
        )
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise UserError(
            f"{path} has two columns named {twice[0]!r}", "Rename one, so that each is told apart."
        )
    return table


def require_columns(table: Table, mapping: Mapping) -> None:
    """See that the table has each column of the mapping.

    Raises:
        UserError: It has not.
    """
    absent = {column: key for column, key in mapping.columns.items() if column not in table.columns}
    if not absent:
        return
    named = ", ".join(f"{column!r} ({key})" for column, key in absent.items())
    alone = len(table.columns) == 1 and any(mark in table.columns[0] for mark in ";\t|")
    raise UserError(
        f"{table.path} has no column {named}",
        "Give the character that separates its columns as table.delimiter."
        if alone
        else f"Its columns are: {', '.join(table.columns)}. Change the mapping.",
    )
