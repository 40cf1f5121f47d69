"""The configuration of an embedded node, written at each start; its data stays."""

import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from mlmon.elastic.node.files import NodeFiles
from mlmon.elastic.node.runtime import Runtime
from mlmon.elastic.system.folders import make_folder

LAST_PORT_OFFSET = 100
OPEN = {"xpack.security.enabled": False}
JVM_OPTIONS = """\
-Xms{heap}
-Xmx{heap}
-Xlog:disable
-Xlog:all=warning:stderr:utctime,level,tags
-XX:-HeapDumpOnOutOfMemoryError
"""
"""Java's options of a node, one a line; the heap is filled in."""


def configure(
    files: NodeFiles, runtime: Runtime, heap: str, port: int, security: dict[str, Any]
) -> None:
    """Create a node's folders and its configuration.

    Args:
        files: Where.
        runtime: Whose default configuration is the base, and who will own it.
        heap: Heap as Java writes it.
        port: First port to try.
        security: Settings of its security, such as `OPEN`.
    """
    make_folder(files.home)
    for folder in (files.config, files.temporary):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (files.folder, files.config, files.data, files.logs, files.temporary):
        make_folder(folder, runtime.owner)
    shutil.copytree(runtime.distribution / "config", files.config, dirs_exist_ok=True)
    # JSON is YAML, and quotes paths safely.
    settings = {**_settings(files, port), **security}
    lines = (f"{key}: {orjson.dumps(value).decode()}\n" for key, value in settings.items())
    (files.config / "elasticsearch.yml").write_text("".join(lines))
    (files.config / "jvm.options.d" / "mlmon.options").write_text(JVM_OPTIONS.format(heap=heap))
    files.ports.unlink(missing_ok=True)
    give(files.config, runtime.owner)


def give(folder: Path, owner: int | None) -> None:
    """Give a folder and all below it to a user; None keeps them."""
    if owner is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, -1)


def _settings(files: NodeFiles, port: int) -> dict[str, Any]:
    return {
        "cluster.name": "mlmon",
        "node.name": "mlmon",
        "discovery.type": "single-node",
        "path.data": str(files.data),
        "path.logs": str(files.logs),
        "http.host": "127.0.0.1",
        "transport.host": "127.0.0.1",
        "http.port": f"{port}-{min(port + LAST_PORT_OFFSET, 65535)}",
        # The port that was free is written to logs/http.ports.
        "node.portsfile": True,
        # One machine's own disk: its owner decides when it is too full.
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "cluster.max_shards_per_node": 4000,
        # One node has nothing to balance. The default computes a balance after each new index and
        # allocates it in a cluster state of its own, which takes a fifth of an index's creation.
        "cluster.routing.allocation.type": "balanced",
    }
