"""A name that neither the program nor the namespace knows is a wrong value, not an empty answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.exit_codes import ExitCode
from tests.support.command_tree import exit_code

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
