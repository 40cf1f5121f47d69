"""Has a file that was read to its end been given up by its writer? By its name, neighbours and age.

A log that vanishes while no shipper runs may have got lines that nobody read. One whose writer had
gone on to another file may not: it is what a rotation left, and is deleted in the end.
"""

import os
import re
from collections.abc import Iterable
from functools import lru_cache

from mlmon.ingest.files.paths import FoundFile

QUIET_S = 30.0
"""How long a file must be unchanged until it counts as ended: a writer may hold it that long after
its name has gone to another one."""

IDLE_S = 3_600.0
"""How long a file must be unchanged until it counts as ended although no newer one lies next to
it."""

# A number or a date that a rotation adds, with what separates it: `.1`, `-20260301`, `.2026-03-01`.
_ROTATION = re.compile(r"[-._]?\d(?:[\dTZ:._-]*[\dTZ])?")


@lru_cache(maxsize=20_000)
def log_name(path: str) -> tuple[str, str]:
    """Return folder and name of the log of which a file is a part: `app.jsonl` of `app.jsonl.1`."""
    folder, name = os.path.split(path)
    return folder, _ROTATION.sub("", name.removesuffix(".gz"))


def ended(files: Iterable[FoundFile], now: float) -> set[tuple[int, int]]:
    """Return device and inode of the files that nobody writes any more.

    Args:
        files: All files that are there.
        now: Seconds since the epoch.
    """
    files = list(files)
    newest: dict[tuple[str, str], int] = {}
    for file in files:
        name = log_name(file.path)
        newest[name] = max(newest.get(name, 0), file.modified_ns)
    found = set()
    for file in files:
        unchanged_s = now - file.modified_ns / 1e9
        is_newest = newest[log_name(file.path)] <= file.modified_ns
        if unchanged_s >= (IDLE_S if is_newest else QUIET_S):
            found.add(file.identity)
    return found
