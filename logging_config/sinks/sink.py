"""The interface of a destination of lines, and writing with a deadline."""

import os
import stat
from contextlib import suppress
from threading import RLock
from typing import Final, Protocol

from mlmon.logging_config.errors import can_write
from mlmon.logging_config.interruptions import is_interruption

CLOSE_TIMEOUT_S: Final = 8.0  # Docker kills a container 10 s after SIGTERM
"""Seconds all open logs together may take to write their lines when the process ends."""

QUIESCE_TIMEOUT_S: Final = 1.0
"""Seconds a fork, or the last step of SIGTERM, waits for a running write."""

_PIPE_BUF: Final = (
    4096  # Linux: a pipe that is ready accepts so many bytes, and does not split them
)


stream_writers: Final[set[int]] = set()
"""The threads that write to a stream of the program, whose own events there would never end."""


class Sink(Protocol):
    """Receives lines; its methods do not raise."""

    def write(self, lines: bytes) -> int:
        """Write complete lines; return how many bytes of them, from the first, were accepted.

        Less than all means that the remaining lines were not written.
        """

    def flush(self) -> bool:
        """Write all held lines; return whether that succeeded."""

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write all held lines and release resources; a later write opens them again."""

    def before_fork(self) -> None:
        """Finish the current write, so that the child starts in a consistent state."""

    def after_fork(self, *, in_child: bool) -> None:
        """Continue after `before_fork`."""


class WriteLock:
    """Excludes writes from one another; a fork waits for a running write, but not without end."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = RLock()  # a signal handler may log while its thread is writing

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the running write; return whether it ended in time."""
        return self.lock.acquire(timeout=max(timeout_s, 0))

    def release(self) -> None:
        """Allow writes again; no effect if this thread did not acquire the lock."""
        with suppress(RuntimeError):
            self.lock.release()

    def after_fork(self, *, in_child: bool) -> None:
        """Release the lock in the parent; in the child it is a new one."""
        if in_child:
            self.lock = RLock()
        else:
            self.release()


class LineWriter:
    """Writes lines to an open descriptor, and counts which were written completely.

    A line that was written in part is ended by the next write and then written again, so that no
    complete line is written twice.

    Args:
        descriptor: the open file, pipe or terminal.
        stall_s: seconds to wait for the reader of a pipe; once that has passed, the next writes do
            not wait until the reader continues.

    Attributes:
        is_file: whether it is a regular file or a device that never waits for a reader.
        torn: whether the file ends with a part of a line.
        problem: why the last write was not complete.
    """

    __slots__ = ("_identity", "_stall_s", "_stalled", "descriptor", "is_file", "problem", "torn")

    def __init__(self, descriptor: int, stall_s: float) -> None:
        self.descriptor = descriptor
        self._identity = _identity(descriptor)
        self.is_file = not _may_stall(descriptor)
        self._stall_s = stall_s
        self._stalled = False
        self.torn = False
        self.problem = ""

    def is_open(self) -> bool:
        """Whether the descriptor is still that of the file it was opened for."""
        try:
            return _identity(self.descriptor) == self._identity
        except OSError as error:
            if is_interruption(error):
                raise
            return False

    def write(self, lines: bytes) -> int:
        """Write the lines; return the length of those that were written completely."""
        return self.complete(lines, 0)

    def complete(self, lines: bytes, written: int) -> int:
        """Write the rest of the lines, of which some bytes were written."""
        ending = b"\n" if self.torn else b""
        data = ending + lines
        try:
            while written < len(data):
                written += self._write_some(data, written)
        except BlockingIOError:
            self.problem = "its reader has stalled"
        except OSError as error:
            if is_interruption(error):
                raise
            self.problem = error.strerror or str(error)
        if written >= len(data):
            self.torn = False
            return len(lines)
        done = lines.rfind(b"\n", 0, max(written - len(ending), 0)) + 1
        if written:
            self.torn = written - len(ending) > done
        return done

    def _write_some(self, data: bytes, start: int) -> int:
        if self.is_file:
            return os.write(self.descriptor, data[start:] if start else data)
        if not can_write(self.descriptor, 0.0 if self._stalled else self._stall_s):
            self._stalled = True
            raise BlockingIOError
        self._stalled = False
        end = start + _PIPE_BUF
        if end < len(data):
            # Complete lines in one write are not torn by other processes.
            end = data.rfind(b"\n", start, end) + 1 or end
        return os.write(self.descriptor, data[start:end])


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_ino, status.st_dev


def _may_stall(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
