"""The ids a table holds more than once, found in 8 bytes a row."""

from __future__ import annotations

from array import array
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mlmon.ingest.replay.rows import Interpreter, RowError

if TYPE_CHECKING:
    from mlmon.ingest.replay.chunk import Chunk


class RepeatedIds:
    """Tells a row whose id was on an earlier row.

    A first reading keeps a 64-bit hash per row; only ids whose hash comes twice are kept as texts
    in the second.

    Args:
        interpreter: Reads the id of a row.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._hashes: array[int] = array("q")
        self._first: dict[str, int] = {}

    def look_at(self, chunk: Chunk) -> None:
        """Take the ids of rows in the first reading."""
        for number, row in chunk.rows():
            with suppress(RowError):
                self._hashes.append(hash(self._interpreter.prediction_id(number, row)))

    @cached_property
    def _suspects(self) -> set[int]:
        """The hashes that came twice; those of all rows are let go."""
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
