"""A sample and its model's training set, as data frames that other libraries compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SCORE, LABEL, THRESHOLD = "ml.prediction.score", "ml.outcome.label", "ml.prediction.threshold"
MIN_SAMPLE = 30


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """Two data frames with the same columns.

    Args:
        current: The sample, in order of time.
        reference: The training set.
        numeric: Numeric features that both have.
        categorical: Categorical features that both have.
        left_out: Columns that only one has values of, or that the two have as different types.
        threshold: From which score on the model approves, None if the sample has none.
    """

    current: pd.DataFrame
    reference: pd.DataFrame
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    left_out: tuple[str, ...]
    threshold: float | None

    @property
    def labeled(self) -> bool:
        """Whether the sample holds outcomes enough, of both kinds, to speak of performance."""
        known = self.current[LABEL].dropna()
        enough = len(known) >= MIN_SAMPLE and known.nunique() == len((True, False))
        return LABEL in self.reference and SCORE in self.reference and enough


def read(sample: Path, reference: Path) -> SampleComparison:
    """Read a sample and a training set.

    Args:
        sample: What `mlmon sample` wrote.
        reference: `training_set.parquet`, or the model's folder that holds it.

    Raises:
        UserError: A file is missing or no table, or the two have no feature in common.
    """
    current = _table(sample)
    known = _table(reference / "training_set.parquet" if reference.is_dir() else reference)
    if SCORE not in current.column_names:
        raise UserError(
            f"{sample} is no sample of predictions", "Name a file that `mlmon sample` wrote."
        )
    numeric, categorical, left_out = [], [], []
    for name in sorted({*current.column_names, *known.column_names}):
        if name.startswith(("ml.", "@")):
            continue
        kinds = {_kind(table, name) for table in (current, known)}
        if kinds == {"numeric"}:
            numeric.append(name)
        elif kinds == {"categorical"}:
            categorical.append(name)
        else:
            left_out.append(name)
    if not numeric and not categorical:
        raise UserError(
            "The sample and the reference have no feature in common",
            "Name the training set of the model that made the predictions with --reference.",
        )
    columns = [*numeric, *categorical, SCORE]
    labels = [LABEL] if LABEL in known.column_names else []
    thresholds = current.column(THRESHOLD).drop_null() if THRESHOLD in current.column_names else []
    return SampleComparison(
        current.select([*columns, "@timestamp", LABEL]).to_pandas(),
        known.select([*(c for c in columns if c in known.column_names), *labels]).to_pandas(),
        tuple(numeric),
        tuple(categorical),
        tuple(left_out),
        pc.mode(thresholds)[0].as_py()["mode"] if len(thresholds) else None,
    )


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path} cannot be read as a table: {error}", "Name a Parquet file."
        ) from error


def _kind(table: pa.Table, name: str) -> str | None:
    if name not in table.column_names or table.column(name).null_count == table.num_rows:
        return None
    kind = table.schema.field(name).type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return "numeric"
    return "categorical" if pa.types.is_string(kind) or pa.types.is_boolean(kind) else None
