"""A new cluster is not a broken one: after `mlmon setup` every panel has its fields."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from mlmon.analyzers.base.window import Window
from mlmon.commands import app
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.links.target import LinkTarget
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.indices.names import everything
from mlmon.kibana.lint import among, lint
from mlmon.kibana.providers import artefacts
from tests.support.compiled_queries import failed_queries


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def setup(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """The answer of `mlmon setup` in a namespace in which nothing is stored."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    before = lint(artefacts(LinkTarget(namespace, "default")), has=among(cluster.field_names))
    assert {problem.artefact.kind for problem in before} == {
        "saved-object",
        "dashboard",
        "rule",
        "watch",
    }
    return _run("setup", "--json")


def test_after_setup_every_field_is_there(cluster: Cluster, namespace: str, setup: Result) -> None:
    """Every field of every panel, search, control, rule and watch exists by `_field_caps`."""
    assert setup.exit_code == 0
    assert lint(artefacts(LinkTarget(namespace, "default")), has=among(cluster.field_names)) == []
    answer = json.loads(_run("kibana", "lint", "--live", "--json").stdout)
    assert (answer["problems"], answer["checked"] > 40) == ([], True)


def test_setup_leaves_no_document_and_creates_once(
    cluster: Cluster, namespace: str, setup: Result
) -> None:
    """What makes the streams is deleted again, and a second run creates nothing."""
    created = [name for name in json.loads(setup.stdout) if namespace in name]
    assert len(created) == len(set(created)) > 20
    cluster.refresh(everything(namespace))
    assert cluster.count(everything(namespace)) == 0
    again = json.loads(_run("setup", "--json").stdout)
    assert {again[name] for name in created} == {"unchanged"}
    assert json.loads(_run("prune", "--json").stdout)["steps"] == []


@pytest.mark.usefixtures("setup")
def test_after_setup_every_search_runs(cluster: Cluster, namespace: str) -> None:
    """Panels, events, controls, searches, rules and watches are answered, with nothing in them."""
    now = datetime.now(UTC)
    window = Window(now - timedelta(days=1), now)
    number, failed = failed_queries(cluster, namespace, window)
    assert failed == {}
    assert number > 200
    for search in SEARCHES:
        answer = cluster.search(search.source.index(namespace), search.body(window))
        assert answer["hits"]["hits"] == []
