"""The log's options alarm nobody on traffic as in training; scores that are NaN do."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.data_quality import DataQuality
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.feature_statistics import FeatureStatistics
from mlmon.analyzers.checks.score_attribution import ScoreAttribution
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.logging_config import Model, Redaction, Sampling, Service, open_log

pytestmark = pytest.mark.long

Rows = dict[str, Any]
A_DAY = 2_400
CATEGORY = "ml.features.categorical.country"
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "sampled features": {"sampling": Sampling(features=0.1)},
    "sampled embeddings": {"sampling": Sampling(embeddings=0.1)},
    "hashed": {"redaction": Redaction(hashed=frozenset({CATEGORY}), salt="s")},
    "allowed": {
        "redaction": Redaction(
            allowed={
                "ml.prediction": frozenset(
                    {"ml.features.numeric.rating", CATEGORY, "ml.model.name", "ml.model.version"}
                )
            }
        )
    },
}
HIDDEN = {"hashed": ("country", "is hashed"), "allowed": ("price", "is left out")}


@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_of_the_log_alarms(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    start: datetime,
    draw_rows: Callable[..., Rows],
    ship: Callable[..., None],
    tmp_path: Path,
    option: str,
) -> None:
    """Real lines of a day as in training: no alarm, and what is hidden is said to be."""
    rows = draw_rows(np.random.default_rng(5), A_DAY)
    with open_log(Service("api"), path=tmp_path / "log", **OPTIONS[option]) as log:
        for row in range(A_DAY):
            features = {name: rows[name][row] for name in ("price", "rating", "country")}
            log.prediction(
                prediction_id=str(row),
                model=Model("autobid", "1"),
                score=float(rows["score"][row]),
                approved=True,
                threshold=0.3,
                features=features,
            )
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    for row, line in enumerate(lines):
        line["@timestamp"] = iso(start + row * DAY / A_DAY)
    ship(lines)
    BaselineStore(cluster, namespace).write([baseline])
    analyzers = [DataQuality(), FeatureDrift(), FeatureStatistics(), ScoreAttribution()]
    end = start + DAY
    analyze(cluster, namespace, Window(end - HOUR, end), now=end, analyzers=analyzers)
    cluster.refresh(f"mlmon-findings-{namespace}-*")
    found = list(FindingStore(cluster, namespace).search())
    assert [finding.reason for finding in found if finding.severity.alarming] == []
    judged = {finding.subject for finding in found if finding.severity is Severity.OK}
    hidden, says = HIDDEN.get(option, ("", ""))
    assert {"price", "rating", "country"} - {hidden} <= judged
    assert hidden not in judged
    if hidden:
        of_hidden = [finding for finding in found if finding.subject == hidden]
        assert {finding.analyzer for finding in of_hidden} == {
            "data_quality",
            "feature_drift",
            "feature_statistics",
        }
        assert all(says in finding.reason for finding in of_hidden)


def test_scores_that_are_nan_are_counted(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    tmp_path: Path,
    ship: Callable[..., None],
    start: datetime,
    draw_rows: Callable[..., Rows],
) -> None:
    """Real lines of a day whose second half has NaN as the score: both verdicts name the share."""
    rows = draw_rows(np.random.default_rng(5), A_DAY)
    rows["score"][A_DAY // 2 :] = np.nan
    with open_log(Service("api", environment="production"), path=tmp_path / "log") as log:
        for row in range(A_DAY):
            score = float(rows["score"][row])
            log.prediction(
                prediction_id=str(row), model=Model("autobid", "1"), score=score, approved=True
            )
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    predictions = [line for line in lines if line["event.dataset"] == "ml.prediction"]
    for row, line in enumerate(predictions):
        line["@timestamp"] = iso(start + row * DAY / A_DAY)
    ship(predictions)
    BaselineStore(cluster, namespace).write([baseline])
    end = start + DAY
    analyzers = [DataQuality(), ScoreShift()]
    analyze(cluster, namespace, Window(end - HOUR, end), now=end, analyzers=analyzers)
    cluster.refresh(f"mlmon-findings-{namespace}-*")
    found = {finding.metric: finding for finding in FindingStore(cluster, namespace).search()}
    missing = found["missing_score.rate"]
    assert (missing.severity, missing.value) == (Severity.CRITICAL, 1.0)
    assert found["ks.distance"].severity is Severity.UNKNOWN
    assert f"50 % of {A_DAY:,} predictions have no score" in found["ks.distance"].reason
