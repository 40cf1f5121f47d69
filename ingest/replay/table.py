"""A table of any kind that can be replayed, in chunks of rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mlmon.elastic.errors import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.ingest.replay.rows import TableRow


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
        WrongValueError: There is none, it is of another kind, or two of its columns have one name.
    """
    if not path.is_file():
        raise WrongValueError(f"{path} is not a file", "Name a table in CSV or Parquet.")
    table: Table
    # pyarrow is not loaded for a table that is not there.
    if path.name.lower().endswith(CSV):
        from mlmon.ingest.replay.arrow_tables import CsvTable

        table = CsvTable(path, delimiter)
    elif path.name.lower().endswith(PARQUET):
        from mlmon.ingest.replay.arrow_tables import ParquetTable

        table = ParquetTable(path)
    else:
        raise WrongValueError(
            f"{path} is of an unknown kind", f"Give a file named {', '.join(CSV + PARQUET)}."
        )
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise WrongValueError(f"{path} has two columns named {twice[0]!r}", "Rename one of them.")
    return table


def require_columns(table: Table, mapping: ColumnMapping) -> None:
    """Check that the table has each column of the mapping.

    Raises:
        WrongValueError: It does not.
    """
    absent = {column: key for column, key in mapping.columns.items() if column not in table.columns}
    if not absent:
        return
    named = ", ".join(f"{column!r} ({key})" for column, key in absent.items())
    alone = len(table.columns) == 1 and any(mark in table.columns[0] for mark in ";\t|")
    raise WrongValueError(
        f"{table.path} has no column {named}",
        "Give the character that separates its columns as table.delimiter."
        if alone
        else f"Its columns are: {', '.join(table.columns)}. Change the mapping.",
    )


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that has too few or too many cells.

    Attributes:
        number: the row's, from 1.
        text: what stands there.
        reason: what is wrong.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a table.

    Attributes:
        numbers: of each row, from 1; blank lines are not counted.
        columns: each column's cells.
        broken: rows that lie before the chunk's last one and are not among its rows.
        done: share of the table that has been read, 0 to 1.
    """

    numbers: Sequence[int]
    columns: dict[str, list[Any]]
    broken: Sequence[BrokenRow] = field(default=())
    done: float = 1.0

    def rows(self) -> Iterator[tuple[int, TableRow]]:
        """Yield each row with its number."""
        names = tuple(self.columns)
        for number, *cells in zip(self.numbers, *self.columns.values(), strict=True):
            yield number, dict(zip(names, cells, strict=True))
