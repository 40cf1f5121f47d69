"""Replay a table: read each row once, write its events, keep the rows that are rejected."""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.output import Output
from mlmon.ingest.replay.rows import Interpreter, PredictionRow, RowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.ingest.replay.rows import TableRow
    from mlmon.ingest.replay.table import Chunk, Table


class ReplayTarget(Protocol):
    """Takes predictions."""

    def write(self, prediction: PredictionRow) -> None:
        """Take one."""

    def flush(self) -> None:
        """Hand what was taken to the disk."""

    def commit(self) -> list[Path]:
        """Put the files in place; return those that hold something."""

    def discard(self) -> None:
        """Remove what was not committed."""


@dataclass(slots=True)
class ReplayResult:
    """The result of a replay.

    Attributes:
        rows: rows it has.
        predictions: rows that were written.
        outcomes: those among them with an outcome.
        approved: those that were approved.
        naive: those with a time without a zone, read as UTC.
        first: time of the earliest prediction, UTC.
        last: time of the latest.
        rejections: rows that could not be written, by reason.
        files: what was written.
        rejected_file: where the rejected rows are; None where there are none.
    """

    rows: int = 0
    predictions: int = 0
    outcomes: int = 0
    approved: int = 0
    naive: int = 0
    first: datetime | None = None
    last: datetime | None = None
    rejections: list[Rejection] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    rejected_file: Path | None = None

    @property
    def rejected(self) -> int:
        """Rows that could not be written."""
        return sum(rejection.rows for rejection in self.rejections)

    def count(self, prediction: PredictionRow) -> None:
        """Count a row that was written."""
        self.predictions += 1
        self.outcomes += prediction.outcome is not None
        self.approved += prediction.approved
        self.naive += prediction.naive
        time = prediction.time
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)


_SHOWN = 60


@dataclass(slots=True)
class Rejection:
    """Rows rejected for one reason.

    Attributes:
        column: the column at fault; None for the complete row.
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

    def describe(self) -> str:
        """Name row, column, value and reason."""
        place = f"row {self.first:,}" + (f", column {self.column!r}" if self.column else "")
        similar = f" ({self.rows:,} such rows)" if self.rows > 1 else ""
        return f"{place}: {self.value} {self.reason}{similar}"


class RejectedRows:
    """Writes the rows as JSON lines and counts them.

    Args:
        output: Takes the lines.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rejections: dict[tuple[str | None, str], Rejection] = {}

    @property
    def rows(self) -> int:
        """Number of rejected rows."""
        return sum(rejection.rows for rejection in self._rejections.values())

    @property
    def rejections(self) -> list[Rejection]:
        """By reason, the most frequent first."""
        return sorted(
            self._rejections.values(), key=lambda rejection: (-rejection.rows, rejection.first)
        )

    def add(self, number: int, row: TableRow, error: RowError) -> None:
        """Keep a row."""
        line = {
            "row": number,
            "column": error.column,
            "value": error.value,
            "reason": error.reason,
            "cells": row,
        }
        self._output.write(orjson.dumps(line, _plain, orjson.OPT_APPEND_NEWLINE))
        known = self._rejections.setdefault(
            (error.column, error.reason),
            Rejection(error.column, error.reason, number, _shown(error.value)),
        )
        known.rows += 1


def _plain(value: Any) -> str:
    """Write as a text what JSON has no form for, such as bytes that are not UTF-8."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _shown(value: Any) -> str:
    shown = "the cell" if value is None else repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


class RepeatedIds:
    """Finds rows whose id was on an earlier row.

    A first reading keeps a 64-bit hash per row; only ids whose hash comes twice are kept as texts
    in the second.

    Args:
        interpreter: Reads the id of a row.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._hashes: array[int] = array("q")
        self._first: dict[str, int] = {}

    def found_file(self, chunk: Chunk) -> None:
        """Record the ids of rows in the first reading."""
        for number, row in chunk.rows():
            with suppress(RowError):
                self._hashes.append(hash(self._interpreter.prediction_id(number, row)))

    @cached_property
    def _suspects(self) -> set[int]:
        """The hashes that came twice; those of all rows are dropped."""
        ordered = np.frombuffer(self._hashes, np.int64).copy()
        self._hashes = array("q")
        ordered.sort()
        return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())

    def check(self, prediction_id: str, number: int, column: str | None) -> None:
        """Note an id's row.

        Raises:
            RowError: An earlier row has it.
        """
        if hash(prediction_id) not in self._suspects:
            return
        if self._first.setdefault(prediction_id, number) != number:
            raise RowError(
                column,
                prediction_id,
                "is the id of an earlier row too: keep one row per prediction",
            )


class Replay:
    """One reading of a table.

    Args:
        table: The table; it has the mapping's columns.
        mapping: Which column holds what.
        entity_id: Begins the ids of predictions where the table has none.
        target: Takes the predictions.
        rejected: Place for the rows that cannot be written.
    """

    def __init__(
        self,
        table: Table,
        mapping: ColumnMapping,
        entity_id: str,
        target: ReplayTarget,
        rejected: Path,
    ) -> None:
        self._table = table
        self._columns = tuple(mapping.columns)
        self._id_column = mapping.prediction.id
        self._interpreter = Interpreter(mapping, entity_id)
        self._target = target
        self._output = Output(rejected)
        self._rejected = RejectedRows(self._output)
        self._result = ReplayResult()

    def run(self, progress: Callable[[float, str], None]) -> ReplayResult:
        """Read the table to its end, then put the files in place.

        Args:
            progress: Called with the share that has been read, 0 to 1, and what is being done.

        Raises:
            UserError: The table is empty or cannot be read on, or the disk is full; nothing is
                put in place.
        """
        try:
            repeated = self._repeated(progress)
            for chunk in self._table.chunks(self._columns):
                self._take(chunk, repeated)
                progress(chunk.done, f"{self._result.rows:,} rows")
            if not self._result.rows:
                raise UserError(f"{self._table.path} has no rows", "Name a table that has some.")
            return self._commit()
        finally:
            self._target.discard()
            self._output.discard()

    def _repeated(self, progress: Callable[[float, str], None]) -> RepeatedIds | None:
        if self._id_column is None:
            return None
        ids = RepeatedIds(self._interpreter)
        for chunk in self._table.chunks([self._id_column]):
            ids.found_file(chunk)
            progress(chunk.done, "reading the ids")
        return ids

    def _take(self, chunk: Chunk, repeated: RepeatedIds | None) -> None:
        for broken in chunk.broken:
            self._rejected.add(broken.number, {}, RowError(None, broken.text, broken.reason))
        for number, row in chunk.rows():
            try:
                prediction = self._interpreter.prediction(number, row)
                if repeated:
                    repeated.check(prediction.prediction_id, number, self._id_column)
            except RowError as error:
                self._rejected.add(number, row, error)
            else:
                self._target.write(prediction)
                self._result.count(prediction)
        self._result.rows += len(chunk.numbers) + len(chunk.broken)
        self._target.flush()

    def _commit(self) -> ReplayResult:
        self._result.rejections = self._rejected.rejections
        self._result.rejected_file = self._output.commit()
        self._result.files = self._target.commit()
        return self._result
