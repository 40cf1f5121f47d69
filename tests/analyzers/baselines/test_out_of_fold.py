"""Metrics of a training set's own scores, against those that were published."""

import numpy as np
import pytest
from sklearn import metrics
from typer.testing import CliRunner

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.commands import app
from mlmon.analyzers.baselines.out_of_fold import DEFAULT_THRESHOLD, out_of_fold
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.elastic.client.cluster import Cluster


def test_each_holds_what_scikit_learn_computes(rng: np.random.Generator) -> None:
    """Every metric of 20,000 rows lies in its interval, and that is narrow."""
    scores = rng.beta(2.0, 3.0, 20_000)
    labels = rng.random(20_000) < scores
    found = out_of_fold(LabeledScores.from_rows(scores, labels, quantile_edges(scores)))
    decided = scores >= DEFAULT_THRESHOLD
    exact = {
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "precision": metrics.precision_score(labels, decided),
        "recall": metrics.recall_score(labels, decided),
        "f1": metrics.f1_score(labels, decided),
        "accuracy": metrics.accuracy_score(labels, decided),
        "false_positive_rate": decided[~labels].mean(),
        "log_loss": metrics.log_loss(labels, scores),
        "brier": metrics.brier_score_loss(labels, scores),
    }
    assert {*found} == {*exact, "calibration_error"}
    for name, value in exact.items():
        assert found[name].contains(float(value), rounding=1e-12)
        assert found[name].width < 0.03
    assert found["calibration_error"].high < 0.02


def test_what_rows_cannot_show_is_left_out() -> None:
    """Without a negative row there is no ROC AUC; scores beyond one have no log-loss."""
    positive = LabeledScores.from_rows([0.2, 0.7], [True, True], (0.0, 0.5, 1.0))
    assert "roc_auc" not in out_of_fold(positive)
    beyond = LabeledScores.from_rows([-3.0, 7.0], [False, True], (0.0, 0.5, 1.0))
    assert {"roc_auc", "recall"} <= {*out_of_fold(beyond)}
    assert not {"log_loss", "brier", "calibration_error"} & {*out_of_fold(beyond)}


def test_both_are_shown(
    cluster: Cluster, namespace: str, baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mlmon baseline show` shows what was published and what the rows themselves give."""
    BaselineStore(cluster, namespace).write([baseline])
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    lines = CliRunner().invoke(app, ["show", *baseline.model]).stdout.splitlines()
    (area,) = [line for line in lines if "roc_auc" in line]
    words = area.split()
    published, low, high = float(words[1].rstrip(";")), float(words[5]), float(words[7])
    assert low <= published <= high
    wider = float(words[-3]), float(words[-1].rstrip(")"))
    assert wider[0] < low < high < wider[1]
    assert any("recall" in line and "(at a threshold of 0.5)" in line for line in lines)
    assert any("calibration_error not published; out of fold" in line for line in lines)
