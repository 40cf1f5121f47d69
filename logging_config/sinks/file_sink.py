"""Where lines go: a file that several processes may append to, or standard output."""

import os
import sys
import time
from pathlib import Path
from threading import RLock
from typing import IO, Final, Protocol

from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.sinks.rotation import Rotation, is_at, rotate

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_LOOK_EVERY_S: Final = 1.0
_BETWEEN_LOOKS_S: Final = 0.02


class Sink(Protocol):
    """Takes whole lines; its methods do not raise."""

    def write(self, lines: bytes) -> bool:
        """Write one or more whole lines; whether they were accepted."""

    def flush(self) -> bool:
        """Write out what is held; whether all of it was."""

    def close(self) -> None:
        """Write out what is held and release what is open; a later write opens it again."""

    def before_fork(self) -> None:
        """Come to rest, so that the child finds nothing half done."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on after `before_fork`."""


class FileSink:
    """Appends to a file, each call in one `write`: processes do not tear each other's lines.

    It notices when the file was renamed or removed by another (logrotate, another process of the
    service) and goes on in a new one.

    Args:
        path: the file; its folder is made.
        rotation: when to begin a new file; None leaves that to others.

    Raises:
        ConfigurationError: the file cannot be opened for appending.
    """

    def __init__(self, path: Path, rotation: Rotation | None = None) -> None:
        self.path = path
        self._rotation = rotation
        self._lock = RLock()  # a signal's handler may log while its thread is writing
        self._file = -1
        self._torn = False
        self._look_at = 0.0
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
        """Append the lines; False if the disk refused them."""
        with self._lock:
            try:
                if self._room <= 0 or time.monotonic() >= self._look_at:
                    self._look()
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
        """Nothing is held."""
        return True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
                self._look_at = 0.0

    def before_fork(self) -> None:
        """Let no write be under way."""
        self._lock.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        """Let writes go on."""
        if in_child:
            self._lock = RLock()
        else:
            self._lock.release()

    def _complete(self, rest: bytes) -> None:
        """Write what the system left of a write; a piece left behind is closed off by the next."""
        self._torn = True
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._torn = False

    def _look(self) -> None:
        """See that the file is the one at the path, and whether it is full."""
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        if self._file < 0 or not is_at(self.path, self._file):
            self._open()
        if self._rotation and self._room <= 0:
            rotate(self.path, self._file, self._rotation)
            self._open()

    def _open(self) -> None:
        self.close()
        self._file = os.open(self.path, _FLAGS, 0o644)
        self._torn = _ends_within_a_line(self._file)
        size = os.fstat(self._file).st_size
        self._room = self._rotation.max_bytes - size if self._rotation else sys.maxsize


def _ends_within_a_line(file: int) -> bool:
    """Whether a process that was killed left a piece of a line at the file's end.

    Another process may be in the middle of its write, whose beginning can be seen. Its pauses are
    as long as a busy machine likes; but Linux does not touch a file's times while it is written, so
    that once they are touched, what was under way has made the file longer.
    """
    seen = -1
    while (size := os.fstat(file).st_size) != seen:
        if size == 0 or os.pread(file, 1, size - 1) == b"\n":
            return False
        seen = size
        os.utime(file)
        time.sleep(_BETWEEN_LOOKS_S)  # elsewhere there is only hope
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
        """Write the lines; False if the reader has gone."""
        with self._lock:
            try:
                self._stream.write(lines)
                self._stream.flush()
            except (OSError, ValueError):  # a closed stream is a ValueError
                return False
        return True

    def flush(self) -> bool:
        """Nothing is held."""
        return True

    def close(self) -> None:
        """The stream is its owner's to close."""

    def before_fork(self) -> None:
        """Let no write be under way."""
        self._lock.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        """Let writes go on."""
        if in_child:
            self._lock = RLock()
        else:
            self._lock.release()
