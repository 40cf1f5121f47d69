"""Write lines to a file that several processes may append to, with rotation, or to a stream."""

import fcntl
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any, Final

from mlmon.logging_config.errors import ConfigurationError, warn
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.sinks.sink import (
    CLOSE_TIMEOUT_S,
    QUIESCE_TIMEOUT_S,
    LineWriter,
    WriteLock,
    stream_writers,
)

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_CHECK_INTERVAL_S: Final = 0.1
_SIZE_INTERVAL_S: Final = 0.02
_STALL_S: Final = 5.0
_DESCRIPTORS: Final = ("/dev/", "/proc/")
_MAX_RECENT: Final = 4 * 2**20
_WARN_INTERVAL_S: Final = 60.0
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")

OnDeleted = Callable[[Path, int], object]
"""Called with the path and size of a rotated file that was deleted."""


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

    When another process (logrotate, another process of the service) renames or removes the file or
    its folder, it continues in a new one. When the program closes the descriptor, as a daemon does
    with all of them, the file is opened again.

    Args:
        path: the file; its folder is created. A named pipe is written to as well. A relative path
            is that of the working directory at this moment.
        rotation: when to start a new file; None: never.

    Attributes:
        on_deleted: called for each rotated file that is deleted.

    Raises:
        ConfigurationError: the file cannot be opened for appending.
    """

    def __init__(self, path: Path, rotation: Rotation | None = None) -> None:
        self.path = path
        self.on_deleted: OnDeleted = _warn_deleted
        self._rotation = rotation
        self._lock = WriteLock()
        self._writer: LineWriter | None = None
        self._check_at = 0.0
        self._room = 0
        self._recent: list[bytes] = []
        self._recent_size = 0
        self._warn_at = 0.0
        try:
            self.path = path.absolute()  # the program may change its directory
            self._open()
        except OSError as error:
            raise ConfigurationError(
                f"Cannot append to {path}: {error.strerror}.",
                "Give the service write access to that folder, or another path.",
            ) from error

    def write(self, lines: bytes) -> int:
        """Append the lines; return how many bytes of complete lines the disk accepted."""
        lock = self._lock.lock
        if not (lock.acquire(blocking=False) or lock.acquire(timeout=_STALL_S)):
            return 0
        try:
            now = time.monotonic()
            self._forget_closed()
            if self._room <= 0 or now >= self._check_at:
                self._check_file(now)
            writer = self._writer or self._open()
            if writer.is_file and not writer.torn:
                written = os.write(writer.descriptor, lines)
                if written < len(lines):
                    written = writer.complete(lines, written)
            else:
                written = writer.write(lines)
            if written < len(lines):
                self._warn(writer.problem)
            self._room -= written
            if self._recent_size < _MAX_RECENT:
                self._recent.append(lines if written == len(lines) else lines[:written])
                self._recent_size += written
        except OSError as error:
            if is_interruption(error):
                raise
            self._warn(error.strerror or str(error))
            return 0
        finally:
            lock.release()
        return written

    def flush(self) -> bool:
        """Return True: no line is held."""
        return True

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Close the file; one whose write has stalled stays open."""
        if not self._lock.acquire(timeout_s):
            return
        try:
            self._forget_closed()
            if self._writer is not None and self._recent:
                self._check_file(time.monotonic())
        except OSError as error:
            self._warn(error.strerror or str(error))
        finally:
            self._close()
            self._lock.release()

    def before_fork(self) -> None:
        """Wait until no write is running, for a second at most."""
        self._lock.acquire(QUIESCE_TIMEOUT_S)

    def after_fork(self, *, in_child: bool) -> None:
        """Allow writes again."""
        self._lock.after_fork(in_child=in_child)

    def _check_file(self, now: float) -> None:
        """Open the file at the path if it is another one by now, and rotate it if it is full."""
        since = now - self._check_at + _CHECK_INTERVAL_S
        writer, recent = self._writer, self._recent
        self._recent, self._recent_size = [], 0
        if writer is None or (writer.is_file and not _is_same_file(self.path, writer.descriptor)):
            was_removed = writer is not None and os.fstat(writer.descriptor).st_nlink == 0
            writer = self._open()
            if was_removed and since < 1.0:
                # Written between the removal and this check, to a file nobody can read.
                writer.write(b"".join(recent))
        if self._rotation and self._room <= 0:
            self._rotate(writer.descriptor)
            self._open()
        self._check_at = now + _CHECK_INTERVAL_S

    def _open(self) -> LineWriter:
        self._close()
        try:
            descriptor = os.open(self.path, _FLAGS, 0o644)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, _FLAGS, 0o644)
        writer = LineWriter(descriptor, _STALL_S)
        writer.torn = writer.is_file and _ends_with_partial_line(descriptor)
        size = os.fstat(descriptor).st_size
        # `/dev/stdout` names a descriptor: a new file under its name would be the old one again.
        is_name = not str(self.path).startswith(_DESCRIPTORS)
        rotates = self._rotation is not None and writer.is_file and is_name
        self._room = self._rotation.max_bytes - size if self._rotation and rotates else sys.maxsize
        self._writer = writer
        return writer

    def _close(self) -> None:
        if self._writer is not None:
            os.close(self._writer.descriptor)
            self._forget()

    def _forget_closed(self) -> None:
        """Forget a descriptor that the program has closed: its number may be another file's now."""
        if self._writer is not None and not self._writer.is_open():
            self._forget()

    def _forget(self) -> None:
        self._writer = None
        self._check_at = 0.0
        self._recent, self._recent_size = [], 0

    def _rotate(self, descriptor: int) -> None:
        """Rename the file, unless another process has done so already.

        `autobid.jsonl` becomes `autobid.<UTC time>.jsonl`: one pattern finds both.
        """
        rotation = self._rotation
        if rotation is None:
            return
        path = Path(os.path.realpath(self.path))  # a link stays, and its file's disk is kept
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            is_full = os.fstat(descriptor).st_size >= rotation.max_bytes
            if is_full and _is_same_file(path, descriptor):
                path.rename(_free_name(path))
                self._delete_oldest(path, rotation.keep)
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _delete_oldest(self, current: Path, keep: int | None) -> None:
        if keep is None:
            return
        own = re.compile(
            rf"{re.escape(current.stem)}\.\d{{8}}T\d{{6}}\.\d{{6}}Z{re.escape(current.suffix)}"
        )
        rotated = sorted(
            (path for path in current.parent.iterdir() if own.fullmatch(path.name)), reverse=True
        )
        for path in rotated[keep:]:
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                continue
            self.on_deleted(path, size)

    def _warn(self, reason: str) -> None:
        """Warn that lines are not written, once a minute at most."""
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + _WARN_INTERVAL_S
            warn(f"cannot write to {self.path}: {reason}")


