"""The rows that could not be replayed: each kept whole with its reason, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from mlmon.ingest.replay.output import Output
    from mlmon.ingest.replay.rows import Row, RowError

_SHOWN = 60


@dataclass(slots=True)
class Refusal:
    """Rows refused for one reason.

    Attributes:
        column: the column at fault; None for the row as a whole.
        reason: why, and what to do.
        first: number of the first such row.
        value: what stands there.
        rows: how many.
    """

    column: str | None
    reason: str
    first: int
    value: str
    rows: int = 0

    def in_words(self) -> str:
        """Name row, column, value and reason."""
        place = f"row {self.first:,}" + (f", column {self.column!r}" if self.column else "")
        alike = f" ({self.rows:,} rows alike)" if self.rows > 1 else ""
        return f"{place}: {self.value} {self.reason}{alike}"


class Refused:
    """Writes the rows as JSON lines and counts them.

    Args:
        output: Takes the lines.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._refusals: dict[tuple[str | None, str], Refusal] = {}

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(refusal.rows for refusal in self._refusals.values())

    @property
    def refusals(self) -> list[Refusal]:
        """By reason, the most frequent first."""
        return sorted(self._refusals.values(), key=lambda refusal: (-refusal.rows, refusal.first))

    def add(self, number: int, row: Row, error: RowError) -> None:
        """Keep a row."""
        line = {
            "row": number,
            "column": error.column,
            "value": error.value,
            "reason": error.reason,
            "cells": row,
        }
        self._output.write(orjson.dumps(line, _plain, orjson.OPT_APPEND_NEWLINE))
        known = self._refusals.setdefault(
            (error.column, error.reason),
            Refusal(error.column, error.reason, number, _shown(error.value)),
        )
        known.rows += 1


def _plain(value: Any) -> str:
    """Write as a text what JSON has no form for, such as bytes that are not UTF-8."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _shown(value: Any) -> str:
    shown = "the cell" if value is None else repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
