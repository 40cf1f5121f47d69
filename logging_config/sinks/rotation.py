"""Begin a new file when one is full, also when several processes write to it."""

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlmon.logging_config.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is full and how many full ones stay.

    Attributes:
        max_bytes: size from which on a new file is begun; somewhat exceeded by the last lines.
        keep: full files kept; None keeps all, for a file removed before it is shipped is lost.
    """

    max_bytes: int = 100 * 2**20
    keep: int | None = None

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or (self.keep is not None and self.keep < 0):
            raise ConfigurationError(
                f"Cannot rotate at {self.max_bytes} bytes, keeping {self.keep} files.",
                "Give a positive size, and a number of files or None for all.",
            )


def rotate(path: Path, file: int, rotation: Rotation) -> None:
    """Rename the file, unless another process has just done so.

    `autobid.jsonl` becomes `autobid.<UTC time>.jsonl`: the pattern that finds the one finds both.

    Args:
        path: the file's path.
        file: its open descriptor.
        rotation: how many files to keep.

    Raises:
        OSError: the folder does not allow it.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        if is_at(path, file) and os.fstat(file).st_size >= rotation.max_bytes:
            path.rename(_free_name(path))
            _remove_oldest(path, rotation.keep)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def is_at(path: Path, file: int) -> bool:
    """Whether the open file is still the one at the path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _free_name(path: Path) -> Path:
    while True:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = path.with_name(f"{path.stem}.{now}{path.suffix}")
        if not name.exists():
            return name


def _remove_oldest(path: Path, keep: int | None) -> None:
    if keep is None:
        return
    full = sorted(path.parent.glob(f"{path.stem}.*Z{path.suffix}"), reverse=True)
    for old in full[keep:]:
        old.unlink(missing_ok=True)
