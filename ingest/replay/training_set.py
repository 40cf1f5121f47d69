"""A training set as `mlmon baseline create` reads it: features, score and label by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlmon.ingest.replay.output import Output
from mlmon.logging_config.emit.field_rules import field_part
from mlmon.logging_config.emit.redaction import is_secret_key

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.ingest.replay.rows import PredictionRow

SCORE = "ml.prediction.score"
LABEL = "ml.outcome.label"


class TrainingSet:
    """Writes a Parquet table with one row per prediction.

    A feature has the type it has in the events: a number coded as a category is a text in both.
    One named like a secret is left out, because the events do not hold its values either.

    Args:
        path: Its place.
        mapping: Names the features.
    """

    def __init__(self, path: Path, mapping: ColumnMapping) -> None:
        features = mapping.features
        self._columns = {
            name: field_part(name) for name in features.columns if not is_secret_key(name)
        }
        kinds = [
            *((name, pa.float64()) for name in features.numeric),
            *((name, pa.string()) for name in features.categorical),
            *((name, pa.list_(pa.float64())) for name in features.embedding),
        ]
        fields = [(self._columns[name], kind) for name, kind in kinds if name in self._columns]
        self._schema = pa.schema([*fields, (SCORE, pa.float64()), (LABEL, pa.bool_())])
        self._output = Output(path)
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[dict[str, Any]] = []

    def write(self, prediction: PredictionRow) -> None:
        """Take a row."""
        row = {
            self._columns[name]: _plain(value)
            for name, value in prediction.features.items()
            if name in self._columns
        }
        outcome = prediction.outcome
        row |= {SCORE: prediction.score, LABEL: outcome.label if outcome else None}
        self._rows.append(row)

    def flush(self) -> None:
        """Write the rows taken as one row group."""
        if not self._rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._output, self._schema)
        rows, self._rows = self._rows, []
        self._writer.write_table(pa.Table.from_pylist(rows, self._schema))

    def commit(self) -> list[Path]:
        """Put the file in place."""
        self.flush()
        if self._writer:
            self._writer.close()
        return [path for path in [self._output.commit()] if path]

    def discard(self) -> None:
        """Remove what was not committed."""
        self._output.discard()


def _plain(value: Any) -> Any:
    """Write yes and no as the log's keywords are read."""
    return str(value).lower() if isinstance(value, bool) else value
