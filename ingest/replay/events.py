"""Predictions and outcomes written as the events that their service would have logged."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from mlmon.ingest.replay.output import Output
from mlmon.logging_config import Model, context, open_log

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.ingest.replay.mapping import Mapping
    from mlmon.ingest.replay.rows import Prediction
    from mlmon.logging_config import Service

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANGES = b'"ml.log.changes":'


class _Lines:
    """A log's sink that keeps the lines until they are written, and counts what the log changed."""

    def __init__(self, changes: Counter[str]) -> None:
        self._lines: list[bytes] = []
        self._changes = changes

    def write(self, lines: bytes) -> bool:
        self._lines.append(lines)
        # Inside a value the quote would be escaped.
        if _CHANGES in lines:
            self._changes.update(orjson.loads(lines)["ml.log.changes"])
        return True

    def take(self) -> bytes:
        lines, self._lines = self._lines, []
        return b"".join(lines)

    def flush(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""

    def before_fork(self) -> None:
        """No child writes."""

    def after_fork(self, *, in_child: bool) -> None:
        """No child writes."""


class _EventFile:
    """One dataset's log: the ids count its events alone, so that a gap means a lost line."""

    def __init__(self, path: Path, service: Service, entity_id: str, changes: Counter[str]) -> None:
        self.output = Output(path)
        self.now = _EPOCH
        self._lines = _Lines(changes)
        self.log = open_log(
            service, clock=self._clock, entity_id=entity_id, strict=True, sink=self._lines
        )

    def flush(self) -> None:
        self.output.write(self._lines.take())

    def _clock(self) -> int:
        return (self.now - _EPOCH) // timedelta(microseconds=1) * 1_000


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

    def __init__(self, folder: Path, stem: str, mapping: Mapping, entity_id: str) -> None:
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

    def write(self, prediction: Prediction) -> None:
        """Write a prediction, and its outcome if there is one, as one trace."""
        known = f"{self._entity_id} {prediction.prediction_id}".encode()
        trace_id = hashlib.blake2b(known, digest_size=16).hexdigest()
        with context(fresh=True, trace_id=trace_id):
            self._predictions.now = prediction.time
            self._predictions.log.prediction(
                prediction_id=prediction.prediction_id,
                model=Model(self._model, prediction.model_version),
                score=prediction.score,
                threshold=self._threshold,
                approved=prediction.approved,
                features=prediction.features,
            )
            if outcome := prediction.outcome:
                self._outcomes.now = outcome.time
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
        return [path for file in self._files if (path := file.output.commit())]

    def discard(self) -> None:
        """Leave nothing behind of what was not committed."""
        for file in self._files:
            file.output.discard()
