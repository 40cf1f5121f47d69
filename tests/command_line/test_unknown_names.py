"""A name that neither the program nor the namespace knows is a wrong value, not an empty answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlmon.analyzers.run.engine import FAILURE
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.exit_codes import ExitCode
from tests.support.command_tree import exit_code
from tests.support.histories import START, spell

NOW = datetime.now(UTC).isoformat()


@pytest.fixture(autouse=True)
def _settings(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands read the test's namespace."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)


@pytest.mark.parametrize(
    "words",
    [
        ("baseline", "show", "nonsense", "7"),
        ("baseline", "revoke", "nonsense"),
        ("compare", "--model", "nonsense"),
        ("incidents", "show", "nonsense"),
        ("incidents", "ack", "nonsense"),
    ],
)
def test_a_name_that_a_namespace_does_not_hold_is_wrong_usage(words: tuple[str, ...]) -> None:
    """Models, references and incidents end with 2, as analyzers do."""
    assert exit_code(*words) == ExitCode.WRONG_USAGE


def test_a_sample_of_an_unknown_model_is_wrong_usage(
    ship: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The models there are are named; a known model without predictions in a period is no typo."""
    prediction = {
        "@timestamp": NOW,
        "event.ingested": NOW,
        "event.dataset": "ml.prediction",
        "ml.prediction.id": "p-1",
        "ml.model.name": "autobid",
        "ml.model.version": "7",
    }
    ship([prediction])
    words = ("sample", "--out", str(tmp_path / "s.parquet"))
    assert exit_code(*words, "--model", "nonsense") == ExitCode.WRONG_USAGE
    assert "There are: autobid." in capsys.readouterr().err
    assert exit_code(*words, "--model-version", "8") == ExitCode.WRONG_USAGE
    past = ("--since", "2020-01-01", "--until", "2020-01-02")
    assert exit_code(*words, "--model", "autobid", *past) == ExitCode.FAILED


def test_an_unknown_metric_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest is named; a metric of another analyzer is not one of the chosen one."""
    assert exit_code("findings", "--metric", "missing.rat") == ExitCode.WRONG_USAGE
    assert "Did you mean missing.rate?" in capsys.readouterr().err
    words = ("findings", "--analyzer", "feature_drift", "--metric")
    assert exit_code(*words, "missing.rate") == ExitCode.WRONG_USAGE
    assert "There are: evaluation, ks.distance, total_variation." in capsys.readouterr().err
    for name in ("ks.distance", FAILURE):
        assert exit_code(*words, name) == ExitCode.DONE


def test_no_finding_of_a_severity_does_not_ask_to_analyze(
    cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only where nothing was judged are people asked to analyze."""
    assert exit_code("findings", "--severity", "unknown") == ExitCode.DONE
    assert "mlmon analyze" in capsys.readouterr().out
    FindingStore(cluster, namespace).write(spell("oo", "price"), START)
    assert exit_code("findings", "--severity", "unknown") == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "no such findings" in printed
    assert "mlmon analyze" not in printed


def test_logs_of_an_unknown_service_or_field_are_wrong_usage(
    ship: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What there is is named; a service, a field and a label without lines in a period are none."""
    line = {
        "@timestamp": "2026-03-02T00:00:00Z",
        "event.ingested": "2026-03-02T00:00:00Z",
        "event.dataset": "ml.app",
        "message": "hello",
        "service.name": "api",
        "labels": {"shard": "7"},
    }
    ship([line])
    assert exit_code("logs", "--service", "nosuch") == ExitCode.WRONG_USAGE
    assert "There are: api." in capsys.readouterr().err
    assert exit_code("logs", "--field", "url.pth=x") == ExitCode.WRONG_USAGE
    assert "Did you mean url.path?" in capsys.readouterr().err
    for words in (("--service", "api"), ("--field", "url.path=x"), ("--field", "shard=7")):
        assert exit_code("logs", *words) == ExitCode.DONE
