"""Where models lie: `models/<version>/` with the model, its training set and its evaluation.

A version is written next to its place and renamed into it, so that a reader finds a whole version
or none. Versions are the whole numbers from 1.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from mlmon.autobid.encoding import FeatureRow, Floats
from mlmon.autobid.features import MODEL_NUMERIC
from mlmon.autobid.model import MODEL_NAME, SuccessModel, Training
from mlmon.autobid.opportunity import DESCRIPTION_EMBEDDING, OPPORTUNITY_CATEGORICAL

MODEL_FILE = "model.joblib"
METRICS_FILE = "evaluation_metrics.json"
TRAINING_SET_FILE = "training_set.parquet"


class ModelNotFoundError(LookupError):
    """There is no model of that version, or none at all, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The folder of all versions."""

    folder: Path

    def versions(self) -> list[int]:
        """The versions there are, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())

    def publish(
        self, training: Training, rows: Sequence[FeatureRow], labels: Sequence[bool], at: datetime
    ) -> str:
        """Write the next version; returns its name."""
        version = str(max(self.versions(), default=0) + 1)
        partial = self.folder / f".{version}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        joblib.dump(training.model, partial / MODEL_FILE)
        pq.write_table(_training_table(rows, labels, training.scores), partial / TRAINING_SET_FILE)
        evaluation = {
            "model": {"name": MODEL_NAME, "version": version},
            "trained_at": at.isoformat(),
            "rows": len(rows),
            "metrics": training.metrics,
        }
        (partial / METRICS_FILE).write_text(json.dumps(evaluation, indent=2) + "\n")
        partial.rename(self.folder / version)
        return version

    def load(self, version: str | None = None) -> tuple[str, SuccessModel]:
        """Read a version, by default the newest.

        Raises:
            ModelNotFoundError: there is none, or its file cannot be read.
        """
        known = [str(number) for number in self.versions()]
        wanted = version if version is not None else (known[-1] if known else None)
        if wanted is None or wanted not in known:
            raise ModelNotFoundError(
                f"there is no model {wanted}" if wanted else "there is no model yet"
            )
        path = self.folder / wanted / MODEL_FILE
        try:
            model = joblib.load(path)
        except Exception as error:
            # A cut or foreign pickle raises nearly anything: EOFError, KeyError, ImportError, …
            raise ModelNotFoundError(f"model {wanted} cannot be read: {error!r}") from error
        if not isinstance(model, SuccessModel):
            raise ModelNotFoundError(
                f"model {wanted} is a {type(model).__name__}, not a SuccessModel"
            )
        return wanted, model


def _training_table(rows: Sequence[FeatureRow], labels: Sequence[bool], scores: Floats) -> pa.Table:
    columns = {
        name: pa.array([row[name] for row in rows], type=pa.float64()) for name in MODEL_NUMERIC
    }
    columns |= {
        name: pa.array([row[name] for row in rows], type=pa.string())
        for name in OPPORTUNITY_CATEGORICAL
    }
    embeddings = [row.get(DESCRIPTION_EMBEDDING) for row in rows]
    columns[DESCRIPTION_EMBEDDING] = pa.array(embeddings, type=pa.list_(pa.float64()))
    columns["ml.prediction.score"] = pa.array(scores)
    columns["ml.outcome.label"] = pa.array([bool(label) for label in labels])
    return pa.table(columns)
