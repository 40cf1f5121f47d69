"""From a training set to a baseline: a table, or a model's folder with its evaluation beside it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from analyzers.baseline.baseline import Baseline, CategoryBaseline
from analyzers.statistics.buckets import Buckets
from analyzers.statistics.edges import quantile_edges
from analyzers.statistics.labelled_scores import LabelledScores
from elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

TABLE = "training_set.parquet"
METRICS = "evaluation_metrics.json"
SCORE = "ml.prediction.score"
LABEL = "ml.outcome.label"
MOST_CATEGORIES = 1_000


def read_baselines(
    path: Path, created: datetime, model: str | None = None, version: str | None = None
) -> Iterator[Baseline]:
    """Yield the baseline of a table, of a model's folder, or of each folder within a folder.

    Args:
        path: A `.parquet` or `.csv` table, a folder with `training_set.parquet`, or a folder of
            such folders, one per model version.
        created: When the baseline is made.
        model: Name of the model; by default what `evaluation_metrics.json` says.
        version: Its version; by default likewise, else the folder's name.

    Raises:
        UserError: The path is missing or unreadable, holds no training set, or leaves open which
            model it is of.
    """
    if path.is_file():
        yield _baseline(path, {}, created, model, version)
        return
    if not path.is_dir():
        raise UserError(f"{path} does not exist", "Name a training set or a model's folder.")
    folders = _model_folders(path)
    if len(folders) > 1 and version is not None:
        raise UserError(
            f"{path} holds {len(folders)} versions",
            "Leave --model-version out, or name one of the folders.",
        )
    for folder in folders:
        evaluation = _evaluation(folder / METRICS)
        known = evaluation.get("model", {})
        yield _baseline(
            folder / TABLE,
            evaluation.get("metrics", {}),
            created,
            model or known.get("name"),
            version or known.get("version") or folder.resolve().name,
        )


def _model_folders(path: Path) -> list[Path]:
    folders = [path] if (path / TABLE).is_file() else []
    folders = folders or sorted((each.parent for each in path.glob(f"*/{TABLE}")), key=_by_version)
    if not folders:
        raise UserError(
            f"{path} holds no {TABLE}, nor does a folder in it", "Name a model's folder or a table."
        )
    return folders


def _by_version(folder: Path) -> tuple[int, str]:
    return (int(folder.name) if folder.name.isdigit() else -1, folder.name)


def _evaluation(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        evaluation = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", "Write it again or remove it."
        ) from error
    if not isinstance(evaluation, dict):
        raise UserError(f"{path} is not a JSON object", "Write it again or remove it.")
    return evaluation


def _baseline(
    path: Path,
    metrics: dict[str, float],
    created: datetime,
    model: str | None,
    version: str | None,
) -> Baseline:
    if model is None or version is None:
        raise UserError(
            f"{path} does not say which model it trained", "Give --model and --model-version."
        )
    table = _table(path)
    if table.num_rows == 0:
        raise UserError(f"{path} has no rows", "Name the table the model was trained on.")
    numbers, categories, passed_over = _columns(table)
    score = numbers.pop(SCORE, None)
    labelled = _labelled(table, score) if score and LABEL in table.column_names else None
    if LABEL in table.column_names and labelled is None:
        passed_over = sorted([*passed_over, LABEL])
    return Baseline(
        model_name=model,
        model_version=version,
        rows=table.num_rows,
        created=created,
        source=path.name if path.name != TABLE else f"{path.resolve().parent.name}/{path.name}",
        score=score,
        labelled=labelled,
        numeric=numbers,
        categorical=categories,
        metrics={name: float(value) for name, value in sorted(metrics.items())},
        passed_over=tuple(passed_over),
    )


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".csv":
            return pyarrow.csv.read_csv(path)
        return pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path} cannot be read as a table: {error}", "Name a .parquet or .csv file."
        ) from error


def _columns(
    table: pa.Table,
) -> tuple[dict[str, Buckets], dict[str, CategoryBaseline], list[str]]:
    numbers: dict[str, Buckets] = {}
    categories: dict[str, CategoryBaseline] = {}
    passed_over: list[str] = []
    for name in sorted(set(table.column_names) - {LABEL}):
        column = table.column(name).combine_chunks()
        if _is_number(column.type) and _has_number(values := _floats(column)):
            numbers[name] = Buckets.from_values(values, quantile_edges(values))
        elif _is_category(column.type) and column.null_count < len(column):
            categories[name] = _category(column)
        else:
            passed_over.append(name)
    return numbers, categories, passed_over


def _labelled(table: pa.Table, score: Buckets) -> LabelledScores | None:
    """Return the scores of the rows with a label, None unless labels are booleans or 0 and 1."""
    column = table.column(LABEL).combine_chunks()
    if not (pa.types.is_boolean(column.type) or _is_number(column.type)):
        return None
    scores = _floats(table.column(SCORE).combine_chunks())
    labels = _floats(pc.cast(column, pa.uint8()) if pa.types.is_boolean(column.type) else column)
    known = ~np.isnan(labels)
    if not known.any() or not np.isin(labels[known], (0.0, 1.0)).all():
        return None
    # In order of the scores, so that sums are rounded alike whatever the order of the rows.
    order = np.argsort(scores[known], kind="stable")
    return LabelledScores.from_rows(scores[known][order], labels[known][order] == 1.0, score.edges)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_category(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    )


def _floats(column: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(
        pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
    )


def _has_number(values: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    return bool(np.isfinite(values).any())


def _category(column: pa.Array) -> CategoryBaseline:
    counted = Counter(
        {
            _name(each["values"]): each["counts"]
            for each in pc.value_counts(column.drop_null()).to_pylist()
        }
    )
    # Ties are broken by name, so that the same rows in any order give the same baseline.
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    kept = Counter(dict(ordered[:MOST_CATEGORIES]))
    return CategoryBaseline(
        counts=kept,
        rest=counted.total() - kept.total(),
        singletons=sum(count == 1 for count in counted.values()),
        missing=column.null_count,
    )


def _name(value: Any) -> str:
    """Return a category as Elasticsearch's keyword of it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
