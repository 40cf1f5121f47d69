"""A piece of a table: some rows, their numbers, and what could not even be split into cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.ingest.replay.rows import Row


@dataclass(frozen=True, slots=True)
class Broken:
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
    broken: Sequence[Broken] = field(default=())
    done: float = 1.0

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield each row with its number."""
        names = tuple(self.columns)
        for number, *cells in zip(self.numbers, *self.columns.values(), strict=True):
            yield number, dict(zip(names, cells, strict=True))


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
        return [_cell(each) for each in column]


def _cell(value: Any) -> Any:
    """Return a value as Python's, or as bytes or a text where Python has none for it."""
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return value.cast(pa.binary()).as_py()
    except (ValueError, OverflowError):
        return str(value.value)
