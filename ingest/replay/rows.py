"""From a row of a table to a prediction and its outcome. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mlmon.ingest.replay import cells
from mlmon.ingest.replay.cells import CellError
from mlmon.logging_config.emit.ids import is_harmless
from mlmon.logging_config.emit.redaction import redact_text
from mlmon.logging_config.schema.fields import MAX_KEYWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Features

    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.logging_config.emit.events import Feature

_T = TypeVar("_T")

TableRow = dict[str, Any]
"""A row's cells by column."""


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What came true.

    Attributes:
        label: yes or no.
        value: what it was worth.
        time: when it became known, UTC.
    """

    label: bool
    value: float | None
    time: datetime


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """A row, interpreted.

    Attributes:
        prediction_id: its id.
        model_version: the model's version.
        time: when it was made, UTC.
        score: 0 to 1.
        approved: the decision.
        features: by column.
        outcome: None where it is not known.
        naive: whether one of its times came without a zone.
    """

    prediction_id: str
    model_version: str
    time: datetime
    score: float
    approved: bool
    features: Features[str, Feature]
    outcome: OutcomeRow | None
    naive: bool


class RowError(Exception):
    """A row that cannot be replayed.

    Args:
        column: The column at fault; None for the complete row.
        value: What it holds.
        reason: Why not, and what to do; without the value, so that alike rows can be counted.
    """

    def __init__(self, column: str | None, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.value = value
        self.reason = reason


class Interpreter:
    """Reads rows by a mapping.

    Args:
        mapping: Which column holds what.
        stem: Begins the ids of predictions where the table has none.
    """

    def __init__(self, mapping: ColumnMapping, stem: str) -> None:
        self._mapping = mapping
        self._stem = stem
        self._delay = mapping.delay
        self._missing = frozenset({*mapping.table.missing, ""})
        features = mapping.features
        self._features: list[tuple[str, Callable[[Any], Feature]]] = [
            *((column, cells.number) for column in features.numeric),
            *((column, _category) for column in features.categorical),
            *((column, cells.vector) for column in features.embedding),
        ]

    def prediction(self, number: int, row: TableRow) -> PredictionRow:
        """Interpret a row; `number` counts from 1.

        Raises:
            RowError: The row cannot be replayed.
        """
        mapped = self._mapping.prediction
        time, naive = self._time(number, row)
        score = self._required(row, mapped.score, cells.probability)
        outcome, outcome_naive = self._outcome(row, time)
        return PredictionRow(
            prediction_id=self.prediction_id(number, row),
            model_version=self._version(row),
            time=time,
            score=score,
            approved=self._approved(row, score),
            features={
                column: self._optional(row, column, parse) for column, parse in self._features
            },
            outcome=outcome,
            naive=naive or outcome_naive,
        )

    def prediction_id(self, number: int, row: TableRow) -> str:
        """Return the id of a row's prediction.

        Raises:
            RowError: It is missing, too long, or would be redacted by the log.
        """
        column = self._mapping.prediction.id
        if column is None:
            return f"{self._stem}-{number}"
        return self._required(row, column, _identifier)

    def _time(self, number: int, row: TableRow) -> tuple[datetime, bool]:
        part = self._mapping.time
        if part.column is None:
            try:
                return cells.moment(part.at_row(number), None, None)
            except (CellError, OverflowError) as error:
                reason = f"its time lies too far from time.start: {error}"
                raise RowError(None, number, reason) from None
        return self._required(
            row, part.column, lambda cell: cells.moment(cell, part.unit, part.format)
        )

    def _version(self, row: TableRow) -> str:
        part = self._mapping.model
        if part.version_column is None:
            return part.version or ""
        return self._required(row, part.version_column, cells.text)

    def _approved(self, row: TableRow, score: float) -> bool:
        part = self._mapping.prediction
        if part.approved is not None:
            return self._required(row, part.approved, cells.binary)
        return part.threshold is not None and score >= part.threshold

    def _outcome(self, row: TableRow, predicted: datetime) -> tuple[OutcomeRow | None, bool]:
        part = self._mapping.outcome
        if part is None:
            return None, False
        label = self._optional(
            row, part.label, lambda cell: cells.binary(cell, part.positive, part.negative)
        )
        if label is None:
            return None, False
        value = self._optional(row, part.value, cells.number) if part.value else None
        known, naive = predicted + self._delay, False
        if part.time is not None:
            known, naive = self._required(
                row, part.time, lambda cell: cells.moment(cell, part.unit, part.format)
            )
        return OutcomeRow(label, value, known.astimezone(UTC)), naive

    def _optional(self, row: TableRow, column: str, parse: Callable[[Any], _T]) -> _T | None:
        """Return what a cell means; None where it is empty, NaN or a text that means missing."""
        cell = row[column]
        kind = type(cell)
        if (
            cell is None
            or (kind is str and cell.strip() in self._missing)
            or (kind is float and math.isnan(cell))
        ):
            return None
        try:
            return parse(cell)
        except CellError as error:
            raise RowError(column, cell, str(error)) from None

    def _required(self, row: TableRow, column: str, parse: Callable[[Any], _T]) -> _T:
        value = self._optional(row, column, parse)
        if value is None:
            reason = "is missing: fill the cell, or take the column out of the mapping"
            raise RowError(column, row[column], reason)
        return value


def _category(cell: Any) -> Feature:
    return cell if isinstance(cell, bool) else cells.text(cell)


def _identifier(cell: Any) -> str:
    given = cells.text(cell)
    if len(given) > MAX_KEYWORD:
        raise CellError(f"is longer than {MAX_KEYWORD} characters: map a shorter id")
    if not is_harmless(given) and redact_text(given, cards=False) != given:
        raise CellError("looks like a secret or an address, which the log redacts: map another id")
    return given
