"""Write lines to a file that several processes may append to, with rotation, or to a stream."""

import fcntl
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import IO, Final, Protocol

from mlmon.logging_config.errors import ConfigurationError

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_CHECK_INTERVAL_S: Final = 1.0
_SIZE_INTERVAL_S: Final = 0.02


class Sink(Protocol):
    """Receives lines; its methods do not raise."""

    def write(self, lines: bytes) -> bool:
        """Write one or more complete lines; return whether they were accepted."""

    def flush(self) -> bool:
        """Write all held lines; return whether that succeeded."""

    def close(self) -> None:
        """Write all held lines and release resources; a later write opens them again."""

    def before_fork(self) -> None:
        """Finish the current write, so that the child starts in a consistent state."""

    def after_fork(self, *, in_child: bool) -> None:
        """Continue after `before_fork`."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is rotated and how many rotated files are kept.

    Attributes:
        max_bytes: size at which a new file is started; the last write may exceed it.
        keep: rotated files kept; None keeps all, because a file removed unshipped is lost.
    """

    max_bytes: int = 100 * 2**20
    keep: int | None = None

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or (self.keep is not None and self.keep < 0):
            raise ConfigurationError(
                f"Cannot rotate at {self.max_bytes} bytes, keeping {self.keep} files.",
                "Give a positive size, and a number of files or None for all.",
            )


class FileSink:
    """Appends to a file, each call in one `write`, so that several processes may share the file.

    When another process (logrotate, another process of the service) renames or removes the file, it
    continues in a new one.

    Args:
        path: the file; its folder is created.
        rotation: when to start a new file; None: never.

    Raises:
        ConfigurationError: the file cannot be opened for appending.
    """

    def __init__(self, path: Path, rotation: Rotation | None = None) -> None:
        self.path = path
        self._rotation = rotation
        self._lock = RLock()  # a signal handler may log while its thread is writing
        self._file = -1
        self._torn = False
        self._check_at = 0.0
        self._room = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise ConfigurationError(
                f"Cannot append to {path}: {error.strerror}.",
                "Give the service write access to that folder, or another path.",
            ) from error

    def write(self, lines: bytes) -> bool:
        """Append the lines; False if the disk did not accept them."""
        with self._lock:
            try:
                if self._room <= 0 or time.monotonic() >= self._check_at:
                    self._check_file()
                data = b"\n" + lines if self._torn else lines
                written = os.write(self._file, data)
                self._torn = False
                if written < len(data):
                    self._complete(data[written:])
                self._room -= len(data)
            except OSError:
                return False
        return True

    def flush(self) -> bool:
        """Return True: no line is held."""
        return True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
                self._check_at = 0.0

    def before_fork(self) -> None:
        """Wait until no write is running."""
        self._lock.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        """Allow writes again."""
        if in_child:
            self._lock = RLock()
        else:
            self._lock.release()

    def _complete(self, rest: bytes) -> None:
        """Write the rest of a partial write; if that fails, the next write starts a new line."""
        self._torn = True
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._torn = False

    def _check_file(self) -> None:
        """Open the file at the path if it is another one by now, and rotate it if it is full."""
        self._check_at = time.monotonic() + _CHECK_INTERVAL_S
        if self._file < 0 or not _is_same_file(self.path, self._file):
            self._open()
        if self._rotation and self._room <= 0:
            _rotate(self.path, self._file, self._rotation)
            self._open()

    def _open(self) -> None:
        self.close()
        self._file = os.open(self.path, _FLAGS, 0o644)
        self._torn = _ends_with_partial_line(self._file)
        size = os.fstat(self._file).st_size
        self._room = self._rotation.max_bytes - size if self._rotation else sys.maxsize


def _ends_with_partial_line(file: int) -> bool:
    """Whether a process that was killed left a partial line at the end of the file.

    The partial line may also be the first part of another process's running write, which can take
    long on a busy machine. Linux does not change a file's times during a write: after `utime` has
    returned, a write that was running has made the file longer.
    """
    seen = -1
    while (size := os.fstat(file).st_size) != seen:
        if size == 0 or os.pread(file, 1, size - 1) == b"\n":
            return False
        seen = size
        os.utime(file)
        time.sleep(_SIZE_INTERVAL_S)  # other systems do not guarantee this
    return True


class StreamSink:
    """Writes to standard output or another stream of bytes.

    Args:
        stream: the stream; standard output when None.
    """

    def __init__(self, stream: IO[bytes] | None = None) -> None:
        self._stream = stream or sys.stdout.buffer
        self._lock = RLock()

    def write(self, lines: bytes) -> bool:
        """Write the lines; False if the reader is gone."""
        with self._lock:
            try:
                self._stream.write(lines)
                self._stream.flush()
            except (OSError, ValueError):  # a closed stream is a ValueError
                return False
        return True

    def flush(self) -> bool:
        """Return True: no line is held."""
        return True

    def close(self) -> None:
        """Do nothing: the stream belongs to its owner."""

    def before_fork(self) -> None:
        """Wait until no write is running."""
        self._lock.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        """Allow writes again."""
        if in_child:
            self._lock = RLock()
        else:
            self._lock.release()


def _rotate(path: Path, file: int, rotation: Rotation) -> None:
    """Rename the file, unless another process has done so already.

    `autobid.jsonl` becomes `autobid.<UTC time>.jsonl`: one pattern finds both.

    Args:
        path: the file's path.
        file: its open descriptor.
        rotation: how many files to keep.

    Raises:
        OSError: the file cannot be renamed.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        if _is_same_file(path, file) and os.fstat(file).st_size >= rotation.max_bytes:
            path.rename(_free_name(path))
            _remove_oldest(path, rotation.keep)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _is_same_file(path: Path, file: int) -> bool:
    """Whether the open file is the one at the path."""
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
