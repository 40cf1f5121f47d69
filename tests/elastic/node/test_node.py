"""The embedded node, really started, found, killed and stopped, in a home of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mlmon.elastic.connect import connect
from mlmon.elastic.errors import UserError
from mlmon.elastic.node import config, node
from mlmon.elastic.node.files import NodeFiles, NodeState
from mlmon.elastic.node.process import ProcessIdentity
from mlmon.elastic.settings import Settings

pytestmark = pytest.mark.long

# With the session's Java options, see conftest.py.
PROGRAM = """
from mlmon.elastic.commands import app
from mlmon.elastic.node import config
config.JVM_OPTIONS = {options!r}
app()
"""


@pytest.fixture
def settings(cache: Path) -> Iterator[Settings]:
    """A home that every user can enter, emptied after the test; nothing runs from it then."""
    home = Path(tempfile.mkdtemp(prefix="mlmon-node-"))
    home.chmod(0o755)
    settings = Settings(home=home, cache=cache, node_port=9260, node_heap="256m")
    yield settings
    node.stop(settings)
    shutil.rmtree(home)


def _command(settings: Settings, *words: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "MLMON_HOME": str(settings.home),
        "MLMON_CACHE": str(settings.cache),
        "MLMON_NODE_HEAP": settings.node_heap,
        "MLMON_NODE_PORT": str(settings.node_port),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(options=config.JVM_OPTIONS), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(400)
def test_a_nodes_life(settings: Settings) -> None:
    """Two commands at once start one node, on a free port, on loopback, not as root.

    The next command finds it; killed, it does not count as running, and starts again with its data;
    stopped, it is gone.
    """
    with _listening(settings.node_port):
        starts = [_command(settings, "node", "start", "--json") for _ in range(2)]
        results = [(start.communicate(timeout=300), start.returncode) for start in starts]
    assert [code for _, code in results] == [0, 0], results
    first, second = (json.loads(out) for (out, _), _ in results)
    assert first["pid"] == second["pid"]
    assert {first["started"], second["started"]} == {True, False}
    assert first["url"] == second["url"] != f"http://127.0.0.1:{settings.node_port}"
    _check_privileges(first["pid"])

    found = node.find(settings)
    assert found is not None
    assert (found.url, found.pid) == (first["url"], first["pid"])
    with connect(settings) as cluster:
        assert cluster.index_template_names() == set()
        cluster.put_index_template("kept", {"index_patterns": ["kept-*"]})
        assert cluster.index_template_names() == {"kept"}

    family = _family(found.pid)
    for process in family:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=30)
    assert node.find(settings) is None
    with pytest.raises(UserError, match="no embedded node runs"):
        connect(settings)

    again = node.start(settings)
    assert again.started
    assert again.url == f"http://127.0.0.1:{settings.node_port}"
    with connect(settings) as cluster:
        assert cluster.get_index_template("kept") is not None
    family = _family(again.pid)
    assert node.stop(settings) is True
    assert not any(process.is_running() for process in family)
    assert node.stop(settings) is False
    assert node.find(settings) is None


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _check_privileges(pid: int) -> None:
    for process in _family(pid):
        assert process.uids().real != 0
        hosts = {
            connection.laddr.ip
            for connection in process.net_connections()
            if connection.status == "LISTEN"
        }
        assert hosts <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.timeout(200)
def test_a_start_that_fails_shows_the_log_and_leaves_nothing(settings: Settings) -> None:
    """A heap too small for Java ends at once with Java's own words, and no state stays behind."""
    with pytest.raises(UserError, match="ended while it started; its log ends with") as caught:
        node.start(settings.model_copy(update={"node_heap": "1m"}))
    assert "heap" in caught.value.message
    assert "console.log" in caught.value.hint
    assert node.find(settings) is None
    assert NodeFiles(settings.home or Path()).read_state() is None


def test_a_pid_used_by_another_process_is_not_the_node(settings: Settings) -> None:
    """A state whose pid belongs to another process now is stale: that process is not stopped."""
    files = NodeFiles(settings.home or Path())
    me = ProcessIdentity(os.getpid(), started=1.0)
    files.write_state(NodeState(me, "9.5.3", "http://127.0.0.1:9260"))
    assert node.find(settings) is None
    assert node.stop(settings) is False
    assert files.read_state() is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"process": 1}', b'{"process": {"pid": 1}}']
)
def test_a_damaged_state_is_no_state(content: bytes, settings: Settings) -> None:
    """Whatever a crash left in the state's file, commands go on as if nothing ran."""
    home = settings.home or Path()
    (home / "node.json").write_bytes(content)
    assert node.find(settings) is None
    assert node.stop(settings) is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user")
def test_a_home_that_the_nodes_user_cannot_reach_is_an_error(tmp_path: Path, cache: Path) -> None:
    """Below a closed folder the node could not run; that is reported before it is tried."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(UserError, match="cannot read") as caught:
        node.start(Settings(home=closed / "home", cache=cache))
    assert "MLMON_HOME" in caught.value.hint
