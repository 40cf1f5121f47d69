"""What a column of a table seems to hold, by its first values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from mlmon.ingest.replay import cells
from mlmon.ingest.replay.cells import CellError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mlmon.ingest.replay.mapping import Unit

Kind = Literal["numeric", "categorical", "embedding", "time", "empty"]

_EPOCHS: Final[dict[Unit, tuple[float, float]]] = {
    "s": (1e9, 1e10),
    "ms": (1e12, 1e13),
    "us": (1e15, 1e16),
    "ns": (1e18, 1e19),
}
"""The numbers that mean a time from 2001 to 2286, by unit."""


_NEARLY_ALL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its first rows show it.

    Attributes:
        name: its name.
        kind: the narrowest that nearly all its values fit.
        binary: whether they are yes or no.
        share: whether they are numbers from 0 to 1.
        distinct: whether nearly none comes twice.
        unit: what its numbers would count as times; None where they cannot be any.
    """

    name: str
    kind: Kind
    binary: bool = False
    share: bool = False
    distinct: bool = False
    unit: Unit | None = None

    @property
    def is_time(self) -> bool:
        """Whether its values can be times."""
        return self.kind == "time" or self.unit is not None


def describe(name: str, values: Sequence[Any], missing: Collection[str]) -> Column:
    """Look at a column's values; texts among `missing` stand for none."""
    known = [cell for cell in values if cell is not None and cell != "" and cell not in missing]
    if not known:
        return Column(name, "empty")
    return Column(
        name,
        _kind(known),
        binary=_fit(known, cells.binary),
        share=_fit(known, cells.probability),
        distinct=len({str(cell) for cell in known}) >= _NEARLY_ALL * len(known),
        unit=_unit(known),
    )


def _kind(known: Sequence[Any]) -> Kind:
    if not isinstance(known[0], bool) and _fit(known, cells.number):
        return "numeric"
    if _fit(known, lambda cell: cells.moment(cell, None, None)):
        return "time"
    return "embedding" if _fit(known, cells.vector) else "categorical"


def _unit(known: Sequence[Any]) -> Unit | None:
    for unit, (low, high) in _EPOCHS.items():
        if _fit(known, lambda cell: _within(cell, low, high)):  # noqa: B023 - called at once
            return unit
    return None


def _within(cell: Any, low: float, high: float) -> None:
    value = cells.number(cell)
    if value is None or not low <= value < high:
        raise CellError("lies outside")


def _fit(known: Sequence[Any], parse: Callable[[Any], object]) -> bool:
    """Whether nearly all values can be read so: a few bad cells must not hide what a column is."""
    return sum(_reads(cell, parse) for cell in known) >= _NEARLY_ALL * len(known)


def _reads(cell: Any, parse: Callable[[Any], object]) -> bool:
    try:
        parse(cell)
    except CellError:
        return False
    return True
