"""One real Elasticsearch for the whole session, and a namespace of its own for each test."""

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from xdist.scheduler import LoadFileScheduling

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node import config as node_config
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import Settings, load_settings
from tests.support import emptied as emptied_namespaces

pytest_plugins = ["tests.support.browser", "tests.support.report_scenario"]

URL, PORT = "MLMON_TEST_ELASTICSEARCH_URL", 9250
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the node makes a folder of its own in it
ENOUGH = 4 * 2**30

# By file, the name of what their tests share: fixtures of the session exist once in each worker.
TOGETHER = {
    "tests/report/html/test_page.py": "scenario of the report",
    "tests/report/test_browser.py": "scenario of the report",
}

# As `mlmon.main` does, before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The options that matter for the CPU of nodes that live for minutes. Java's second compiler takes
# more than it saves: measured, a new data stream costs a third more with it. The classes of a
# distribution whose digest was checked are loaded without being verified again: a start takes a
# fifth less. Memory is taken as it is used.
node_config.JVM_OPTIONS += """\
-XX:TieredStopAtLevel=1
-XX:+UnlockDiagnosticVMOptions
-XX:-BytecodeVerificationRemote
-XX:-AlwaysPreTouch
"""


@pytest.fixture(scope="session")
def cluster(worker_id: str) -> Iterator[Cluster]:
    """A cluster with mlmon's templates: MLMON_TEST_ELASTICSEARCH_URL's, else a new node."""
    if URL in os.environ:
        yield from _prepared(load_settings(elasticsearch_url=os.environ[URL]))
        return
    assert worker_id == "master", "the workers' node is started by pytest_configure"
    with temporary_node(PORT, folder=_folder()) as settings:
        yield from _prepared(settings)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the one node that all workers share, before they inherit its URL."""
    distributed = getattr(config.option, "numprocesses", None)
    if distributed and URL not in os.environ and not hasattr(config, "workerinput"):
        shared = temporary_node(PORT, folder=_folder())
        settings = shared.__enter__()
        config.add_cleanup(lambda: shared.__exit__(None, None, None))
        os.environ[URL] = str(settings.elasticsearch_url)


class _Together(LoadFileScheduling):
    """Gives each file to one worker, and files that share an expensive fixture to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return TOGETHER.get(scope, scope)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Distribute the tests between the workers by files."""
    return _Together(config, log)


def _folder() -> Path | None:
    """Return where the node's home is: in memory if it fits, for each new index waits for the disk.

    A test makes several; the suite stores less than 1 GiB. None is the usual folder on disk.
    """
    try:
        free = shutil.disk_usage(IN_MEMORY).free
    except OSError:
        return None
    return IN_MEMORY if free >= ENOUGH and os.access(IN_MEMORY, os.W_OK) else None


def _prepared(settings: Settings) -> Iterator[Cluster]:
    with connect(settings) as cluster:
        for _ in templates.install(cluster):
            pass
        yield cluster


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace that no other test uses, with the test's name in it."""
    name = re.sub(r"[^a-z0-9]+", "_", request.node.name.lower()).strip("_")
    return f"{name[:40]}_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def emptied(cluster: Cluster) -> Iterator[str]:
    """A namespace without a document, for tests that do not ask whether an index is there.

    A module that lets its `namespace` be this one saves most of what its tests cost.
    """
    name = emptied_namespaces.take(cluster)
    yield name
    emptied_namespaces.give_back(name)


@pytest.fixture
def ship(cluster: Cluster, namespace: str) -> Callable[..., None]:
    """Store events in the data streams of the test's namespace, as the shipper does."""
    number = iter(range(10**9))

    def send(events: Iterable[Mapping[str, Any]], into: str = namespace) -> None:
        lines = []
        for event in events:
            stream = f"logs-{event['event.dataset']}-{into}"
            name = event.get("event.id", f"e-{next(number)}")
            action = {"create": {"_index": stream, "_id": name}}
            lines += [orjson.dumps(action), orjson.dumps(event)]
        answer = cluster.bulk(b"\n".join(lines) + b"\n", filter_path="errors,items.*.error")
        assert not answer["errors"], answer
        cluster.refresh(f"logs-*-{into}")

    return send
