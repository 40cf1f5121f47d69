"""Against nodes of their own: Elasticsearch 8.19, and a cluster that has no master."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import NEW, Document, WriteResult
from mlmon.elastic.commands import app
from mlmon.elastic.connect import connect
from mlmon.elastic.doctor.check import CheckVerdict
from mlmon.elastic.doctor.examine import examine
from mlmon.elastic.errors import ClusterError, NoMasterError, UserError
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.lifecycle import Lifecycle
from mlmon.elastic.indices.prune import Act, carry_out, plan
from mlmon.elastic.indices.templates import TemplateChange
from mlmon.elastic.node.distribution import Distribution
from mlmon.elastic.settings import Settings
from tests.support.own_node import java_of, own_node

pytestmark = pytest.mark.long

OLDEST = Distribution(
    group="org.elasticsearch.distribution.integ-test-zip",
    artifact="elasticsearch",
    version="8.19.21",
    sha256="215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
)
# https://www.elastic.co/support/matrix#matrix_jvm: 8.19 runs on 17 and 21.
JAVA = 17, 21
SECONDS = 15


@pytest.fixture(scope="module")
def old_cluster(cache: Path) -> Iterator[Cluster]:
    """A cluster of the oldest version that mlmon supports."""
    java = java_of(*JAVA)
    if java is None:
        pytest.skip("there is no Java 17 to 21 here, on which Elasticsearch 8.19 runs")
    try:
        node = own_node(cache, OLDEST, java)
        url = node.__enter__()
    except UserError as error:
        pytest.skip(f"Elasticsearch {OLDEST.version} cannot be fetched: {error.message}")
    try:
        with connect(Settings(elasticsearch_url=url)) as cluster:
            yield cluster
    finally:
        node.__exit__(None, None, None)


@pytest.mark.timeout(400)
def test_8_19_is_set_up_and_kept(old_cluster: Cluster) -> None:
    """Templates are installed once; streams take lines, roll over and are pruned as on 9.x."""
    assert old_cluster.version == OLDEST.version
    assert {change for _, change in templates.install(old_cluster)} == {TemplateChange.CREATED}
    assert {change for _, change in templates.install(old_cluster)} == {TemplateChange.UNCHANGED}
    stream = "logs-ml.app-old"
    line = b'{"create":{"_index":"%b","_id":"%d"}}\n{"@timestamp":"2026-01-01T00:00:00Z"}\n'
    body = b"".join(line % (stream.encode(), number) for number in range(3))
    assert old_cluster.bulk(body, filter_path="errors") == {"errors": False}
    statuses = old_cluster.bulk(body, filter_path="items.*.status")["items"]
    assert [item["create"]["status"] for item in statuses] == [409] * 3
    old_cluster.refresh(stream)
    assert old_cluster.count(stream) == 3
    now = datetime.now(UTC)
    lifecycle = Lifecycle("ml.app", 30, stream=True)
    old_cluster.rollover(stream)
    (step,) = plan(old_cluster, "old", [lifecycle], now + timedelta(days=31))
    assert (step.act, step.documents) == (Act.DELETE, 3)
    assert list(carry_out(old_cluster, [step])) == [step]
    assert old_cluster.count(stream) == 0


@pytest.mark.timeout(400)
def test_8_19_stores_and_scans_documents(old_cluster: Cluster) -> None:
    """Documents are created, replaced, conflict, and come back page by page."""
    index = "mlmon-state-old"
    documents = [Document(index, str(number), {"n": number}) for number in range(25)]
    assert old_cluster.put(documents) == WriteResult(created=25)
    assert old_cluster.put([Document(index, "3", {"n": 3}, NEW)]) == WriteResult(conflicted=("3",))
    old_cluster.refresh(index)
    hits = old_cluster.scan(index, {"size": 10})
    assert sorted(hit["_source"]["n"] for hit in hits) == list(range(25))
    assert old_cluster.get(index, "7") == {"n": 7}
    assert old_cluster.capabilities().version == OLDEST.version


@pytest.mark.timeout(400)
def test_doctor_works_on_8_19(old_cluster: Cluster) -> None:
    """Every check of the cluster is answered; with templates installed nothing is missing."""
    list(templates.install(old_cluster))
    checks = list(examine(Settings(elasticsearch_url=old_cluster.url)))
    names = {check.name for check in checks}
    assert {"settings", "cluster", "templates", "logs"} <= names
    assert [check for check in checks if check.verdict is CheckVerdict.MISSING] == []


@pytest.fixture(scope="module")
def without_master(cache: Path) -> Iterator[str]:
    """A node that waits for another one to elect a master with, which never comes."""
    settings = {
        "discovery.type": "multi-node",
        "discovery.seed_hosts": ["127.0.0.1:1"],
        "discovery.initial_state_timeout": "0s",
        "cluster.initial_master_nodes": ["mlmon", "gone", "gone-too"],
    }
    with own_node(cache, settings=settings) as url:
        yield url


@pytest.mark.timeout(400)
def test_without_a_master_every_command_ends_within_seconds(
    without_master: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening the cluster, `doctor` and `setup` name the missing master; none waits a minute."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", without_master)
    began = time.monotonic()
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert time.monotonic() - began < SECONDS
    assert result.exit_code == 1
    (check,) = [c for c in json.loads(result.stdout)["checks"] if c["name"] == "cluster"]
    assert check["verdict"] == "missing"
    assert f"The cluster at {without_master} has no master" in check["found"]
    assert "master-eligible nodes" in check["advice"]
    began = time.monotonic()
    with pytest.raises(NoMasterError):
        connect(Settings(elasticsearch_url=without_master))
    assert time.monotonic() - began < SECONDS


@pytest.mark.timeout(400)
def test_a_master_that_is_lost_later_ends_each_request_within_its_time(
    without_master: str,
) -> None:
    """In a command that had opened the cluster before, the next request fails with the cause."""
    with Cluster(open_client([without_master], timeout=8), "9.5.3") as cluster:
        for call in (cluster.health, lambda: cluster.search("logs-*", {})):
            began = time.monotonic()
            with pytest.raises(ClusterError) as caught:
                call()
            assert type(caught.value) is NoMasterError
            assert time.monotonic() - began < SECONDS
