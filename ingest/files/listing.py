"""Which files are there: those that the patterns name, and what rotation makes of them."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import glob, has_magic
from pathlib import Path

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file that is there now.

    Attributes:
        path: Where.
        identity: Device and inode.
        size: Bytes.
        modified_ns: Time of the last write, nanoseconds since the epoch.
    """

    path: str
    identity: tuple[int, int]
    size: int
    modified_ns: int


def matching(patterns: Sequence[str]) -> Iterator[Found]:
    """Yield each file that a path or glob pattern names, once."""
    seen = set()
    for pattern in patterns:
        for path in _paths(pattern):
            found = look_at(path)
            if found and found.identity not in seen:
                seen.add(found.identity)
                yield found


def _paths(pattern: str) -> list[str]:
    if not has_magic(pattern):
        return [pattern]
    return sorted(glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern


def siblings(path: str) -> Iterator[Found]:
    """Yield the files beside a path whose names begin like its own, such as `app.jsonl.1`."""
    folder, stem = stem_of(path)
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith(stem))
    except OSError:
        return
    for name in names:
        found = look_at(str(folder / name))
        if found:
            yield found


def stem_of(path: str) -> tuple[Path, str]:
    """Return the folder of a path and how the names begin that rotation gives to its file."""
    return Path(path).parent, Path(path).name.split(".")[0]


def look_at(path: str) -> Found | None:
    """Return what is at a path where that is a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called for each file each second; Path.stat costs twice as much
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def names(patterns: Sequence[str], path: str) -> bool:
    """Return whether a pattern names a path, which need not exist any more."""
    # `**/` stands for no folder too, which fnmatch does not know.
    forms = {form for pattern in patterns for form in (pattern, pattern.replace("**/", ""))}
    return any(path == form or fnmatchcase(path, form) for form in forms)


def folders(patterns: Sequence[str]) -> set[Path]:
    """Return the folders in which a file that a pattern names may appear; those that exist."""
    found = set()
    for pattern in patterns:
        folder = Path(pattern).parent
        while has_magic(str(folder)):
            folder = folder.parent
        if folder.is_dir():
            found.add(folder)
    return found
