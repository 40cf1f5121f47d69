"""A node that lives as long as a block: of the scoreboard, a benchmark, or the tests."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlmon.elastic.node import node
from mlmon.elastic.settings import Settings, load_settings
from mlmon.elastic.system.folders import cache_folder


@contextmanager
def temporary_node(
    port: int, heap: str = "512m", cache: Path | None = None, folder: Path | None = None
) -> Iterator[Settings]:
    """Run a node with a home of its own; yield settings with its URL, and delete it afterwards.

    Args:
        port: First port to try.
        heap: Heap, as Java writes it.
        cache: Folder of downloads, by default that of the settings.
        folder: Where its home is made, by default in the folder of temporary files.
    """
    home = Path(tempfile.mkdtemp(prefix="mlmon-node-", dir=folder))
    home.chmod(0o755)  # the node's unprivileged user has to enter it
    # The node would outlive a run that SIGTERM ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = load_settings()
    changes = {"home": home, "cache": cache or cache_folder(known), "elasticsearch_url": None}
    settings = known.model_copy(update={**changes, "node_port": port, "node_heap": heap})
    try:
        found = node.start(settings)
        yield settings.model_copy(update={"elasticsearch_url": found.url})
    finally:
        node.stop(settings)
        shutil.rmtree(home)
