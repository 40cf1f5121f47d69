"""A node of a test's own: another version of Elasticsearch, or with settings of its own."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from mlmon.elastic.node.config import OPEN, configure
from mlmon.elastic.node.distribution import ELASTICSEARCH, Distribution, install
from mlmon.elastic.node.files import NodeFiles
from mlmon.elastic.node.java import SYSTEM_FOLDERS, find_java, java_version
from mlmon.elastic.node.node_process import spawn, terminate
from mlmon.elastic.node.runtime import Runtime, unprivileged_account

PORT = 9280
_START_SECONDS = 240.0


@contextmanager
def own_node(
    cache: Path,
    distribution: Distribution = ELASTICSEARCH,
    java: Path | None = None,
    settings: dict[str, Any] | None = None,
) -> Iterator[str]:
    """Run a node on loopback while the block runs, and yield its URL when its port is open.

    Raises:
        UserError: The distribution cannot be fetched.
    """
    # Not pytest's own folder, which the node's unprivileged user may not enter.
    home = Path(tempfile.mkdtemp(prefix="mlmon-own-node-"))
    home.chmod(0o755)
    try:
        files = NodeFiles(home)
        folder = install(distribution, cache, lambda _: None)
        java = java or find_java()
        assert java is not None, "the embedded node of the other tests needs a Java, too"
        runtime = Runtime(java, folder, unprivileged_account())
        configure(files, runtime, "256m", PORT, {**OPEN, **(settings or {})})
        process = psutil.Process(spawn(files, runtime))
        try:
            yield f"http://127.0.0.1:{_port(files, process)}"
        finally:
            terminate(process, 60)
    finally:
        shutil.rmtree(home)


def java_of(oldest: int, newest: int) -> Path | None:
    """Return a Java of this machine whose major version lies in a range, None without one."""
    homes = (home for folder in SYSTEM_FOLDERS if folder.is_dir() for home in folder.iterdir())
    return next(
        (home for home in homes if oldest <= (java_version(home) or 0) <= newest),
        None,
    )


def _port(files: NodeFiles, process: psutil.Process) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.is_running():
        if (port := files.bound_port()) is not None:
            return port
        time.sleep(0.1)
    raise AssertionError(files.console.read_text(errors="replace")[-2000:])
