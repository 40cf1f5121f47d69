"""A node of a benchmark's own, so that `make bench` runs from a fresh clone."""

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
def bench_node(port: int, heap: str = "512m") -> Iterator[Settings]:
    """Run a node with a home of its own; yield settings with its URL, and delete it afterwards.

    Args:
        port: First port to try.
        heap: Heap, as Java writes it.
    """
    home = Path(tempfile.mkdtemp(prefix="mlmon-bench-"))
    home.chmod(0o755)  # the node's unprivileged user has to enter it
    cache = cache_folder(load_settings())
    # The node would outlive a benchmark that SIGTERM ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = Settings(
        home=home, cache=cache, node_port=port, node_heap=heap, elasticsearch_url=None
    )
    try:
        found = node.start(settings)
        yield settings.model_copy(update={"elasticsearch_url": found.url})
    finally:
        node.stop(settings)
        shutil.rmtree(home)
