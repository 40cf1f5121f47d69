"""The versions of the simulated model: each with a training set of its own and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlmon.logging_config import Model
from mlmon.scoreboard.simulation.requests import (
    FACTORS,
    THRESHOLD,
    draw_outcomes,
    draw_requests,
    expit,
    log_odds,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from mlmon.scoreboard.simulation.requests import Floats, Requests

JITTER = 0.02
"""Standard deviation of a retrained factor, relative."""
TRAINING_ROWS = 6_000


@dataclass(frozen=True, slots=True)
class Version:
    """A trained version.

    Args:
        model: Its name and number.
        factors: What it has learned.
        noise: Standard deviation of what is added to its log-odds: how much worse it is.
        metrics: What it is worth on its test set.
    """

    model: Model
    factors: dict[str, float]
    noise: float
    metrics: dict[str, float]

    def score(self, requests: Requests, rng: Generator) -> Floats:
        """Return the scores of requests as they came."""
        odds = log_odds(requests.numeric, requests.categorical, self.factors)
        odds = odds + requests.score_noise
        if self.noise:
            odds = odds + rng.normal(0.0, self.noise, len(requests))
        return expit(odds)


@dataclass(slots=True)
class ModelVersions:
    """Trains versions, and writes each one's training set to `<folder>/<model>-<number>/`.

    Args:
        name: The model's name.
        folder: Where the training sets go.
        rng: Draws training sets.
        rows: Rows of each.
    """

    name: str
    folder: Path
    rng: Generator
    rows: int = TRAINING_ROWS
    trained: list[Version] = field(default_factory=list)

    def train(self, noise: float = 0.0) -> Version:
        """Train the next version, whose log-odds carry so much noise."""
        rng = self.rng
        factors = {
            name: factor * float(rng.normal(1.0, JITTER)) for name, factor in FACTORS.items()
        }
        model = Model(self.name, str(len(self.trained) + 1))
        rows = draw_requests(rng, np.zeros(self.rows, dtype=np.int64))
        draw_outcomes(rng, rows)
        version = Version(model, factors, noise, {})
        rows.score = version.score(rows, rng)
        version = Version(model, factors, noise, _metrics(rows))
        self._write(version, rows)
        self.trained.append(version)
        return version

    def _write(self, version: Version, rows: Requests) -> None:
        import json

        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = self.folder / f"{self.name}-{version.model.version}"
        folder.mkdir(parents=True)
        columns = {
            name: pa.array(values, from_pandas=True) for name, values in rows.numeric.items()
        }
        columns |= {name: pa.array(values.tolist()) for name, values in rows.categorical.items()}
        columns["text_embedding"] = pa.array(
            [
                row if sent else None
                for row, sent in zip(rows.embedding.tolist(), rows.embedded.tolist(), strict=True)
            ]
        )
        columns["ml.prediction.score"] = pa.array(rows.score)
        columns["ml.outcome.label"] = pa.array(rows.succeeds)
        pq.write_table(pa.table(columns), folder / "training_set.parquet")
        evaluation = {
            "model": {"name": self.name, "version": version.model.version},
            "metrics": version.metrics,
        }
        (folder / "evaluation_metrics.json").write_text(json.dumps(evaluation), encoding="utf-8")


def _metrics(rows: Requests) -> dict[str, float]:
    from sklearn import metrics

    approved = rows.score >= THRESHOLD
    return {
        "roc_auc": float(metrics.roc_auc_score(rows.succeeds, rows.score)),
        "precision": float(metrics.precision_score(rows.succeeds, approved)),
        "recall": float(metrics.recall_score(rows.succeeds, approved)),
        "f1": float(metrics.f1_score(rows.succeeds, approved)),
        "log_loss": float(metrics.log_loss(rows.succeeds, rows.score)),
        "brier": float(metrics.brier_score_loss(rows.succeeds, rows.score)),
    }
