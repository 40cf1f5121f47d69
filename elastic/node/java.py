"""A Java for the embedded node.

The first one that is new enough in JAVA_HOME, PATH and the system's folders, else a download.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlmon.elastic.errors import UserError, root_cause
from mlmon.elastic.system.folders import is_root, make_folder, reachable_by_all

OLDEST_JAVA = 21
FETCHED = "25"
SYSTEM_FOLDERS = (
    Path("/usr/lib/jvm"),
    Path("/usr/java"),
    Path("/opt/java"),
    Path("/Library/Java/JavaVirtualMachines"),
)
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_HINT = (
    f"Install a JDK {OLDEST_JAVA} or newer "
    f"(Debian: `apt install openjdk-{OLDEST_JAVA}-jdk-headless`), "
    "set JAVA_HOME, "
    "or set MLMON_ELASTICSEARCH_URL to a running cluster."
)


def find_java(system_folders: Iterable[Path] = SYSTEM_FOLDERS) -> Path | None:
    """Return the home of a Java that is new enough and that the node's user can run, or None."""
    return next((home for home in _candidates(system_folders) if _usable(home)), None)


def fetch_java(cache: Path) -> Path:
    """Download a JDK into the cache, once, and return its home.

    Raises:
        UserError: It cannot be fetched.
    """
    import cjdk

    folder = make_folder(cache / "jdk")
    try:
        home = cjdk.java_home(vendor="temurin", version=FETCHED, cache_dir=folder)
    except (cjdk.CjdkError, OSError) as error:
        raise UserError(
            f"There is no Java {OLDEST_JAVA} or newer here, and none could be fetched: "
            f"{root_cause(error)}",
            _HINT,
        ) from error
    return Path(home)


def java_version(home: Path) -> int | None:
    """Return the major version that a Java's `release` file states, None without such a file."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _VERSION.search(text)
    return int(found[1]) if found else None


def _candidates(system_folders: Iterable[Path]) -> Iterator[Path]:
    for variable in ("ES_JAVA_HOME", "JAVA_HOME"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve().parent.parent
    installed = (home for folder in system_folders if folder.is_dir() for home in _homes(folder))
    yield from sorted(installed, key=lambda home: java_version(home) or 0, reverse=True)


def _homes(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        yield entry
        yield entry / "Contents" / "Home"


def _usable(home: Path) -> bool:
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK) or (java_version(home) or 0) < OLDEST_JAVA:
        return False
    return not is_root() or reachable_by_all(program)
