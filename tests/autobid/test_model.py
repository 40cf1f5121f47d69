"""The model is really trained, better than chance, calibrated, and predicts as sklearn does."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mlmon.autobid.encoding import fit_encoder
from mlmon.autobid.examples import Dataset
from mlmon.autobid.model import APPROVAL_THRESHOLD, TrainingError, evaluate, train


def test_predictions_are_those_of_scikit_learn(history: Dataset) -> None:
    """The weights taken over give scikit-learn's own probabilities."""
    matrix = fit_encoder(history.rows).transform(history.rows)
    expected = (
        LogisticRegression(C=0.3, solver="newton-cholesky")
        .fit(matrix, history.labels)
        .predict_proba(matrix)[:, 1]
    )
    predicted = train(history.rows, history.labels).model.predict(history.rows)
    np.testing.assert_allclose(predicted, expected, rtol=1e-9)


def test_it_ranks_rows_it_has_not_seen(draw: Callable[[int, int], Dataset]) -> None:
    """On new data the AUC is far above chance, and near the one training promised."""
    training, fresh = train(*draw(1, 6_000)), draw(2, 6_000)
    auc = roc_auc_score(fresh.labels, training.model.predict(fresh.rows))
    assert auc > 0.68
    assert abs(auc - training.metrics["roc_auc"]) < 0.03


def test_it_is_calibrated_on_rows_it_has_not_seen(draw: Callable[[int, int], Dataset]) -> None:
    """In each fifth of the scores, the share of successes is near the mean score."""
    training, fresh = train(*draw(1, 6_000)), draw(3, 8_000)
    observed, predicted = calibration_curve(
        fresh.labels, training.model.predict(fresh.rows), n_bins=5, strategy="quantile"
    )
    np.testing.assert_allclose(observed, predicted, atol=0.05)


def test_stored_scores_are_out_of_fold(draw: Callable[[int, int], Dataset]) -> None:
    """On few rows the model flatters itself about rows it has seen; the stored scores do not."""
    history = draw(4, 700)
    training = train(history.rows, history.labels)
    seen = roc_auc_score(history.labels, training.model.predict(history.rows))
    assert training.metrics["roc_auc"] < seen
    assert training.metrics["roc_auc"] == roc_auc_score(history.labels, training.scores)


def test_metrics_count_approvals() -> None:
    """Precision, recall and F1 are those of decisions at the threshold, counted by hand."""
    scores = np.array([0.9, APPROVAL_THRESHOLD, 0.39, 0.1])
    metrics = evaluate([True, False, True, False], scores)
    assert metrics["precision"] == 0.5
    assert metrics["recall"] == 0.5
    assert metrics["f1"] == 0.5
    assert metrics["brier"] == pytest.approx((0.01 + 0.16 + 0.61**2 + 0.01) / 4)


def test_too_few_examples_are_refused(history: Dataset) -> None:
    """Training on a handful of examples, or on one label, says what is lacking."""
    with pytest.raises(TrainingError, match="at least 100 are needed"):
        train(history.rows[:20], history.labels[:20])
    with pytest.raises(TrainingError, match="with 0 successes"):
        train(history.rows[:200], [False] * 200)
