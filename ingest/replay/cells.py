"""The value of one cell of a table: a number, a category, a yes or no, a time. Pure functions."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlmon.ingest.replay.mapping import Unit

YES: Final = frozenset({"1", "1.0", "true", "t", "yes", "y"})
NO: Final = frozenset({"0", "0.0", "false", "f", "no", "n"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(2262, 1, 1, tzinfo=UTC)
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class CellError(Exception):
    """The cell cannot be read; the text gives the reason and what to do."""


def text(cell: Any) -> str:
    """Return a cell as a text; a whole number as one without a point, as pandas may add one.

    Raises:
        CellError: It is bytes that are not UTF-8, or nested.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        raise CellError("is not UTF-8: write the table again in UTF-8")
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, (int, float, Decimal)):
        return str(cell)
    raise CellError(f"is a {type(cell).__name__}, not a text: take the column out of the mapping")


def number(cell: Any) -> float | None:
    """Return a cell as a number; None for NaN. An integer stays one.

    Raises:
        CellError: It is no number, or infinite.
    """
    value: float
    if type(cell) is str:
        value = _parse_number(cell)
    elif isinstance(cell, (bool, Decimal)):
        value = float(cell)
    elif isinstance(cell, (int, float)):
        value = cell
    else:
        value = _parse_number(text(cell))
    # An integer of any size is finite, though it may be too large to ask.
    if isinstance(value, float) and math.isinf(value):
        raise CellError("is infinite: leave the cell empty where there is no value")
    return None if value != value else value  # noqa: PLR0124 - NaN alone differs from itself


def _parse_number(given: str) -> float:
    value: float | None
    try:
        value = float(given)
    except ValueError:
        value = None
    # Python reads 1_000 as a number; a table that holds it means something else.
    if value is None or "_" in given:
        raise CellError(
            "is no number: name it in table.missing if it means none, or map it as categorical"
        )
    return value


def probability(cell: Any) -> float:
    """Return a cell as a number from 0 to 1.

    Raises:
        CellError: It is none.
    """
    value = number(cell)
    if value is None:
        raise CellError("is NaN: each prediction needs its score")
    if not 0 <= value <= 1:
        raise CellError("is outside 0 to 1: map the column of the probability")
    return float(value)


def binary(cell: Any, positive: Collection[str] = (), negative: Collection[str] = ()) -> bool:
    """Return a cell as yes or no.

    Args:
        cell: The cell.
        positive: Texts that mean yes, in addition to `YES`.
        negative: Texts that mean no, in addition to `NO`.

    Raises:
        CellError: It is neither.
    """
    if isinstance(cell, bool):
        return cell
    given = text(cell)
    if given in positive:
        return True
    if given in negative:
        return False
    plain = given.strip().lower()
    if plain in YES or plain in NO:
        return plain in YES
    raise CellError("is neither yes nor no: name its texts in outcome.positive and .negative")


def vector(cell: Any) -> list[float]:
    """Return a cell, a list or JSON text of one, as numbers.

    Raises:
        CellError: It holds something else.
    """
    try:
        items = cell if isinstance(cell, list) else orjson.loads(text(cell))
    except orjson.JSONDecodeError:
        items = None
    values = items if isinstance(items, list) else []
    # A missing or infinite part leaves nothing that could be compared.
    if not values or not all(
        isinstance(value, (int, float)) and math.isfinite(value) for value in values
    ):
        raise CellError("is no list of finite numbers, such as [0.1, 0.9]")
    return values


def moment(cell: Any, unit: Unit | None, layout: str | None) -> tuple[datetime, bool]:
    """Return a cell as a time in UTC, and whether it came without a zone and was taken as UTC.

    Args:
        cell: A time, a date, a number counting `unit` since 1970, or the text of one of them.
        unit: What a number counts; None where numbers are not expected.
        layout: `strptime` format of texts; None for ISO 8601.

    Raises:
        CellError: It is no time, or lies outside 1970 to 2261.
    """
    naive = False
    if unit is not None and not isinstance(cell, date):
        value = _from_epoch(cell, unit)
    else:
        value = _from_calendar(cell, layout)
        naive = value.tzinfo is None
        value = value.replace(tzinfo=UTC) if naive else value.astimezone(UTC)
    if not _EPOCH <= value < _END:
        raise CellError("lies outside 1970 to 2261: check the unit and the format of the time")
    return value, naive


def _from_epoch(cell: Any, unit: Unit) -> datetime:
    try:
        exact = cell if isinstance(cell, int) else Decimal(text(cell))
        microseconds = int(exact * 10**6 // _PER_SECOND[unit])
        return _EPOCH + timedelta(microseconds=microseconds)
    except (ArithmeticError, ValueError):
        raise CellError(f"is no time as a number of {unit} since 1970: check the unit") from None


def _from_calendar(cell: Any, layout: str | None) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if isinstance(cell, (int, float, Decimal)):
        raise CellError('is a number: set what it counts since 1970, for example unit = "s"')
    given = text(cell).strip()
    try:
        if layout is None:
            return datetime.fromisoformat(given)
        return datetime.strptime(given, layout)  # noqa: DTZ007 - the caller adds the zone
    except ValueError:
        wanted = "is no ISO 8601 time" if layout is None else f"is no time written {layout}"
        raise CellError(f"{wanted}: give its format, or its unit if it is a number") from None
