"""A version is whole or not there; what lies in it is what the seam says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mlmon.autobid.examples import Dataset
from mlmon.autobid.features import LOGGED
from mlmon.autobid.model import Training, train
from mlmon.autobid.model_store import MODEL_FILE, ModelNotFoundError, ModelStore

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def training(history: Dataset) -> Training:
    """A trained model."""
    return train(*history)


def test_a_version_holds_model_training_set_and_metrics(
    tmp_path: Path, history: Dataset, training: Training
) -> None:
    """The metrics name model, time, rows; the training set has a row per example, nulls and all."""
    version = ModelStore(tmp_path).publish(training, *history, AT)
    metrics = json.loads((tmp_path / version / "evaluation_metrics.json").read_text())
    assert metrics["model"] == {"name": "autobid", "version": "1"}
    assert datetime.fromisoformat(metrics["trained_at"]) == AT
    assert metrics["rows"] == len(history.rows)
    assert set(metrics["metrics"]) == {
        "roc_auc",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier",
    }
    table = pq.read_table(tmp_path / version / "training_set.parquet")
    assert table.column_names == [*LOGGED, "ml.prediction.score", "ml.outcome.label"]
    assert table["ml.outcome.label"].to_pylist() == list(history.labels)
    assert table["client_rating"].to_pylist() == [row["client_rating"] for row in history.rows]
    assert table["client_rating"].null_count > 0
    embedded = [row for row in table["description_embedding"].to_pylist() if row is not None]
    assert 0.05 < len(embedded) / len(history.rows) < 0.15
    assert {len(vector) for vector in embedded} == {12}
    np.testing.assert_array_equal(table["ml.prediction.score"].to_numpy(), training.scores)


def test_the_newest_version_is_loaded(tmp_path: Path, history: Dataset, training: Training) -> None:
    """Versions count on, and the tenth is newer than the ninth."""
    store = ModelStore(tmp_path)
    (tmp_path / "9").mkdir()
    assert store.publish(training, *history, AT) == "10"
    version, model = store.load()
    assert version == "10"
    np.testing.assert_array_equal(
        model.predict(history.rows[:5]), training.model.predict(history.rows[:5])
    )


def test_what_is_not_there_is_reported(tmp_path: Path) -> None:
    """No folder, no version, and no such version are one clear error."""
    with pytest.raises(ModelNotFoundError, match="there is no model yet"):
        ModelStore(tmp_path / "nowhere").load()
    with pytest.raises(ModelNotFoundError, match="there is no model 7"):
        ModelStore(tmp_path).load("7")
    with pytest.raises(ModelNotFoundError, match="there is no model"):
        ModelStore(tmp_path).load("../outside")


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x04K\x01."])
def test_an_unreadable_model_is_reported(tmp_path: Path, content: bytes) -> None:
    """A file that is empty, foreign, or a pickle of something else is the same error."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / MODEL_FILE).write_bytes(content)
    with pytest.raises(ModelNotFoundError, match="model 1"):
        ModelStore(tmp_path).load()


def test_a_failed_publication_leaves_no_version(
    tmp_path: Path, history: Dataset, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a disk fills half-way there is no new version, and the next attempt works."""

    def fail(*_arguments: object) -> None:
        raise OSError("no space left on device")

    store = ModelStore(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(pq, "write_table", fail)
        with pytest.raises(OSError, match="no space"):
            store.publish(training, *history, AT)
    assert store.versions() == []
    assert store.publish(training, *history, AT) == "1"
