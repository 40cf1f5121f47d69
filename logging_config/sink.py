"""Where lines go: a file that several processes may append to, or standard output."""

import os
import sys
from pathlib import Path
from threading import Lock
from typing import IO, Protocol

from logging_config.errors import ConfigurationError


class Sink(Protocol):
    """Takes whole lines."""

    def write(self, lines: bytes) -> bool:
        """Write one or more whole lines; whether they were accepted. Does not raise."""

    def close(self) -> None:
        """Write out what is held and release what is open."""


class FileSink:
    """Appends to a file, each call in one `write`: processes do not tear each other's lines.

    Raises:
        ConfigurationError: the file cannot be opened for appending.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"Cannot append to {path}: {error.strerror}.",
                "Give the service write access to that folder, or another path.",
            ) from error

    def write(self, lines: bytes) -> bool:
        """Append the lines."""
        with self._lock:
            return os.write(self._file, lines) == len(lines)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class StreamSink:
    """Writes to standard output or another stream of bytes."""

    def __init__(self, stream: IO[bytes] | None = None) -> None:
        self._stream = stream or sys.stdout.buffer

    def write(self, lines: bytes) -> bool:
        """Write the lines and flush them."""
        self._stream.write(lines)
        self._stream.flush()
        return True

    def close(self) -> None:
        """Flush the stream; it is its owner's to close."""
        self._stream.flush()
