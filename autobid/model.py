"""The model: a logistic regression on piecewise linear features, really trained, quick to ask.

`train` fits scikit-learn's `LogisticRegression` and scores the training rows out of fold, so that
the stored scores are the model's predictions for rows it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from mlmon.autobid.encoding import FeatureEncoder, FeatureRow, Floats, fit_encoder

MODEL_NAME = "autobid"
APPROVAL_THRESHOLD = 0.4
"""A bid is approved from this success probability on."""

FOLDS = 5
MINIMUM_ROWS = 100


class TrainingError(ValueError):
    """The examples cannot train a model; the message names what they lack."""


@dataclass(frozen=True, slots=True)
class SuccessModel:
    """A trained model: how features are encoded, and one weight per column."""

    encoder: FeatureEncoder
    weights: Floats
    intercept: float

    def predict(self, rows: Sequence[FeatureRow]) -> Floats:
        """The success probability of each row, shape (rows,)."""
        return np.asarray(expit(self.encoder.transform(rows) @ self.weights + self.intercept))


@dataclass(frozen=True, slots=True)
class Training:
    """A model with the out-of-fold scores of its training rows and what they are worth."""

    model: SuccessModel
    scores: Floats
    metrics: dict[str, float]


def train(rows: Sequence[FeatureRow], labels: Sequence[bool]) -> Training:
    """Fit a model to examples; the same examples give the same model.

    Raises:
        TrainingError: fewer than `MINIMUM_ROWS` examples, or fewer than `FOLDS` of one label.
    """
    truth = np.asarray(labels, dtype=bool)
    _require_enough(truth)
    encoder = fit_encoder(rows)
    matrix = encoder.transform(rows)
    classifier = LogisticRegression(C=0.3, solver="newton-cholesky")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    # One thread: on matrices this small, several wait for each other longer than they compute.
    with threadpool_limits(1):
        scores: Floats = cross_val_predict(
            classifier, matrix, truth, cv=folds, method="predict_proba"
        )[:, 1]
        classifier.fit(matrix, truth)
    model = SuccessModel(encoder, classifier.coef_[0], float(classifier.intercept_[0]))
    return Training(model, scores, evaluate(truth, scores))


def evaluate(labels: Sequence[bool] | np.ndarray, scores: Floats) -> dict[str, float]:
    """Quality of scores against labels, approvals being decided at `THRESHOLD`."""
    truth, approved = np.asarray(labels, dtype=bool), scores >= APPROVAL_THRESHOLD
    return {
        "roc_auc": float(roc_auc_score(truth, scores)),
        "precision": float(precision_score(truth, approved, zero_division=0)),
        "recall": float(recall_score(truth, approved, zero_division=0)),
        "f1": float(f1_score(truth, approved, zero_division=0)),
        "log_loss": float(log_loss(truth, scores)),
        "brier": float(brier_score_loss(truth, scores)),
    }


def _require_enough(truth: np.ndarray) -> None:
    successes = int(truth.sum())
    fewest = min(successes, len(truth) - successes)
    if len(truth) < MINIMUM_ROWS or fewest < FOLDS:
        raise TrainingError(
            f"{len(truth)} examples with {successes} successes cannot train a model: "
            f"at least {MINIMUM_ROWS} are needed, {FOLDS} of each label."
        )
