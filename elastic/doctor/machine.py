"""Checks of this machine, where the embedded node is used: Java, download, memory, disk, node."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from mlmon.elastic.doctor.check import Check, CheckVerdict
from mlmon.elastic.node import node
from mlmon.elastic.node.distribution import ELASTICSEARCH, installed
from mlmon.elastic.node.java import OLDEST_JAVA, find_java, java_version
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.folders import cache_folder, home_folder

_GIB = 2**30
_DISK_NEEDED = 1.0
_MEMORY_NEEDED = 1.0


def machine_checks(settings: Settings) -> Iterator[Check]:
    """Yield what the embedded node needs, and whether it runs."""
    running = node.find(settings)
    if running is None:
        yield _java()
        yield _distribution(cache_folder(settings))
        yield _memory(settings)
    yield _disk(home_folder(settings))
    found = f"{running.url}, pid {running.pid}" if running else "not running"
    advice = "" if running else "Start it with `mlmon node start`."
    yield Check("node", CheckVerdict.OK if running else CheckVerdict.NOTE, found, advice)


def _java() -> Check:
    home = find_java()
    if home is None:
        return Check(
            "java",
            CheckVerdict.NOTE,
            f"no Java {OLDEST_JAVA} or newer that the node can run",
            "`mlmon node start` fetches one; or install a JDK, or set JAVA_HOME.",
        )
    return Check("java", CheckVerdict.OK, f"Java {java_version(home)} at {home}")


def _distribution(cache: Path) -> Check:
    folder = installed(ELASTICSEARCH, cache)
    if folder is None:
        advice = "`mlmon node start` fetches it (132 MB, once)."
        return Check("elasticsearch", CheckVerdict.NOTE, "not fetched yet", advice)
    return Check("elasticsearch", CheckVerdict.OK, f"{ELASTICSEARCH.version} at {folder}")


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    found = f"{free:.1f} GiB free at {existing}"
    if free < _DISK_NEEDED:
        return Check("disk", CheckVerdict.MISSING, found, "Free some, or set MLMON_HOME elsewhere.")
    return Check("disk", CheckVerdict.OK, found)


def _memory(settings: Settings) -> Check:
    free = psutil.virtual_memory().available / _GIB
    found = f"{free:.1f} GiB available"
    if free < _MEMORY_NEEDED:
        advice = f"The node takes its heap ({settings.node_heap}) and 0.3 GiB: see MLMON_NODE_HEAP."
        return Check("memory", CheckVerdict.NOTE, found, advice)
    return Check("memory", CheckVerdict.OK, found)
