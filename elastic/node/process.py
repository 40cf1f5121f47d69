"""A process named so that a later program can find it again: by its pid and by when it was started.

Pids are used again after a while; a pid together with its start time is not.
"""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, for as long as the machine runs.

    Args:
        pid: Its number.
        started: When it was started, in seconds since the epoch, as the system reports it.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Return the identity of a running process."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Return the process, None where it has ended or its pid belongs to another one now."""
        try:
            process = psutil.Process(self.pid)
            # Clock adjustments move the reported time by less than this.
            same = abs(process.create_time() - self.started) < 2.0  # noqa: PLR2004 - seconds
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None