class StreamSink:
    """Writes to standard output, where it has a descriptor directly, without its buffer.

    Standard output may have been replaced by a stream of texts, such as `io.StringIO` or a
    notebook's.

    Raises:
        ConfigurationError: there is no standard output, as in a process started without one.
    """

    def __init__(self) -> None:
        self._stream, self._is_text = _standard_output()
        self._lock = WriteLock()
        self._warned = False
        self._writer: LineWriter | None = None
        if not self._is_text:
            with suppress(OSError, ValueError, AttributeError):
                self._writer = LineWriter(self._stream.fileno(), _STALL_S)

    def write(self, lines: bytes) -> int:
        """Write the lines; return how many bytes of complete lines were accepted."""
        if not self._lock.acquire(_STALL_S):
            return 0
        try:
            written = self._write(lines)
        except BaseException as raised:
            if is_interruption(raised):
                raise
            written = 0
        finally:
            self._lock.release()
        if written < len(lines) and not self._warned:
            self._warned = True
            warn("cannot write to the output stream: its reader has stalled or is gone")
        return written

    def flush(self) -> bool:
        """Return True: no line is held."""
        return True

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Do nothing: the stream belongs to its owner."""

    def before_fork(self) -> None:
        """Wait until no write is running, for a second at most."""
        self._lock.acquire(QUIESCE_TIMEOUT_S)

    def after_fork(self, *, in_child: bool) -> None:
        """Allow writes again."""
        if in_child:
            stream_writers.clear()
        self._lock.after_fork(in_child=in_child)

    def _write(self, lines: bytes) -> int:
        if self._writer is not None:
            return self._writer.write(lines)
        stream_writers.add(get_ident())
        try:
            if self._is_text:
                self._write_text(lines.decode())
            else:
                self._stream.write(lines)
            flush = getattr(self._stream, "flush", None)
            if flush is not None:
                flush()
        finally:
            stream_writers.discard(get_ident())
        return len(lines)

    def _write_text(self, lines: str) -> None:
        try:
            self._stream.write(lines)
        except UnicodeEncodeError:
            self._stream.write(escape_non_ascii(lines))


def escape_non_ascii(lines: str) -> str:
    """Escape the characters that another encoding than UTF-8 may lack or write differently.

    JSON has such characters within texts only.
    """
    return _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], lines)


def _standard_output() -> tuple[Any, bool]:
    """Return standard output, and whether it accepts texts instead of bytes.

    Raises:
        ConfigurationError: there is none.
    """
    stream: Any = sys.stdout
    try:
        buffer = stream.buffer
        if buffer is not None:  # else it was detached
            return buffer, False
    except AttributeError:
        if callable(getattr(stream, "write", None)):
            return stream, not isinstance(stream, (io.RawIOBase, io.BufferedIOBase))
    raise ConfigurationError(
        "Cannot write to standard output: the process has none.",
        "Give the path of a file, or start the process with a standard output.",
    )


def _is_same_file(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one at the path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _ends_with_partial_line(descriptor: int) -> bool:
    """Whether a process that was killed left a partial line at the end of the file.

    The partial line may also be the first part of another process's running write, which can take
    long on a busy machine. Linux does not change a file's times during a write: after `utime` has
    returned, a write that was running has made the file longer.
    """
    seen = -1
    while (size := os.fstat(descriptor).st_size) != seen:
        if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
            return False
        seen = size
        os.utime(descriptor)
        time.sleep(_SIZE_INTERVAL_S)  # other systems do not guarantee this
    return True


def _free_name(path: Path) -> Path:
    while True:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = path.with_name(f"{path.stem}.{now}{path.suffix}")
        if not name.exists():
            return name


def _warn_deleted(path: Path, size: int) -> None:
    warn(f"deleted the rotated log file {path} ({size} bytes); lines not yet shipped are lost")
