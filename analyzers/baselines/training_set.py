"""From a training set to a baseline: a table, or a model's folder with its evaluation."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.summary import summarise
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

TABLE = "training_set.parquet"
METRICS = "evaluation_metrics.json"


def read_baselines(
    path: Path,
    created: datetime,
    model: str | None = None,
    version: str | None = None,
    segmented: Sequence[str] = (),
    logged: Mapping[str, str] | None = None,
) -> Iterator[Baseline]:
    """Yield the baseline of a table, of a model's folder, or of each folder within a folder.

    Args:
        path: A `.parquet` or `.csv` table, a folder with `training_set.parquet`, or a folder of
            such folders, one per model version.
        created: When the baseline is made.
        model: Name of the model; by default that of `evaluation_metrics.json`.
        version: Its version; by default likewise, else the folder's name.
        segmented: Categorical features that divide the traffic into segments.
        logged: `numeric` or `categorical` by feature, as the log has it so far.

    Raises:
        UserError: The path is missing or unreadable, holds no training set, or leaves open which
            model it is of.
    """
    if path.is_file():
        yield _baseline(path, {}, created, model, version, segmented, logged)
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
        known = _mapping(evaluation, "model")
        yield _baseline(
            folder / TABLE,
            _metrics(evaluation),
            created,
            model or known.get("name"),
            version or known.get("version") or folder.resolve().name,
            segmented,
            logged,
        )


def training_tables(path: Path) -> Iterator[tuple[str | None, str, Path]]:
    """Yield model, version and training set of a model's folder, or of each folder within a folder.

    The model is None where its folder does not name one.

    Raises:
        UserError: There is no training set, or what lies next to one cannot be read.
    """
    for folder in _model_folders(path):
        known = _mapping(_evaluation(folder / METRICS), "model")
        version = known.get("version") or folder.resolve().name
        yield known.get("name"), str(version), folder / TABLE


def _model_folders(path: Path) -> list[Path]:
    folders = [path] if (path / TABLE).is_file() else []
    folders = folders or sorted(
        (table.parent for table in path.glob(f"*/{TABLE}")), key=_by_version
    )
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
        # Python's own reader takes NaN, which scikit-learn gives where a metric has no value.
        evaluation = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", "Write it again or remove it."
        ) from error
    if not isinstance(evaluation, dict):
        raise UserError(f"{path} is not a JSON object", "Write it again or remove it.")
    return evaluation


def _mapping(evaluation: dict[str, Any], name: str) -> dict[str, Any]:
    found = evaluation.get(name)
    return found if isinstance(found, dict) else {}


def _metrics(evaluation: dict[str, Any]) -> dict[str, float]:
    """Return the metrics that are finite numbers; others, such as a matrix, are left out."""
    return {
        name: float(value)
        for name, value in sorted(_mapping(evaluation, "metrics").items())
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _baseline(
    path: Path,
    metrics: dict[str, float],
    created: datetime,
    model: str | None,
    version: str | None,
    segmented: Sequence[str],
    logged: Mapping[str, str] | None,
) -> Baseline:
    if model is None or version is None:
        raise UserError(
            f"{path} does not say which model it trained", "Give --model and --model-version."
        )
    table = _table(path)
    if table.num_rows == 0:
        raise UserError(f"{path} has no rows", "Name the table the model was trained on.")
    summary = summarise(table, segmented, logged)
    if not any(summary[name] for name in ("score", "numeric", "categorical", "embeddings")):
        raise UserError(
            f"{path} has no column of numbers, categories or embeddings with a value",
            "Name the table the model was trained on.",
        )
    return Baseline(
        model_name=str(model),
        model_version=str(version),
        created=created,
        source=path.name if path.name != TABLE else f"{path.resolve().parent.name}/{path.name}",
        metrics=metrics,
        **summary,
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
