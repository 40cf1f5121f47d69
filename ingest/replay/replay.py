"""Replay a table: read each row once, write what it says, keep what cannot be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.output import Output
from mlmon.ingest.replay.refused import Refusal, Refused
from mlmon.ingest.replay.repeated_ids import RepeatedIds
from mlmon.ingest.replay.rows import Interpreter, Prediction, RowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from mlmon.ingest.replay.chunk import Chunk
    from mlmon.ingest.replay.mapping import Mapping
    from mlmon.ingest.replay.table import Table


class Target(Protocol):
    """Takes predictions."""

    def write(self, prediction: Prediction) -> None:
        """Take one."""

    def flush(self) -> None:
        """Hand what was taken to the disk."""

    def commit(self) -> list[Path]:
        """Put the files in place; return those that hold something."""

    def discard(self) -> None:
        """Leave nothing behind of what was not committed."""


@dataclass(slots=True)
class Account:
    """What became of a table.

    Attributes:
        rows: rows it has.
        predictions: rows that were written.
        outcomes: those among them with an outcome.
        approved: those that were approved.
        naive: those with a time without a zone, which was taken as UTC.
        first: time of the earliest prediction, UTC.
        last: time of the latest.
        refusals: rows that could not be written, by reason.
        files: what was written.
        refused_file: where the refused rows are; None where there are none.
    """

    rows: int = 0
    predictions: int = 0
    outcomes: int = 0
    approved: int = 0
    naive: int = 0
    first: datetime | None = None
    last: datetime | None = None
    refusals: list[Refusal] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    refused_file: Path | None = None

    @property
    def refused(self) -> int:
        """Rows that could not be written."""
        return sum(refusal.rows for refusal in self.refusals)

    def count(self, prediction: Prediction) -> None:
        """Count a row that was written."""
        self.predictions += 1
        self.outcomes += prediction.outcome is not None
        self.approved += prediction.approved
        self.naive += prediction.naive
        time = prediction.time
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)


class Replay:
    """One reading of a table.

    Args:
        table: The table; it has the mapping's columns.
        mapping: Which column holds what.
        entity_id: Begins the ids of predictions where the table has none.
        target: Takes the predictions.
        refused: Place for the rows that cannot be written.
    """

    def __init__(
        self, table: Table, mapping: Mapping, entity_id: str, target: Target, refused: Path
    ) -> None:
        self._table = table
        self._columns = tuple(mapping.columns)
        self._id_column = mapping.prediction.id
        self._interpreter = Interpreter(mapping, entity_id)
        self._target = target
        self._output = Output(refused)
        self._refused = Refused(self._output)
        self._account = Account()

    def run(self, progress: Callable[[float, str], None]) -> Account:
        """Read the table to its end, then put the files in place.

        Args:
            progress: Told the share that has been read, 0 to 1, and what is being done.

        Raises:
            UserError: The table is empty or cannot be read on, or the disk is full; nothing is
                put in place.
        """
        try:
            repeated = self._repeated(progress)
            for chunk in self._table.chunks(self._columns):
                self._take(chunk, repeated)
                progress(chunk.done, f"{self._account.rows:,} rows")
            if not self._account.rows:
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
            ids.look_at(chunk)
            progress(chunk.done, "reading the ids")
        return ids

    def _take(self, chunk: Chunk, repeated: RepeatedIds | None) -> None:
        for broken in chunk.broken:
            self._refused.add(broken.number, {}, RowError(None, broken.text, broken.reason))
        for number, row in chunk.rows():
            try:
                prediction = self._interpreter.prediction(number, row)
                if repeated:
                    repeated.check(prediction.prediction_id, number, self._id_column)
            except RowError as error:
                self._refused.add(number, row, error)
            else:
                self._target.write(prediction)
                self._account.count(prediction)
        self._account.rows += len(chunk.numbers) + len(chunk.broken)
        self._target.flush()

    def _commit(self) -> Account:
        self._account.refusals = self._refused.refusals
        self._account.refused_file = self._output.commit()
        self._account.files = self._target.commit()
        return self._account
