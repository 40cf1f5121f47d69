"""The commands: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.commands import app
from mlmon.elastic.errors import UserError


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def _on_cluster(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)


@pytest.fixture
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))


@pytest.mark.usefixtures("_on_cluster")
def test_setup_shows_what_it_did(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each template and index with its change, for a reader and for a program."""
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    changes = json.loads(_run("setup", "--json").stdout)
    assert changes["logs-ml.prediction"] == "unchanged"
    assert changes[f"logs-ml.prediction-{namespace}"] == "created"
    result = _run("setup")
    lines = result.stdout.splitlines()
    assert len(lines) == len(changes)
    assert "unchanged  logs-ml.prediction" in lines
    assert f"unchanged  logs-ml.prediction-{namespace}" in lines
    # The embedded core has no ILM, and what takes its place is named.
    assert ("run `mlmon prune`" in result.stderr) is ("logs-ml.app-lifecycle" not in changes)


@pytest.mark.usefixtures("_on_cluster")
def test_doctor_finds_a_whole_cluster_well() -> None:
    """With a cluster and its templates nothing is missing, and the exit code is 0."""
    result = _run("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"]) == (0, True)
    verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
    assert (verdicts["cluster"], verdicts["templates"]) == ("ok", "ok")


@pytest.mark.usefixtures("_on_cluster")
def test_doctor_misses_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that is not installed is named with the command that installs it."""
    from mlmon.elastic.indices import templates

    absent = templates._template("mlmontest-absent", {"properties": {}}, 1, stream=False)
    monkeypatch.setattr(templates, "templates", lambda: iter([absent]))
    result = _run("doctor")
    assert result.exit_code == 1
    assert "missing or out of date: mlmontest-absent" in result.stdout
    assert "mlmon setup" in result.stdout


@pytest.mark.usefixtures("_on_cluster")
def test_doctor_notes_a_mapping_that_is_nearly_full(
    namespace: str, ship: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine hundred invented features are noted with the index; two are not."""
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    event = {"@timestamp": "2026-01-01T00:00:00Z", "event.dataset": "ml.prediction"}
    ship([event | {f"ml.features.numeric.f{n}": 1.5 for n in range(2)}])
    checks = json.loads(_run("doctor", "--json").stdout)["checks"]
    assert not [check for check in checks if check["name"] == "fields"]
    ship([event | {f"ml.features.numeric.f{n}": 1.5 for n in range(900)}])
    checks = json.loads(_run("doctor", "--json").stdout)["checks"]
    (note,) = [check for check in checks if check["name"] == "fields"]
    assert f"logs-ml.prediction-{namespace}" in note["found"]
    assert "of 1,000 fields" in note["found"]


@pytest.mark.usefixtures("_on_cluster")
def test_doctor_notes_several_environments(
    namespace: str, ship: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of staging among those of production are judged with them; mlmon's own do not count."""
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)

    def noted(service: str, environment: str) -> list[str]:
        event = {"@timestamp": "2026-01-01T00:00:00Z", "event.dataset": "ml.access"}
        ship([event | {"service.name": service, "service.environment": environment}])
        checks = json.loads(_run("doctor", "--json").stdout)["checks"]
        return [check["found"] for check in checks if check["name"] == "environments"]

    assert noted("api", "production") == []
    assert noted("mlmon", "default") == []
    (found,) = noted("api", "staging")
    assert "production (1 line), staging (1 line)" in found


@pytest.mark.usefixtures("_nowhere")
def test_doctor_without_a_cluster_shows_what_to_do() -> None:
    """No node and no URL: exit code 1, and the command that starts a node."""
    result = _run("doctor")
    assert result.exit_code == 1
    assert "Start it with `mlmon node start`." in result.stdout
    assert {"java", "elasticsearch", "memory", "disk"} <= set(result.stdout.split())


def test_doctor_explains_a_refusal(
    fault_server: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that refuses the key is a line with advice, not a traceback, and no secret."""
    refusal = {"error": {"type": "security_exception", "reason": "invalid key"}, "status": 401}
    fault_server.say(answer(401, refusal))
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", fault_server.url)
    monkeypatch.setenv("MLMON_API_KEY", "c2VjcmV0")
    result = _run("doctor")
    assert result.exit_code == 1
    assert "MLMON_API_KEY" in result.stdout
    assert "c2VjcmV0" not in result.output


@pytest.mark.usefixtures("_nowhere")
def test_status_and_stop_without_a_node() -> None:
    """Nothing runs: status ends with 4 and says so, stop has nothing to do and ends with 0."""
    status = _run("node", "status", "--json")
    assert (status.exit_code, json.loads(status.stdout)) == (4, {"running": False})
    assert "mlmon node start" in _run("node", "status").stdout
    stop = _run("node", "stop")
    assert (stop.exit_code, stop.stdout) == (0, "no node is running\n")


@pytest.mark.usefixtures("_nowhere")
def test_setup_without_a_cluster_is_a_user_error() -> None:
    """The command ends with the error that the command line prints in two lines."""
    result = _run("setup")
    assert isinstance(result.exception, UserError)
