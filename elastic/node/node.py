"""The embedded node: a real Elasticsearch in its own process, which the next command finds again.

It listens on loopback only, on the first free port from the chosen one, and runs as `nobody` where
mlmon runs as root.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.official import Elasticsearch
from mlmon.elastic.errors import UserError
from mlmon.elastic.node import security as node_security
from mlmon.elastic.node.config import OPEN, configure
from mlmon.elastic.node.distribution import ELASTICSEARCH, ReportLine
from mlmon.elastic.node.files import NodeFiles, NodeState
from mlmon.elastic.node.node_process import await_answer, spawn, terminate
from mlmon.elastic.node.process import ProcessIdentity
from mlmon.elastic.node.runtime import provide
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.folders import cache_folder, home_folder

START_SECONDS = 300.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that answers.

    Args:
        url: Where.
        pid: Process to end when it is stopped.
        version: Version of Elasticsearch.
        home: Its home.
        started: Whether this call started it, rather than found it running.
    """

    url: str
    pid: int
    version: str
    home: Path
    started: bool


def start(settings: Settings, report: ReportLine = lambda _: None) -> RunningNode:
    """Start the node of this home and wait until it answers; a running one is returned as it is.

    Args:
        settings: Home, cache, heap and port.
        report: Called with each step.

    Raises:
        UserError: There is no Java, no download, or the node does not come up.
    """
    files = NodeFiles(home_folder(settings))
    with files.lock(), _readable_files():
        state = _alive(files)
        started = state is None
        if state is None:
            state = _launch(settings, files, report)
        elif settings.node_secure and not state.secure:
            raise UserError(
                "The node runs without security", "Stop it with `mlmon node stop`, then start it."
            )
        return _await(files, state, started=started)


def find(settings: Settings) -> RunningNode | None:
    """Return the node of this home if it runs and has answered, None otherwise; changes nothing."""
    files = NodeFiles(home_folder(settings))
    state = files.read_state()
    if state is None or state.url is None or state.process.find() is None:
        return None
    return _running(files, state, state.url, started=False)


def stop(settings: Settings) -> bool:
    """End the node of this home cleanly and wait for it; return whether one ran.

    Raises:
        UserError: It belongs to another user, or has not ended in time.
    """
    files = NodeFiles(home_folder(settings))
    if not files.home.is_dir():
        return False
    with files.lock():
        state = _alive(files)
        process = state.process.find() if state else None
        if process is None:
            return False
        terminate(process, STOP_SECONDS)
        files.remove_state()
        return True


def _alive(files: NodeFiles) -> NodeState | None:
    """Return the state of a process that runs; a state left behind by a dead one is removed."""
    state = files.read_state()
    if state is not None and state.process.find() is not None:
        return state
    files.remove_state()
    return None


def _launch(settings: Settings, files: NodeFiles, report: ReportLine) -> NodeState:
    runtime = provide(cache_folder(settings), report)
    security = node_security.SETTINGS if settings.node_secure else OPEN
    configure(files, runtime, settings.node_heap, settings.node_port, security)
    if settings.node_secure:
        report("preparing certificate and users")
        node_security.secure(files, runtime)
    report("starting Elasticsearch")
    process = ProcessIdentity.of(spawn(files, runtime))
    state = NodeState(process, ELASTICSEARCH.version, secure=settings.node_secure)
    files.write_state(state)
    return state


def _await(files: NodeFiles, state: NodeState, *, started: bool) -> RunningNode:
    process = psutil.Process(state.process.pid)
    scheme = "https" if state.secure else "http"
    try:
        url = await_answer(
            files,
            process,
            lambda port: open_node(files.home, f"{scheme}://127.0.0.1:{port}"),
            START_SECONDS,
        )
    except BaseException:
        # A node that nobody waits for would run unnoticed.
        if started:
            terminate(process, STOP_SECONDS)
            files.remove_state()
        raise
    files.write_state(replace(state, url=url))
    return _running(files, state, url, started=started)


def open_node(
    home: Path,
    url: str,
    credentials: tuple[str, str] | str | None = None,
    timeout: float = 60.0,
) -> Elasticsearch:
    """Return a client of the node of a home.

    Args:
        home: The home.
        url: Where the node answers.
        credentials: User and password, or an API key; None is a secured node's administrator.
        timeout: Seconds without an answer after which a request fails.

    Raises:
        UserError: The node was started with TLS by another user of this machine.
    """
    if not url.startswith("https:"):
        return open_client([url], timeout=timeout)
    access = node_security.NodeAccess(home)
    credentials = credentials or access.credentials()
    return open_client([url], credentials=credentials, ca_certs=str(access.ca), timeout=timeout)


def _running(files: NodeFiles, state: NodeState, url: str, *, started: bool) -> RunningNode:
    return RunningNode(url, state.process.pid, state.version, files.home, started)


@contextmanager
def _readable_files() -> Iterator[None]:
    """Let the node's user read new files, regardless of the caller's umask."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)
