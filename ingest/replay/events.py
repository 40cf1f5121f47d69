"""Predictions and outcomes written as the events that their service would have logged."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import orjson

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.output import Output
from mlmon.logging_config import Model, context, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap
    from pathlib import Path

    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.ingest.replay.rows import PredictionRow
    from mlmon.logging_config import Service


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANGES = b'"ml.log.changes":'


class _EventLines:
    """A log's sink that keeps the lines until they are written, and counts what the log changed."""

    def __init__(self, changes: Counter[str]) -> None:
        self._lines: list[bytes] = []
        self._changes = changes

    def write(self, lines: bytes) -> int:
        self._lines.append(lines)
        # Inside a value the quote would be escaped.
        if _CHANGES in lines:
            self._changes.update(orjson.loads(lines)["ml.log.changes"])
        return len(lines)

    def take(self) -> list[bytes]:
        lines, self._lines = self._lines, []
        return lines

    def flush(self) -> bool:
        return True

    def close(self, timeout_s: float = 0.0) -> None:
        """Nothing is open."""

    def before_fork(self) -> None:
        """No child writes."""

    def after_fork(self, *, in_child: bool) -> None:
        """No child writes."""


class _EventFile:
    """One dataset's log: the ids count its events alone, so that a gap means a lost line.

    Events come in the order of the table's rows. When all are there, they are put into the order of
    time and numbered again: numbers that run against time would look like lost lines.
    """

    def __init__(self, path: Path, service: Service, entity_id: str, changes: Counter[str]) -> None:
        self.output = Output(path)
        self._now = _EPOCH
        self._entity_id = entity_id.encode()
        self._times: array[int] = array("q")
        self._ends: array[int] = array("q", [0])
        self._lines = _EventLines(changes)
        self.log = open_log(
            service, clock=self._clock, entity_id=entity_id, strict=True, sink=self._lines
        )

    def set_time(self, time: datetime) -> None:
        """Set the time of the next event."""
        self._now = time
        self._times.append((time - _EPOCH) // timedelta(microseconds=1))

    def flush(self) -> None:
        """Write the events that were logged."""
        lines = self._lines.take()
        for line in lines:
            self._ends.append(self._ends[-1] + len(line))
        self.output.write(b"".join(lines))

    def commit(self) -> Path | None:
        """Put the file in place, in the order of time; None where it is empty."""
        times = np.frombuffer(self._times, np.int64)
        if len(times) and np.any(times[1:] < times[:-1]):
            self.output.rewrite(partial(self._in_order, np.argsort(times, kind="stable").tolist()))
        return self.output.commit()

    def _in_order(self, order: list[int], written: mmap) -> Iterator[bytes]:
        """Yield the lines in an order, each with the number of its new place."""
        for number, place in enumerate(order, 1):
            line = written[self._ends[place] : self._ends[place + 1]]
            yield line.replace(self._numbers(place + 1), self._numbers(number), 1)

    def _numbers(self, number: int) -> bytes:
        """Return how a line holds its number; inside a value the quotes would be escaped."""
        return b'%b-%d","event.sequence":%d' % (self._entity_id, number, number)

    def _clock(self) -> int:
        return (self._now - _EPOCH) // timedelta(microseconds=1) * 1_000


class EventFiles:
    """The files of a replay, `<stem>.predictions.jsonl` and `<stem>.outcomes.jsonl`.

    Args:
        folder: Where.
        stem: Begins the files' names.
        mapping: Names service and model.
        entity_id: Of the replay; each file's ids have a suffix of their own.

    Attributes:
        changes: what the log had to change in the values, each `<kind>:<field>`, by events.
    """

    def __init__(self, folder: Path, stem: str, mapping: ColumnMapping, entity_id: str) -> None:
        service = mapping.service.service()
        self.changes: Counter[str] = Counter()
        self._model = mapping.model.name
        self._threshold = mapping.prediction.threshold
        self._entity_id = entity_id
        self._predictions = _EventFile(
            folder / f"{stem}.predictions.jsonl", service, f"{entity_id}-p", self.changes
        )
        self._outcomes = _EventFile(
            folder / f"{stem}.outcomes.jsonl", service, f"{entity_id}-o", self.changes
        )
        self._files = (self._predictions, self._outcomes)

    def write(self, prediction: PredictionRow) -> None:
        """Write a prediction, and its outcome if there is one, as one trace."""
        known = f"{self._entity_id} {prediction.prediction_id}".encode()
        trace_id = hashlib.blake2b(known, digest_size=16).hexdigest()
        with context(fresh=True, trace_id=trace_id):
            self._predictions.set_time(prediction.time)
            self._predictions.log.prediction(
                prediction_id=prediction.prediction_id,
                model=Model(self._model, prediction.model_version),
                score=prediction.score,
                threshold=self._threshold,
                approved=prediction.approved,
                features=prediction.features,
            )
            if outcome := prediction.outcome:
                self._outcomes.set_time(outcome.time)
                self._outcomes.log.outcome(
                    prediction_id=prediction.prediction_id,
                    label=outcome.label,
                    value=outcome.value,
                    created=outcome.time,
                )

    def flush(self) -> None:
        """Hand what is written to the disk."""
        for file in self._files:
            file.flush()

    def commit(self) -> list[Path]:
        """Put the files in place; return those that hold something."""
        self.flush()
        return [path for file in self._files if (path := file.commit())]

    def discard(self) -> None:
        """Remove what was not committed."""
        for file in self._files:
            file.output.discard()


_BLOCK = 1 << 20


def entity_id(path: Path, mapping: ColumnMapping) -> str:
    """Return the id: 64 bits, `replay-0123abcd-4567ef89`.

    Another mapping gives another id, for it makes other events of the same rows, and an id that
    stands for two different events would hide one of them.

    Raises:
        UserError: The table cannot be read, or a quote of a CSV file is left open.
    """
    digest = hashlib.blake2b(mapping.model_dump_json().encode(), digest_size=8)
    quotes = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                quotes += block.count(b'"')
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Check its rights.") from error
    if quotes % 2 and path.suffix.lower() in {".csv", ".tsv"}:
        # pyarrow would take all that follows the open quote for one cell.
        raise UserError(
            f"{path} holds an odd number of quotes: one of them is not closed",
            "Write the table again with a CSV writer, which doubles the quotes in cells.",
        )
    name = digest.hexdigest()
    # Short runs of digits are known to be no secret: the log need not search each event for one.
    return f"replay-{name[:8]}-{name[8:]}"
